// How large somebody else's picture may be.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rn {

// InvalidArgument with the size and both limits. `what`: "the image".
absl::Status CheckPictureSize(
    absl::string_view what, int width, int height, int side_max, std::int64_t pixels_max);

}  // namespace rn
