#include "coordinator/http_stream.h"

#include <openssl/err.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <cerrno>
#include <limits>

namespace rn {
namespace {

using boost::system::error_code;

error_code SystemError(int number) {
  return {number, boost::system::system_category()};
}

int Length(std::size_t size) {
  return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
}

}  // namespace

HttpStream::HttpStream(Socket socket, const TlsContext* tls) : socket_(std::move(socket)) {
  if (tls == nullptr) {
    return;
  }
  error_code error;
  socket_.native_non_blocking(true, error);
  ssl_ = error ? nullptr : tls->NewConnection(socket_.native_handle());
  if (ssl_ == nullptr) {  // Never in the clear instead.
    Close();
  }
}

HttpStream::Wants HttpStream::Try(
    Step step, void* data, std::size_t size, ErrorCode& error, std::size_t& bytes) {
  if (ssl_ == nullptr || (size == 0 && step != Step::kHandshake)) {
    return Wants::kNothing;
  }
  ERR_clear_error();
  errno = 0;
  int done = 0;
  switch (step) {
    case Step::kHandshake:
      done = SSL_do_handshake(ssl_.get());
      break;
    case Step::kRead:
      done = SSL_read(ssl_.get(), data, Length(size));
      break;
    case Step::kWrite:
      done = SSL_write(ssl_.get(), data, Length(size));
      break;
  }
  if (done > 0) {
    bytes = step == Step::kHandshake ? 0 : static_cast<std::size_t>(done);
    return Wants::kNothing;
  }
  const int number = errno;
  switch (SSL_get_error(ssl_.get(), done)) {
    case SSL_ERROR_WANT_READ:
      return Wants::kToRead;
    case SSL_ERROR_WANT_WRITE:
      return Wants::kToWrite;
    case SSL_ERROR_ZERO_RETURN:
      error = boost::asio::error::eof;
      return Wants::kNothing;
    case SSL_ERROR_SYSCALL:
      error = number == 0 ? error_code(boost::asio::error::eof) : SystemError(number);
      return Wants::kNothing;
    default:
      SPDLOG_DEBUG("tls failed error=\"{}\"", ERR_error_string(ERR_peek_error(), nullptr));
      error = SystemError(EPROTO);
      return Wants::kNothing;
  }
}

void HttpStream::SayGoodbye() {
  if (ssl_ != nullptr && SSL_is_init_finished(ssl_.get())) {
    ERR_clear_error();
    (void)SSL_shutdown(ssl_.get());
  }
}

void HttpStream::ShutdownSend() {
  SayGoodbye();
  error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
}

void HttpStream::Cancel() {
  error_code ignored;
  socket_.cancel(ignored);
}

void HttpStream::Close() {
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace rn
