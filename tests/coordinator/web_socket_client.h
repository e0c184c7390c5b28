// A WebSocket client over TLS, as others make them: Beast over Asio's TLS stream.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace rn {

// One thread. Whatever takes longer than twenty seconds fails, and the client is closed.
class WebSocketClient {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  WebSocketClient(int port,
                  const std::filesystem::path& ca,
                  const std::string& target,
                  Headers headers = {}) {
    tls_.load_verify_file(ca.string());
    tls_.set_verify_mode(boost::asio::ssl::verify_peer);
    stream_.emplace(io_, tls_);
    stream_->set_option(boost::beast::websocket::stream_base::decorator(
        [headers = std::move(headers)](boost::beast::websocket::request_type& request) {
          for (const auto& [name, value] : headers) {
            request.set(name, value);
          }
        }));
    stream_->control_callback(
        [this](boost::beast::websocket::frame_type kind, boost::beast::string_view) {
          pings_ += kind == boost::beast::websocket::frame_type::ping ? 1 : 0;
        });
    const boost::asio::ip::tcp::endpoint server(boost::asio::ip::address_v4::loopback(),
                                                static_cast<std::uint16_t>(port));
    if (Finish([&](auto done) { socket().async_connect(server, done); }) && Finish([&](auto done) {
          stream_->next_layer().async_handshake(boost::asio::ssl::stream_base::client, done);
        })) {
      Finish([&](auto done) {
        stream_->async_handshake(response_, absl::StrCat("127.0.0.1:", port), target, done);
      });
    }
  }

  // Of the answer to the request: 101, or an error's.
  int status() const { return static_cast<int>(response_.result_int()); }
  std::string header(const std::string& name) const { return std::string(response_[name]); }
  const std::string& body() const { return response_.body(); }

  // The next message; nullopt: the server has closed.
  std::optional<nlohmann::json> Next() {
    boost::beast::flat_buffer buffer;
    if (!Finish([&](auto done) {
          stream_->async_read(buffer, [done](boost::system::error_code error, std::size_t) mutable {
            done(error);
          });
        })) {
      return std::nullopt;
    }
    return nlohmann::json::parse(boost::beast::buffers_to_string(buffer.data()));
  }

  // The first message of that type from now on; null: the server has closed before.
  nlohmann::json Await(const std::string& type) {
    while (std::optional<nlohmann::json> message = Next()) {
      if ((*message)["type"] == type) {
        return *message;
      }
    }
    return nullptr;
  }

  // Of the server's close frame; 0: there was none.
  int close_code() const { return stream_->reason().code; }
  int pings() const { return pings_; }

  bool Send(const std::string& text) {
    return Finish([&](auto done) {
      stream_->async_write(
          boost::asio::buffer(text),
          [done](boost::system::error_code error, std::size_t) mutable { done(error); });
    });
  }
  // Reads until so many pings came; they are answered.
  void AwaitPings(int count) {
    boost::beast::flat_buffer buffer;
    bool ended = false;
    stream_->async_read(buffer, [&](boost::system::error_code, std::size_t) { ended = true; });
    const auto end = std::chrono::steady_clock::now() + kPatienceTime;
    io_.restart();
    while (!ended && pings_ < count && std::chrono::steady_clock::now() < end) {
      io_.run_one_for(kPatienceTime);
    }
    EXPECT_GE(pings_, count);
    socket().close();
    io_.run_for(kPatienceTime);
  }

 private:
  static constexpr std::chrono::seconds kPatienceTime{20};

  boost::asio::ip::tcp::socket& socket() { return boost::beast::get_lowest_layer(*stream_); }

  // Starts what calls `done(error)` when it has ended; whether that went well.
  template <typename Start>
  bool Finish(Start start) {
    std::optional<boost::system::error_code> outcome;
    start([&outcome](boost::system::error_code error) { outcome = error; });
    io_.restart();
    io_.run_for(kPatienceTime);
    if (!outcome.has_value()) {
      ADD_FAILURE() << "the server did not answer in time";
      boost::system::error_code ignored;
      socket().close(ignored);
      io_.restart();
      io_.run_for(kPatienceTime);
      return false;
    }
    return !*outcome;
  }

  boost::asio::io_context io_;
  boost::asio::ssl::context tls_{boost::asio::ssl::context::tls_client};
  std::optional<
      boost::beast::websocket::stream<boost::asio::ssl::stream<boost::asio::ip::tcp::socket>>>
      stream_;
  boost::beast::websocket::response_type response_;
  int pings_ = 0;
};

}  // namespace rn
