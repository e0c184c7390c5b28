// What an image file says of itself, read from its bytes before any decoder sees them: format,
// size, orientation, and whether the file is whole.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rn {

enum class ImageFormat { kJpeg, kPng, kWebp, kGif, kBmp, kTiff };

struct ImageHeader {
  ImageFormat format = ImageFormat::kJpeg;
  int width = 0, height = 0;  // as stored: before the orientation is applied
  int orientation = 1;        // EXIF 1…8; 5…8 swap width and height
  bool whole = true;          // false: the file ends before the picture does; sizes may be 0
};

// InvalidArgument, in words for the person who supplied the file: empty, a web page or other
// content, animated WebP. Sizes are as claimed, not checked against any limit; a file that is
// whole by its structure may still not decode. Never reads outside `bytes`.
absl::StatusOr<ImageHeader> ReadImageHeader(absl::string_view bytes);

}  // namespace rn
