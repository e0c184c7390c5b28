// A client's connection as Beast reads and writes it: TCP, or TLS over it.
//
// OpenSSL works on the socket itself: Asio's own TLS stream keeps some 70 KiB of buffers for each
// connection, which is too much for thousands that are idle. The process must ignore SIGPIPE.
// Included by the HTTP server's and the WebSocket's sources alone: Asio and Beast are heavy
// headers.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/websocket/teardown.hpp>
#include <cstddef>
#include <utility>

#include "coordinator/tls_context.h"

namespace rn {

// Asio's AsyncReadStream and AsyncWriteStream; one of each at once. Everything happens on the
// socket's executor, which is a strand.
class HttpStream {
 public:
  using ErrorCode = boost::system::error_code;
  using Socket = boost::asio::ip::tcp::socket;
  using executor_type = Socket::executor_type;  // NOLINT(readability-identifier-naming): Asio's.

  // Without `tls` plain TCP. `tls` outlives the call alone.
  HttpStream(Socket socket, const TlsContext* tls);
  HttpStream(HttpStream&&) = default;

  // NOLINTNEXTLINE(readability-identifier-naming): Asio's.
  executor_type get_executor() { return socket_.get_executor(); }
  Socket& socket() { return socket_; }

  // To be done before anything else. Calls `handler(ErrorCode)`; at once done without TLS.
  template <typename Handler>
  void AsyncHandshake(Handler&& handler) {
    using Op = Operation</*kWithBytes=*/false>;
    boost::asio::async_compose<Handler, void(ErrorCode)>(
        Op{*this, Step::kHandshake, nullptr, 0}, handler, socket_);
  }

  // NOLINTBEGIN(readability-identifier-naming): Asio's names.
  template <typename Buffers, typename Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    if (ssl_ == nullptr) {
      socket_.async_read_some(buffers, std::forward<Handler>(handler));
      return;
    }
    const auto buffer = First<boost::asio::mutable_buffer>(buffers);
    Transfer(Step::kRead, buffer.data(), buffer.size(), std::forward<Handler>(handler));
  }

  template <typename Buffers, typename Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (ssl_ == nullptr) {
      socket_.async_write_some(buffers, std::forward<Handler>(handler));
      return;
    }
    const auto buffer = First<boost::asio::const_buffer>(buffers);
    Transfer(Step::kWrite,
             const_cast<void*>(buffer.data()),
             buffer.size(),
             std::forward<Handler>(handler));
  }
  // NOLINTEND(readability-identifier-naming)

  // Tells the client that nothing more comes, as far as that goes without waiting.
  void SayGoodbye();
  void ShutdownSend();
  // What is under way ends with an error.
  void Cancel();
  void Close();

 private:
  enum class Step { kHandshake, kRead, kWrite };
  enum class Wants { kNothing, kToRead, kToWrite };

  // One try, which does not block. With kNothing, `error` and `bytes` are the outcome.
  Wants Try(Step step, void* data, std::size_t size, ErrorCode& error, std::size_t& bytes);

  // The first of them that is not empty: reads and writes may be partial.
  template <typename Buffer, typename Buffers>
  static Buffer First(const Buffers& buffers) {
    const auto end = boost::asio::buffer_sequence_end(buffers);
    for (auto it = boost::asio::buffer_sequence_begin(buffers); it != end; ++it) {
      if (const Buffer buffer(*it); buffer.size() > 0) {
        return buffer;
      }
    }
    return Buffer();
  }

  // Tries, and waits for the socket as long as OpenSSL wants that.
  template <bool kWithBytes>
  struct Operation {
    HttpStream& stream;
    Step step;
    void* data;
    std::size_t size;
    bool begun = false, done = false;
    ErrorCode outcome{};
    std::size_t bytes = 0;

    template <typename Self>
    void operator()(Self& self, ErrorCode error = {}) {
      if (done || error) {
        return Complete(self, done ? outcome : error);
      }
      switch (stream.Try(step, data, size, outcome, bytes)) {
        case Wants::kToRead:
          begun = true;
          return stream.socket_.async_wait(Socket::wait_read, std::move(self));
        case Wants::kToWrite:
          begun = true;
          return stream.socket_.async_wait(Socket::wait_write, std::move(self));
        case Wants::kNothing:
          break;
      }
      if (begun) {
        return Complete(self, outcome);
      }
      done = begun = true;  // Handlers are not called from within what starts the operation.
      boost::asio::post(std::move(self));
    }

    template <typename Self>
    void Complete(Self& self, ErrorCode error) {
      if constexpr (kWithBytes) {
        self.complete(error, error ? 0 : bytes);
      } else {
        self.complete(error);
      }
    }
  };

  template <typename Handler>
  void Transfer(Step step, void* data, std::size_t size, Handler&& handler) {
    using Op = Operation</*kWithBytes=*/true>;
    boost::asio::async_compose<Handler, void(ErrorCode, std::size_t)>(
        Op{*this, step, data, size}, handler, socket_);
  }

  Socket socket_;
  SslPtr ssl_;  // Null: plain TCP.
};

// Beast's customisation points for a WebSocket that ends.
// NOLINTBEGIN(readability-identifier-naming)
inline void beast_close_socket(HttpStream& stream) {
  stream.Close();
}

inline void teardown(boost::beast::role_type role,
                     HttpStream& stream,
                     boost::system::error_code& error) {
  stream.SayGoodbye();
  boost::beast::websocket::teardown(role, stream.socket(), error);
}

template <typename Handler>
void async_teardown(boost::beast::role_type role, HttpStream& stream, Handler&& handler) {
  stream.SayGoodbye();
  boost::beast::websocket::async_teardown(role, stream.socket(), std::forward<Handler>(handler));
}
// NOLINTEND(readability-identifier-naming)

}  // namespace rn
