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

// Of the frame that begins with `header`.
absl::StatusOr<std::size_t> LengthOf(absl::string_view header, std::size_t bytes_max) {
  std::uint32_t length = 0;
  for (std::size_t i = 0; i < kHeaderBytes; ++i) {
    length |= static_cast<std::uint32_t>(static_cast<unsigned char>(header[i])) << (8 * i);
  }
  if (length > bytes_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a frame claims ", length, " bytes; the limit is ", bytes_max));
  }
  return length;
}

}  // namespace

absl::StatusOr<std::optional<std::string>> FrameParser::Next() {
  if (bytes_.size() < kHeaderBytes) {
    return std::nullopt;
  }
  ASSIGN_OR_RETURN(const std::size_t length, LengthOf(bytes_, bytes_max_));
  if (bytes_.size() < kHeaderBytes + length) {
    return std::nullopt;
  }
  std::optional<std::string> message = bytes_.substr(kHeaderBytes, length);
  bytes_.erase(0, kHeaderBytes + length);
  return message;
}

std::string ToFrame(absl::string_view message) {
  std::string bytes;
  bytes.reserve(kHeaderBytes + message.size());
  for (std::size_t i = 0; i < kHeaderBytes; ++i) {
    bytes.push_back(static_cast<char>((message.size() >> (8 * i)) & 0xff));
  }
  bytes.append(message.data(), message.size());
  return bytes;
}

absl::StatusOr<std::string> ReadFrame(int fd, std::size_t bytes_max) {
  std::array<char, kHeaderBytes> header{};
  ASSIGN_OR_RETURN(const std::size_t got, ReceiveUpTo(fd, header.data(), header.size()));
  if (got == 0) {
    return absl::OutOfRangeError("the peer closed the channel");
  }
  if (got < header.size()) {
    return absl::DataLossError("the peer closed the channel inside a frame's length");
  }
  ASSIGN_OR_RETURN(const std::size_t length, LengthOf({header.data(), header.size()}, bytes_max));
  std::string message(length, '\0');
  ASSIGN_OR_RETURN(const std::size_t body, ReceiveUpTo(fd, message.data(), message.size()));
  if (body < message.size()) {
    return absl::DataLossError("the peer closed the channel inside a frame");
  }
  return message;
}

absl::Status WriteFrame(int fd, absl::string_view message) {
  const std::string bytes = ToFrame(message);
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
