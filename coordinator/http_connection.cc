#include "coordinator/http_connection.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <chrono>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/ulid.h"
#include "coordinator/api_error.h"

namespace rn {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;

constexpr std::size_t kFileChunkBytes = 128 << 10;
constexpr std::size_t kReadBytes = 4 << 10;
constexpr std::size_t kBufferSlackBytes = 64 << 10;  // Beast reads ahead this far past a header.
constexpr std::size_t kCorrelationIdCharsMax = 128;
// A close with unread bytes makes the kernel send RST, and the client may lose the answer.
constexpr absl::Duration kLinger = absl::Seconds(2);
constexpr char kServerName[] = "rendernode";
constexpr absl::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

std::string Text(boost::beast::string_view view) {
  return std::string(view.data(), view.size());
}

bool UsableCorrelationId(absl::string_view id) {
  return !id.empty() && id.size() <= kCorrelationIdCharsMax &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.' || c == ':';
         });
}

std::string PeerName(const tcp::socket& socket) {
  boost::system::error_code error;
  const tcp::endpoint peer = socket.remote_endpoint(error);
  return error ? "unknown" : absl::StrCat(peer.address().to_string(), ":", peer.port());
}

bool BodyForbidden(int status) {
  return status == 204 || status == 304;
}

}  // namespace

boost::optional<std::pair<asio::const_buffer, bool>> HttpPayload::writer::get(
    boost::beast::error_code& error) {
  error = {};
  if (!payload_.file.has_value()) {
    if (payload_.text.empty()) {
      return boost::none;
    }
    return {{asio::buffer(payload_.text), /*more=*/false}};
  }
  const HttpFile& file = *payload_.file;
  const std::size_t wanted = std::min<std::int64_t>(kFileChunkBytes, file.length - sent_);
  if (wanted == 0) {
    return boost::none;
  }
  if (chunk_ == nullptr) {
    chunk_ = std::make_unique<char[]>(kFileChunkBytes);
  }
  const ssize_t got = ::pread(file.fd.get(), chunk_.get(), wanted, file.offset + sent_);
  if (got <=
      0) {  // Shorter than promised: the client must see a broken transfer, not a short file.
    error = got < 0 ? boost::beast::error_code(errno, boost::system::system_category())
                    : http::make_error_code(http::error::partial_message);
    return boost::none;
  }
  sent_ += got;
  return {{asio::buffer(chunk_.get(), got), /*more=*/sent_ < file.length}};
}

HttpConnection::HttpConnection(tcp::socket socket,
                               const HttpConnectionContext& context,
                               std::function<void(HttpConnection*)> on_end)
    : context_(context),
      on_end_(std::move(on_end)),
      stream_(std::move(socket), context.tls),
      executor_(stream_.get_executor()),
      timer_(executor_),
      buffer_(context.options.header_bytes_max + kBufferSlackBytes),
      peer_(PeerName(stream_.socket())) {}

HttpConnection::~HttpConnection() {
  LeaveLargeBody();
  on_end_(this);
}

void HttpConnection::Serve() {
  asio::dispatch(executor_, [self = shared_from_this()] {
    boost::system::error_code ignored;
    self->stream_.socket().set_option(tcp::no_delay(true), ignored);
    self->Handshake(&HttpConnection::AwaitRequest);
  });
}

void HttpConnection::Refuse() {
  asio::dispatch(executor_,
                 [self = shared_from_this()] { self->Handshake(&HttpConnection::AnswerRefusal); });
}

void HttpConnection::AnswerRefusal() {
  keep_alive_ = false;
  Respond(TooManyResponse("connections"));
}

// TLS, where it is spoken; then `next`.
void HttpConnection::Handshake(void (HttpConnection::*next)()) {
  if (context_.tls == nullptr) {
    return (this->*next)();
  }
  Arm(context_.options.request_timeout);
  stream_.AsyncHandshake([self = shared_from_this(), next](const ErrorCode& error) {
    self->Disarm();
    error ? self->Close() : (self.get()->*next)();
  });
}

void HttpConnection::Drain() {
  asio::post(executor_, [self = shared_from_this()] {
    self->draining_ = true;
    if (self->idle_) {
      self->Close();
    }
  });
}

void HttpConnection::AwaitRequest() {
  parser_.reset();
  if (draining_) {
    return Close();
  }
  if (buffer_.size() > 0) {  // Pipelined.
    return ReadHeader();
  }
  idle_ = true;
  Arm(context_.options.idle_timeout);
  stream_.async_read_some(buffer_.prepare(kReadBytes),
                          [self = shared_from_this()](const ErrorCode& error, std::size_t bytes) {
                            self->idle_ = false;
                            self->Disarm();
                            if (error) {
                              return self->Close();
                            }
                            self->buffer_.commit(bytes);
                            self->ReadHeader();
                          });
}

void HttpConnection::ReadHeader() {
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(context_.options.header_bytes_max));
  parser_->body_limit(std::numeric_limits<std::uint64_t>::max());  // Until AllowBody().
  body_bytes_max_ = context_.options.body_bytes_max;
  correlation_id_.clear();
  head_ = false;
  keep_alive_ = false;
  Arm(context_.options.request_timeout);
  http::async_read_header(
      stream_, buffer_, *parser_, [self = shared_from_this()](const ErrorCode& error, std::size_t) {
        self->OnHeader(error);
      });
}

void HttpConnection::OnHeader(const ErrorCode& error) {
  const auto& message = parser_->get();
  head_ = message.method() == http::verb::head;
  if (const std::string id = Text(message["X-Correlation-Id"]); UsableCorrelationId(id)) {
    correlation_id_ = id;
  }
  if (error) {
    return OnReadError(error);
  }
  if (!AllowBody()) {
    return;
  }
  const bool asks = absl::EqualsIgnoreCase(Text(message[http::field::expect]), "100-continue");
  asks && !parser_->is_done() ? WriteContinue() : ReadBody();
}

bool HttpConnection::AllowBody() {
  const auto& message = parser_->get();
  const HttpServerOptions& options = context_.options;
  const auto length = parser_->content_length();
  const bool known = length.has_value();
  const bool longer =
      parser_->chunked() || (known && *length > static_cast<std::uint64_t>(options.body_bytes_max));
  const std::string target = Text(message.target());
  if (longer && options.takes_large_body &&
      options.takes_large_body(Text(message.method_string()), target.substr(0, target.find('?')))) {
    body_bytes_max_ = std::max(options.body_bytes_max, options.large_body_bytes_max);
    if (!TakeLargeBody()) {
      Disarm();
      keep_alive_ = false;
      Respond(TooManyResponse("long requests at once"));
      return false;
    }
  }
  if (known && *length > static_cast<std::uint64_t>(body_bytes_max_)) {
    OnReadError(http::error::body_limit);
    return false;
  }
  parser_->body_limit(static_cast<std::uint64_t>(body_bytes_max_));
  return true;
}

bool HttpConnection::TakeLargeBody() {
  large_body_ = ++context_.large_bodies <= context_.options.large_bodies_max;
  context_.large_bodies -= large_body_ ? 0 : 1;
  return large_body_;
}

void HttpConnection::LeaveLargeBody() {
  context_.large_bodies -= std::exchange(large_body_, false) ? 1 : 0;
}

void HttpConnection::WriteContinue() {
  asio::async_write(stream_,
                    asio::buffer(kContinue.data(), kContinue.size()),
                    [self = shared_from_this()](const ErrorCode& error, std::size_t) {
                      error ? self->Close() : self->ReadBody();
                    });
}

void HttpConnection::ReadBody() {
  http::async_read(
      stream_, buffer_, *parser_, [self = shared_from_this()](const ErrorCode& error, std::size_t) {
        self->OnBody(error);
      });
}

void HttpConnection::OnBody(const ErrorCode& error) {
  if (error) {
    return OnReadError(error);
  }
  Disarm();
  auto message = parser_->release();
  keep_alive_ = message.keep_alive();
  auto target = ParseTarget(Text(message.target()));
  if (!target.ok()) {
    return Fail(400, target.status().message());
  }
  HttpRequest request;
  request.method = Text(message.method_string());
  request.path = std::move(target->first);
  request.query = std::move(target->second);
  for (const auto& field : message) {
    request.headers.emplace_back(absl::AsciiStrToLower(Text(field.name_string())),
                                 Text(field.value()));
  }
  request.body = std::move(message.body());
  request.peer = peer_;
  if (correlation_id_.empty()) {
    correlation_id_ = NewUlid(context_.clock.Now());
  }
  request.correlation_id = correlation_id_;
  // Who speaks before the upgrade was granted does not speak WebSocket.
  if (WebSocketSession::Asks(message) && buffer_.size() == 0) {
    request.wants_web_socket = true;
    upgradable_ = std::move(message);
  }
  Dispatch(std::move(request));
}

void HttpConnection::OnReadError(const ErrorCode& error) {
  Disarm();
  if (timed_out_) {
    return Fail(408, "the request did not arrive in time");
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return Fail(
        431,
        absl::StrCat(
            "the request's header is longer than ", context_.options.header_bytes_max, " bytes"));
  }
  if (error == http::error::body_limit) {
    return Fail(413, absl::StrCat("the request's body is longer than ", body_bytes_max_, " bytes"));
  }
  const bool malformed =
      error.category() == http::make_error_code(http::error::bad_method).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message;
  if (malformed) {
    return Fail(400, absl::StrCat("not an HTTP/1.1 request: ", error.message()));
  }
  Close();  // The client has gone.
}

void HttpConnection::Dispatch(HttpRequest request) {
  asio::post(context_.handlers, [self = shared_from_this(), request = std::move(request)] {
    auto response = std::make_shared<HttpResponse>(self->context_.handler(request));
    SPDLOG_DEBUG("http request method={} path={} status={} peer={} correlation_id={}",
                 request.method,
                 request.path,
                 response->status,
                 request.peer,
                 request.correlation_id);
    asio::post(self->executor_, [self, response] { self->Respond(std::move(*response)); });
  });
}

void HttpConnection::Fail(int http_status, absl::string_view message) {
  keep_alive_ = false;
  Respond(ErrorResponse(http_status, message));
}

void HttpConnection::Respond(HttpResponse response) {
  if (response.upgrade.has_value() && upgradable_.has_value()) {
    return Upgrade(*std::move(response.upgrade));
  }
  upgradable_.reset();
  LeaveLargeBody();
  const absl::Time now = context_.clock.Now();
  keep_alive_ = keep_alive_ && !draining_;
  response_.emplace();
  response_->version(11);
  response_->result(response.status);
  for (const auto& [name, value] : response.headers) {
    response_->insert(name, value);
  }
  response_->set(http::field::server, kServerName);
  response_->set(http::field::date,
                 absl::FormatTime("%a, %d %b %E4Y %H:%M:%S GMT", now, absl::UTCTimeZone()));
  response_->set("X-Correlation-Id", correlation_id_.empty() ? NewUlid(now) : correlation_id_);
  response_->keep_alive(keep_alive_);
  response_->body().text = std::move(response.body);
  response_->body().file = std::move(response.file);
  if (!BodyForbidden(response.status)) {
    response_->content_length(HttpPayload::size(response_->body()));
  }
  serializer_.emplace(*response_);
  serializer_->split(true);  // The header alone first: for HEAD it is all there is.
  WriteSome();
}

void HttpConnection::Upgrade(WebSocketUpgrade upgrade) {
  const auto session = draining_ ? nullptr : context_.admit_web_socket(stream_, peer_);
  if (session == nullptr) {
    return Respond(TooManyResponse("WebSockets"));
  }
  session->Accept(*upgradable_,
                  {{"Server", kServerName}, {"X-Correlation-Id", correlation_id_}},
                  std::move(upgrade));
}

void HttpConnection::WriteSome() {
  Arm(context_.options.write_timeout);
  http::async_write_some(
      stream_, *serializer_, [self = shared_from_this()](const ErrorCode& error, std::size_t) {
        self->Disarm();
        if (error) {
          return self->Close();
        }
        const int status = static_cast<int>(self->response_->result_int());
        const bool header_only = self->head_ || BodyForbidden(status);
        const bool done =
            self->serializer_->is_done() || (header_only && self->serializer_->is_header_done());
        done ? self->OnWritten() : self->WriteSome();
      });
}

void HttpConnection::OnWritten() {
  serializer_.reset();
  response_.reset();  // Closes a served file.
  keep_alive_ ? AwaitRequest() : Linger();
}

void HttpConnection::Linger() {
  stream_.ShutdownSend();
  Arm(kLinger);
  Discard();
}

void HttpConnection::Discard() {
  buffer_.clear();
  stream_.async_read_some(buffer_.prepare(kReadBytes),
                          [self = shared_from_this()](const ErrorCode& error, std::size_t) {
                            error ? self->Close() : self->Discard();
                          });
}

void HttpConnection::Close() {
  Disarm();
  stream_.Close();
}

void HttpConnection::Arm(absl::Duration timeout) {
  timed_out_ = false;
  const std::uint64_t generation = ++timer_generation_;
  timer_.expires_after(absl::ToChronoNanoseconds(timeout));
  timer_.async_wait([self = shared_from_this(), generation](const ErrorCode& error) {
    if (!error && generation == self->timer_generation_) {
      self->timed_out_ = true;
      self->stream_.Cancel();
    }
  });
}

void HttpConnection::Disarm() {
  ++timer_generation_;
  timer_.cancel();
}

}  // namespace rn
