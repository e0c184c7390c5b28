#include "tests/fuzz/http_exchange.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <future>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/status.h"
#include "coordinator/http_connection.h"

namespace rn {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

constexpr std::size_t kPiecesMax = 256;

// One thread, so that what is posted last runs last.
asio::thread_pool& Handlers() {
  static auto& pool = *new asio::thread_pool(1);
  return pool;
}

void AwaitHandlers() {
  std::promise<void> reached;
  asio::post(Handlers(), [&reached] { reached.set_value(); });
  reached.get_future().wait();
}

}  // namespace

struct HttpExchange::Server {
  Server(const HttpServerOptions& options, HttpHandler handler)
      : context{options,
                std::move(handler),
                Clock::System(),
                Handlers(),
                large_bodies,
                /*tls=*/nullptr,
                [this](HttpStream& stream, const std::string& peer) {
                  ++live;
                  return std::make_shared<WebSocketSession>(std::move(stream),
                                                            context.options.web_sockets,
                                                            peer,
                                                            [this](WebSocketSession*) { --live; });
                }} {
    int ends[2] = {-1, -1};
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    client.Reset(ends[0]);
    tcp::socket socket(io);
    boost::system::error_code error;
    socket.assign(tcp::v4(), ends[1], error);
    CHECK(!error);
    ++live;
    std::make_shared<HttpConnection>(std::move(socket), context, [this](HttpConnection*) {
      --live;
    })->Serve();
  }

  std::atomic<int> live = 0;  // Connections and WebSockets.
  std::atomic<int> large_bodies = 0;
  asio::io_context io{1};
  const asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  const HttpConnectionContext context;
  UniqueFd client;
};

HttpExchange::HttpExchange(const HttpServerOptions& options, HttpHandler handler)
    : server_([&] {
        spdlog::set_level(spdlog::level::off);
        return std::make_unique<Server>(options, std::move(handler));
      }()) {
  Settle();
}

HttpExchange::~HttpExchange() = default;

void HttpExchange::Send(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent =
        ::send(server_->client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      break;  // It has hung up, or reads no more of it.
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
    Settle();
  }
}

void HttpExchange::SendInPieces(absl::string_view bytes, std::size_t piece) {
  const std::size_t step =
      piece == 0 ? bytes.size() : std::max(piece, bytes.size() / kPiecesMax + 1);
  for (; !bytes.empty(); bytes.remove_prefix(std::min(step, bytes.size()))) {
    Send(bytes.substr(0, step));
  }
}

bool HttpExchange::Close() {
  server_->client.Reset();
  Settle();
  return server_->live == 0 && server_->large_bodies == 0;
}

// Until neither the sockets' side nor a handler has anything to do.
void HttpExchange::Settle() {
  while (server_->io.poll() > 0) {
    Receive();
    AwaitHandlers();
  }
}

void HttpExchange::Receive() {
  char chunk[4096];
  while (server_->client.valid()) {
    const ssize_t got = ::recv(server_->client.get(), chunk, sizeof chunk, MSG_DONTWAIT);
    if (got <= 0) {
      return;
    }
    received_.append(chunk, static_cast<std::size_t>(got));
  }
}

}  // namespace rn
