// How long a sound file is, without decoding it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace rn {

// Thirty days. What says to be longer is damaged, and nothing to reckon with.
inline constexpr absl::Duration kMediaLengthMax = absl::Hours(720);

// As its container says. InvalidArgument: not a media file, or one that does not say, or says more
// than kMediaLengthMax.
absl::StatusOr<absl::Duration> MediaLength(const std::string& path);

}  // namespace rn
