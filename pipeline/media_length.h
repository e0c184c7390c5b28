// How long a sound file is, without decoding it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace rn {

// As its container says. InvalidArgument: not a media file, or one that does not say.
absl::StatusOr<absl::Duration> MediaLength(const std::string& path);

}  // namespace rn
