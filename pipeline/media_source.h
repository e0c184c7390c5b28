// Pictures from files that we do not trust, as pixels that we do.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "hwaccel/ffmpeg.h"
#include "pipeline/clip_index.h"  // ClipTurn
#include "pipeline/text.h"        // Raster

namespace rn {

struct ImageLimits {
  std::int64_t bytes_max = 64 << 20;
  std::int64_t pixels_max = 100'000'000;  // a 50 kB PNG can claim more than the machine has
  int side_max = 20'000;
};

struct DecodedImage {
  Raster raster;       // premultiplied BGRA, sRGB, EXIF orientation applied
  bool opaque = true;  // every alpha is 255
};

// JPEG, PNG, WebP (still), GIF (first frame), BMP, TIFF, told by their bytes, never by their names.
// Colour range, matrix and embedded profile are honoured (JPEG is full-range BT.601). `max_w`,
// `max_h`: decoded images larger than this many pixels on a side are scaled down to fit (high
// quality), aspect kept; 0 = as is. Memory is the file, one decoded picture (for a JPEG no larger
// than four times the result) and the result. Errors name the file and the limit and carry
// TEMPLATE_RENDER_ERROR: truncated, damaged, not an image, too large (told from the header, before
// anything is decoded).
absl::StatusOr<DecodedImage> DecodeImage(const std::string& path,
                                         const ImageLimits& limits,
                                         int max_w,
                                         int max_h);

// The same picture before it is made BGRA of: as its decoder has it, and how EXIF turns it.
struct ImageFrame {
  UniqueAvFrame frame;
  ClipTurn turn;                   // what EXIF says is still to be done
  int target_w = 0, target_h = 0;  // as stored: what DecodeImage would scale it to
};
absl::StatusOr<ImageFrame> DecodeImageFrame(const std::string& path,
                                            const ImageLimits& limits,
                                            int max_w,
                                            int max_h);
// Frees the frame.
absl::StatusOr<DecodedImage> ToImage(const std::string& path, ImageFrame image);

// Its planes are the colours themselves: 8-bit YUV without alpha, and no profile to apply.
bool IsPlainYuv(const AVFrame& frame);

}  // namespace rn
