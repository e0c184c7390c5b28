// Messages over a stream socket: a 4-byte little-endian length, then that many bytes.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rn {

// Blocks until a whole frame is there. OutOfRange: the peer closed between two frames;
// DataLoss: it closed inside one; ResourceExhausted: the frame claims more than `bytes_max`.
absl::StatusOr<std::string> ReadFrame(int fd, std::size_t bytes_max);

// Blocks until all of it is written. Unavailable: the peer is gone (no SIGPIPE is raised).
absl::Status WriteFrame(int fd, absl::string_view message);

}  // namespace rn
