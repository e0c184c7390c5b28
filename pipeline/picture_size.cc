#include "pipeline/picture_size.h"

#include "absl/strings/str_format.h"

namespace rn {

absl::Status CheckPictureSize(
    absl::string_view what, int width, int height, int side_max, std::int64_t pixels_max) {
  if (width <= side_max && height <= side_max && std::int64_t{width} * height <= pixels_max) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrFormat("%s is %dx%d pixels; at most %d a side and %d megapixels",
                      what,
                      width,
                      height,
                      side_max,
                      pixels_max / 1'000'000));
}

}  // namespace rn
