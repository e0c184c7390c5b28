// One client's connection: reads a request, has it handled, writes the response, again; or becomes
// a WebSocket.
// Included by http_server.cc and http_connection.cc alone: Asio and Beast are heavy headers.
#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "coordinator/http.h"
#include "coordinator/http_server.h"
#include "coordinator/http_stream.h"
#include "coordinator/tls_context.h"
#include "coordinator/web_socket_session.h"

namespace rn {

// A Beast body that is a string or a piece of a file, read a chunk at a time.
// NOLINTBEGIN(readability-identifier-naming): Beast asks for these names.
struct HttpPayload {
  struct value_type {
    std::string text;
    std::optional<HttpFile> file;
  };

  static std::uint64_t size(const value_type& payload) {
    return payload.file.has_value() ? payload.file->length : payload.text.size();
  }

  class writer {
   public:
    using const_buffers_type = boost::asio::const_buffer;

    template <bool kIsRequest, typename Fields>
    writer(const boost::beast::http::header<kIsRequest, Fields>&, const value_type& payload)
        : payload_(payload) {}

    void init(boost::beast::error_code& error) { error = {}; }
    boost::optional<std::pair<const_buffers_type, bool>> get(boost::beast::error_code& error);

   private:
    const value_type& payload_;
    std::unique_ptr<char[]> chunk_;
    std::int64_t sent_ = 0;
  };
};
// NOLINTEND(readability-identifier-naming)

// What all connections share; outlives them.
struct HttpConnectionContext {
  const HttpServerOptions options;
  const HttpHandler handler;
  Clock& clock;
  boost::asio::thread_pool& handlers;
  std::atomic<int>& large_bodies;  // Of all connections.
  const TlsContext* tls;           // Null: none.
  // Takes the stream for a WebSocket; null when there are too many, and the stream stays.
  const std::function<std::shared_ptr<WebSocketSession>(HttpStream& stream,
                                                        const std::string& peer)>
      admit_web_socket;
};

// Everything runs on the socket's strand; Serve, Refuse and Drain may be called from any thread.
// Keeps itself alive while an operation is pending.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  // `on_end` runs once, from the destructor, on any thread.
  HttpConnection(boost::asio::ip::tcp::socket socket,
                 const HttpConnectionContext& context,
                 std::function<void(HttpConnection*)> on_end);
  ~HttpConnection();

  void Serve();
  void Refuse();  // 503, then close.
  void Drain();   // Closes when idle, else after the response in hand.

 private:
  using ErrorCode = boost::beast::error_code;
  using RequestParser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using Response = boost::beast::http::response<HttpPayload>;
  using Serializer = boost::beast::http::response_serializer<HttpPayload>;

  void Handshake(void (HttpConnection::*next)());
  void AnswerRefusal();
  void AwaitRequest();
  void ReadHeader();
  void OnHeader(const ErrorCode& error);
  void WriteContinue();
  bool AllowBody();  // False: it is too long, and that was answered.
  bool TakeLargeBody();
  void LeaveLargeBody();
  void ReadBody();
  void OnBody(const ErrorCode& error);
  void OnReadError(const ErrorCode& error);
  void Dispatch(HttpRequest request);
  void Fail(int http_status, absl::string_view message);  // Answers and closes.
  void Respond(HttpResponse response);
  void Upgrade(WebSocketUpgrade upgrade);
  void WriteSome();
  void OnWritten();
  void Linger();
  void Discard();
  void Close();

  void Arm(absl::Duration timeout);
  void Disarm();

  const HttpConnectionContext& context_;
  const std::function<void(HttpConnection*)> on_end_;
  HttpStream stream_;
  const HttpStream::executor_type executor_;  // Its strand, for other threads.
  boost::asio::steady_timer timer_;
  boost::beast::flat_buffer buffer_;
  std::string peer_;

  // The request in hand and its response.
  std::optional<RequestParser> parser_;
  std::optional<WebSocketSession::Request> upgradable_;
  std::string correlation_id_;
  std::int64_t body_bytes_max_ = 0;  // Of this request.
  bool large_body_ = false;          // Counted among `large_bodies`.
  bool head_ = false;
  bool keep_alive_ = false;
  std::optional<Response> response_;
  std::optional<Serializer> serializer_;

  bool idle_ = false;
  bool draining_ = false;
  bool timed_out_ = false;
  std::uint64_t timer_generation_ = 0;  // A timer of an earlier operation must not end this one.
};

}  // namespace rn
