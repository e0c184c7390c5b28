// A second decoder's opinion: Cisco's, which shares nothing with FFmpeg's.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "tests/hwaccel/stream.h"

namespace rn {

// From packet `first` on, in display order; Planes::pts counts from 0. Any complaint of the
// decoder's is an error: nothing is concealed.
absl::StatusOr<std::vector<Planes>> DecodeWithOpenH264(const Stream& stream, std::size_t first = 0);

}  // namespace rn
