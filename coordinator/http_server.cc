#include "coordinator/http_server.h"

#include <spdlog/spdlog.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <map>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/status.h"
#include "coordinator/http_connection.h"

namespace rn {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using boost::system::error_code;

constexpr int kRefusalsMax = 64;  // Connections above the limit that still get a 503.
constexpr auto kAcceptRetry = std::chrono::milliseconds(100);  // Out of descriptors.

absl::Status Validate(const HttpServerOptions& options) {
  const auto in_range =
      [](const char* name, std::int64_t value, std::int64_t min, std::int64_t max) {
        return value >= min && value <= max
                   ? absl::OkStatus()
                   : absl::InvalidArgumentError(
                         absl::StrCat(name, " is ", value, "; valid: ", min, " to ", max));
      };
  RETURN_IF_ERROR(in_range("port", options.port, 0, 65535));
  RETURN_IF_ERROR(in_range("io_threads", options.io_threads, 1, 64));
  RETURN_IF_ERROR(in_range("handler_threads", options.handler_threads, 1, 256));
  RETURN_IF_ERROR(in_range("connections_max", options.connections_max, 1, 100'000));
  RETURN_IF_ERROR(in_range("header_bytes_max", options.header_bytes_max, 1 << 10, 1 << 20));
  RETURN_IF_ERROR(
      in_range("web_sockets.connections_max", options.web_sockets.connections_max, 0, 100'000));
  return in_range("body_bytes_max", options.body_bytes_max, 0, 1 << 30);
}

class BeastHttpServer : public HttpServer {
 public:
  BeastHttpServer(const HttpServerOptions& options,
                  std::unique_ptr<TlsContext> tls,
                  HttpHandler handler,
                  Clock& clock)
      : options_(options),
        tls_(std::move(tls)),
        io_(options.io_threads),
        handlers_(options.handler_threads),
        context_{options,
                 std::move(handler),
                 clock,
                 handlers_,
                 large_bodies_,
                 tls_.get(),
                 [this](HttpStream& stream, const std::string& peer) {
                   return AdmitWebSocket(stream, peer);
                 }},
        work_(asio::make_work_guard(io_)),
        acceptor_(asio::make_strand(io_)),
        accept_retry_(acceptor_.get_executor()),
        tls_refresh_(acceptor_.get_executor()) {}

  ~BeastHttpServer() override { BeastHttpServer::Stop(); }

  absl::Status Listen();
  int port() const override { return port_; }
  void Stop() override;

 private:
  void Accept();
  void Adopt(tcp::socket socket);
  void Forget(HttpConnection* connection);
  std::shared_ptr<WebSocketSession> AdmitWebSocket(HttpStream& stream, const std::string& peer);
  void Forget(WebSocketSession* session);
  void DrainConnections();
  void RefreshTls();

  const HttpServerOptions options_;
  const std::unique_ptr<TlsContext> tls_;  // Null: none.
  int port_ = 0;                           // Fixed once Listen returned.

  Mutex mutex_;
  CondVar ended_;
  std::map<HttpConnection*, std::weak_ptr<HttpConnection>> connections_ ABSL_GUARDED_BY(mutex_);
  std::map<WebSocketSession*, std::weak_ptr<WebSocketSession>> web_sockets_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  // Destroyed before what connections refer to: pending operations own connections.
  asio::io_context io_;
  asio::thread_pool handlers_;
  std::atomic<int> large_bodies_ = 0;
  const HttpConnectionContext context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  tcp::acceptor acceptor_;
  asio::steady_timer accept_retry_;
  asio::steady_timer tls_refresh_;
  std::vector<std::thread> threads_;
};

absl::Status BeastHttpServer::Listen() {
  error_code error;
  const auto address = asio::ip::make_address(options_.address, error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("address \"", options_.address, "\" is not an IPv4 or IPv6 address"));
  }
  const tcp::endpoint endpoint(address, static_cast<std::uint16_t>(options_.port));
  acceptor_.open(endpoint.protocol(), error);
  if (!error) {
    acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  }
  if (!error) {
    acceptor_.bind(endpoint, error);
  }
  if (!error) {
    acceptor_.listen(asio::socket_base::max_listen_connections, error);
  }
  if (error) {
    return absl::UnavailableError(absl::StrCat(
        "cannot listen on ", options_.address, ":", options_.port, ": ", error.message()));
  }
  port_ = acceptor_.local_endpoint(error).port();
  Accept();
  if (tls_ != nullptr) {
    RefreshTls();
  }
  for (int i = 0; i < options_.io_threads; ++i) {
    threads_.emplace_back([this] { io_.run(); });
  }
  return absl::OkStatus();
}

void BeastHttpServer::Accept() {
  acceptor_.async_accept(asio::make_strand(io_),
                         [this](const error_code& error, tcp::socket socket) {
                           if (!acceptor_.is_open()) {
                             return;
                           }
                           if (!error) {
                             Adopt(std::move(socket));
                             return Accept();
                           }
                           SPDLOG_WARN("http accept failed error=\"{}\"", error.message());
                           accept_retry_.expires_after(kAcceptRetry);
                           accept_retry_.async_wait([this](const error_code& canceled) {
                             if (!canceled && acceptor_.is_open()) {
                               Accept();
                             }
                           });
                         });
}

void BeastHttpServer::Adopt(tcp::socket socket) {
  auto connection = std::make_shared<HttpConnection>(
      std::move(socket), context_, [this](HttpConnection* ended) { Forget(ended); });
  int others = 0;
  {
    MutexLock lock(mutex_);
    if (stopping_) {
      others = options_.connections_max + kRefusalsMax;
    } else {
      others = static_cast<int>(connections_.size());
      connections_.emplace(connection.get(), connection);
    }
  }
  if (others < options_.connections_max) {
    connection->Serve();
  } else if (others < options_.connections_max + kRefusalsMax) {
    connection->Refuse();
  }
}

void BeastHttpServer::Forget(HttpConnection* connection) {
  MutexLock lock(mutex_);
  connections_.erase(connection);
  ended_.NotifyAll();
}

// Whoever reads the files blocks for as long as a disk does, every now and then.
void BeastHttpServer::RefreshTls() {
  tls_refresh_.expires_after(absl::ToChronoNanoseconds(options_.tls->refresh));
  tls_refresh_.async_wait([this](const error_code& canceled) {
    if (canceled || !acceptor_.is_open()) {
      return;
    }
    if (const absl::Status status = tls_->Refresh(); !status.ok()) {
      SPDLOG_WARN("http certificate not renewed error=\"{}\"", status.ToString());
    }
    RefreshTls();
  });
}

std::shared_ptr<WebSocketSession> BeastHttpServer::AdmitWebSocket(HttpStream& stream,
                                                                  const std::string& peer) {
  MutexLock lock(mutex_);
  if (stopping_ ||
      web_sockets_.size() >= static_cast<std::size_t>(options_.web_sockets.connections_max)) {
    return nullptr;
  }
  auto session = std::make_shared<WebSocketSession>(
      std::move(stream), options_.web_sockets, peer, [this](WebSocketSession* ended) {
        Forget(ended);
      });
  web_sockets_.emplace(session.get(), session);
  return session;
}

void BeastHttpServer::Forget(WebSocketSession* session) {
  MutexLock lock(mutex_);
  web_sockets_.erase(session);
  ended_.NotifyAll();
}

void BeastHttpServer::DrainConnections() {
  // Released outside the lock: see Forget.
  std::vector<std::shared_ptr<HttpConnection>> live;
  std::vector<std::shared_ptr<WebSocketSession>> sessions;
  {
    MutexLock lock(mutex_);
    for (const auto& [_, connection] : connections_) {
      if (auto shared = connection.lock()) {
        live.push_back(std::move(shared));
      }
    }
    for (const auto& [_, session] : web_sockets_) {
      if (auto shared = session.lock()) {
        sessions.push_back(std::move(shared));
      }
    }
  }
  for (const auto& connection : live) {
    connection->Drain();
  }
  for (const auto& session : sessions) {
    session->Close(WebSocketClose::kGoingAway);
  }
}

void BeastHttpServer::Stop() {
  {
    MutexLock lock(mutex_);
    if (stopping_) {
      return;
    }
    stopping_ = true;
  }
  // In this order: when nobody is accepted any more, every reply says that it is the last.
  DrainConnections();
  asio::post(acceptor_.get_executor(), [this] {
    error_code ignored;
    acceptor_.close(ignored);
    accept_retry_.cancel();
    tls_refresh_.cancel();
  });
  {
    MutexLock lock(mutex_);
    const absl::Duration deadline = context_.clock.SinceBoot() + options_.drain_timeout;
    while (!connections_.empty() || !web_sockets_.empty()) {
      const absl::Duration left = deadline - context_.clock.SinceBoot();
      if (left <= absl::ZeroDuration() || !ended_.WaitFor(mutex_, left)) {
        break;
      }
    }
  }
  handlers_.join();
  work_.reset();
  io_.stop();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpServerOptions& options,
                                                              HttpHandler handler,
                                                              Clock& clock) {
  RETURN_IF_ERROR(Validate(options));
  std::unique_ptr<TlsContext> tls;
  if (options.tls.has_value()) {
    ASSIGN_OR_RETURN(tls, TlsContext::Load(options.tls->cert_file, options.tls->key_file));
  }
  auto server =
      std::make_unique<BeastHttpServer>(options, std::move(tls), std::move(handler), clock);
  RETURN_IF_ERROR(Annotate(server->Listen(), "HTTP server"));
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace rn
