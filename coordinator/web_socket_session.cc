#include "coordinator/web_socket_session.h"

#include <spdlog/spdlog.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <chrono>

#include "absl/time/time.h"

namespace rn {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;

constexpr std::size_t kKeyCharsMax = 24;  // RFC 6455, 4.1: 16 bytes in base64.

std::chrono::steady_clock::duration Chrono(absl::Duration duration) {
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      absl::ToChronoNanoseconds(duration));
}

}  // namespace

WebSocketSession::WebSocketSession(HttpStream stream,
                                   const WebSocketOptions& options,
                                   std::string peer,
                                   std::function<void(WebSocketSession*)> on_end)
    : options_(options),
      peer_(std::move(peer)),
      on_end_(std::move(on_end)),
      stream_(std::move(stream)),
      close_timer_(stream_.get_executor()) {}

WebSocketSession::~WebSocketSession() {
  on_end_(this);
}

bool WebSocketSession::Asks(const Request& request) {
  return websocket::is_upgrade(request) && request.count(http::field::host) > 0 &&
         request[http::field::sec_websocket_version] == "13" &&
         request[http::field::sec_websocket_key].size() == kKeyCharsMax;
}

void WebSocketSession::Accept(const Request& request,
                              const HttpFields& headers,
                              WebSocketUpgrade upgrade) {
  stream_.set_option(
      websocket::stream_base::timeout{.handshake_timeout = Chrono(options_.close_timeout),
                                      .idle_timeout = Chrono(options_.idle_timeout),
                                      .keep_alive_pings = true});
  stream_.set_option(websocket::stream_base::decorator(
      [headers, subprotocol = upgrade.subprotocol](websocket::response_type& response) {
        for (const auto& [name, value] : headers) {
          response.set(name, value);
        }
        if (!subprotocol.empty()) {
          response.set(http::field::sec_websocket_protocol, subprotocol);
        }
      }));
  stream_.read_message_max(static_cast<std::size_t>(options_.message_bytes_max));
  stream_.auto_fragment(false);
  stream_.text(true);
  stream_.async_accept(
      request, [self = shared_from_this(), upgrade = std::move(upgrade)](const ErrorCode& error) {
        self->OnAccept(error, upgrade);
      });
}

void WebSocketSession::OnAccept(const ErrorCode& error, const WebSocketUpgrade& upgrade) {
  if (error) {
    return End(error);
  }
  stream_.set_option(websocket::stream_base::decorator([](websocket::response_type&) {}));
  SPDLOG_DEBUG("websocket opened peer={}", peer_);
  accepted_ = true;
  events_ = upgrade.on_open(weak_from_this());
  Read();
  Write();
}

void WebSocketSession::Read() {
  stream_.async_read(inbound_, [self = shared_from_this()](const ErrorCode& error, std::size_t) {
    if (error) {
      return self->End(error);
    }
    self->inbound_.clear();
    self->Read();
  });
}

void WebSocketSession::Send(Message message) {
  {
    MutexLock lock(mutex_);
    if (closing_) {
      return;
    }
    queued_bytes_ += static_cast<std::int64_t>(message->size());
    if (queued_bytes_ <= options_.queue_bytes_max) {
      queue_.push_back(std::move(message));
      if (std::exchange(busy_, true)) {
        return;
      }
    } else {
      closing_ = true;
      close_code_ = WebSocketClose::kTryAgainLater;
      queue_.clear();
    }
  }
  asio::post(stream_.get_executor(), [self = shared_from_this()] { self->Write(); });
}

void WebSocketSession::Close(WebSocketClose code) {
  {
    MutexLock lock(mutex_);
    if (std::exchange(closing_, true)) {
      return;
    }
    close_code_ = code;
  }
  asio::post(stream_.get_executor(), [self = shared_from_this()] { self->Write(); });
}

// The next message, or the close when there is none. A write under way ends here again.
void WebSocketSession::Write() {
  if (!accepted_ || ended_) {
    return;
  }
  Message next;
  bool closing = false;
  {
    MutexLock lock(mutex_);
    closing = closing_;
    if (writing_ == nullptr && !queue_.empty()) {
      next = std::move(queue_.front());
      queue_.pop_front();
    }
    busy_ = writing_ != nullptr || next != nullptr;
  }
  if (next != nullptr) {
    writing_ = std::move(next);
    stream_.async_write(asio::buffer(*writing_),
                        [self = shared_from_this()](const ErrorCode& error, std::size_t) {
                          self->OnWritten(error);
                        });
  }
  if (closing) {
    BeginClose();
  } else if (writing_ == nullptr) {
    events_.on_drained();
  }
}

void WebSocketSession::OnWritten(const ErrorCode& error) {
  {
    MutexLock lock(mutex_);
    queued_bytes_ -= static_cast<std::int64_t>(writing_->size());
  }
  writing_.reset();
  if (error) {
    return stream_.next_layer().Close();  // What reads ends with it.
  }
  Write();
}

// The time for it runs from the first call on; the close itself follows the last message.
void WebSocketSession::BeginClose() {
  if (!std::exchange(close_timed_, true)) {
    close_timer_.expires_after(Chrono(options_.close_timeout));
    close_timer_.async_wait([self = shared_from_this()](const ErrorCode& canceled) {
      if (!canceled) {
        self->stream_.next_layer().Close();
      }
    });
  }
  if (writing_ != nullptr || std::exchange(close_begun_, true)) {
    return;
  }
  WebSocketClose code{};
  {
    MutexLock lock(mutex_);
    code = close_code_;
  }
  const char* why =
      code == WebSocketClose::kTryAgainLater ? "the client reads too slowly" : "the server stops";
  SPDLOG_INFO("websocket closed peer={} code={} why=\"{}\"", peer_, static_cast<int>(code), why);
  stream_.async_close(websocket::close_reason(static_cast<websocket::close_code>(code), why),
                      [self = shared_from_this()](const ErrorCode&) {});
}

void WebSocketSession::End(const ErrorCode& error) {
  if (std::exchange(ended_, true)) {
    return;
  }
  SPDLOG_DEBUG("websocket ended peer={} why=\"{}\"", peer_, error.message());
  {
    MutexLock lock(mutex_);
    closing_ = true;
    queue_.clear();
  }
  close_timer_.cancel();
  events_.on_end();
  events_ = {};
}

}  // namespace rn
