// One client's WebSocket over a connection that was HTTP before. A client's messages are read and
// ignored: what it wants it said in its request.
// Included by the HTTP server's sources alone: Asio and Beast are heavy headers.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "coordinator/http.h"
#include "coordinator/http_stream.h"
#include "coordinator/web_socket.h"

namespace rn {

// Everything private runs on the stream's strand. Keeps itself alive while an operation is pending.
class WebSocketSession final : public WebSocket,
                               public std::enable_shared_from_this<WebSocketSession> {
 public:
  using Request = boost::beast::http::request<boost::beast::http::string_body>;

  // `on_end` runs once, from the destructor, on any thread. `options` outlives the session.
  WebSocketSession(HttpStream stream,
                   const WebSocketOptions& options,
                   std::string peer,
                   std::function<void(WebSocketSession*)> on_end);
  ~WebSocketSession() override;

  // Whether the request asks for a WebSocket in a way that Accept can answer.
  static bool Asks(const Request& request);

  // Answers the request, `headers` among the response's, and goes on. On the strand.
  void Accept(const Request& request, const HttpFields& headers, WebSocketUpgrade upgrade);

  void Send(Message message) override;
  void Close(WebSocketClose code) override;

 private:
  using ErrorCode = boost::beast::error_code;

  void OnAccept(const ErrorCode& error, const WebSocketUpgrade& upgrade);
  void Read();
  void Write();
  void OnWritten(const ErrorCode& error);
  void BeginClose();
  void End(const ErrorCode& error);

  const WebSocketOptions& options_;
  const std::string peer_;
  const std::function<void(WebSocketSession*)> on_end_;

  // The strand's alone.
  boost::beast::websocket::stream<HttpStream, /*deflateSupported=*/false> stream_;
  boost::asio::steady_timer close_timer_;
  boost::beast::flat_buffer inbound_;
  WebSocketEvents events_;
  Message writing_;
  bool accepted_ = false, close_timed_ = false, close_begun_ = false, ended_ = false;

  Mutex mutex_;
  std::deque<Message> queue_ ABSL_GUARDED_BY(mutex_);
  std::int64_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // What is being written included.
  bool busy_ ABSL_GUARDED_BY(mutex_) = true;  // Somebody will look at the queue; so until accepted.
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  WebSocketClose close_code_ ABSL_GUARDED_BY(mutex_) = WebSocketClose::kGoingAway;
};

}  // namespace rn
