#include "base/framing.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "base/status.h"

namespace rn {
namespace {

constexpr std::size_t kHeaderBytes = 4;

// Fewer than `size` bytes only when the peer closed.
absl::StatusOr<std::size_t> ReceiveUpTo(int fd, char* data, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = recv(fd, data + done, size - done, 0);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0 && errno != ECONNRESET) {
      return ErrnoStatus(errno, "reading a frame");
    }
    if (got <= 0) {
      break;
    }
    done += static_cast<std::size_t>(got);
  }
  return done;
}

}  // namespace

absl::StatusOr<std::string> ReadFrame(int fd, std::size_t bytes_max) {
  std::array<char, kHeaderBytes> header{};
  ASSIGN_OR_RETURN(const std::size_t got, ReceiveUpTo(fd, header.data(), header.size()));
  if (got == 0) {
    return absl::OutOfRangeError("the peer closed the channel");
  }
  std::uint32_t length = 0;
  for (std::size_t i = 0; i < header.size(); ++i) {
    length |= static_cast<std::uint32_t>(static_cast<unsigned char>(header[i])) << (8 * i);
  }
  if (got < header.size()) {
    return absl::DataLossError("the peer closed the channel inside a frame's length");
  }
  if (length > bytes_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a frame claims ", length, " bytes; the limit is ", bytes_max));
  }
  std::string message(length, '\0');
  ASSIGN_OR_RETURN(const std::size_t body, ReceiveUpTo(fd, message.data(), message.size()));
  if (body < message.size()) {
    return absl::DataLossError("the peer closed the channel inside a frame");
  }
  return message;
}

absl::Status WriteFrame(int fd, absl::string_view message) {
  std::string bytes;
  bytes.reserve(kHeaderBytes + message.size());
  for (std::size_t i = 0; i < kHeaderBytes; ++i) {
    bytes.push_back(static_cast<char>((message.size() >> (8 * i)) & 0xff));
  }
  bytes.append(message.data(), message.size());
  absl::string_view rest = bytes;
  while (!rest.empty()) {
    const ssize_t put = send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put < 0 && (errno == EPIPE || errno == ECONNRESET)) {
      return absl::UnavailableError("the peer is gone");
    }
    if (put < 0) {
      return ErrnoStatus(errno, "writing a frame");
    }
    rest.remove_prefix(static_cast<std::size_t>(put));
  }
  return absl::OkStatus();
}

}  // namespace rn
