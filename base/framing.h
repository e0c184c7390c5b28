// Messages over a stream socket: a 4-byte little-endian length, then that many bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rn {

// Blocks until a whole frame is there. OutOfRange: the peer closed between two frames;
// DataLoss: it closed inside one; ResourceExhausted: the frame claims more than `bytes_max`.
absl::StatusOr<std::string> ReadFrame(int fd, std::size_t bytes_max);

// The bytes of one frame, for a socket that must not block.
std::string ToFrame(absl::string_view message);

// Frames out of bytes that arrive piecemeal, for a socket that is polled. Not thread-safe.
class FrameParser {
 public:
  explicit FrameParser(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  void Append(absl::string_view bytes) { bytes_.append(bytes.data(), bytes.size()); }

  // The next whole frame, if it is all there. ResourceExhausted: it claims more than `bytes_max`.
  absl::StatusOr<std::optional<std::string>> Next();

 private:
  const std::size_t bytes_max_;
  std::string bytes_;  // Not yet returned.
};

// Blocks until all of it is written. Unavailable: the peer is gone (no SIGPIPE is raised).
absl::Status WriteFrame(int fd, absl::string_view message);

}  // namespace rn
