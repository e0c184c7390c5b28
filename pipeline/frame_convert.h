// Frames in the formats of others.
#pragma once

#include "absl/status/status.h"
#include "hwaccel/ffmpeg.h"
#include "hwaccel/frame.h"

namespace rn {

// `planes` and `strides` of a picture of that format and size, full range.
struct PictureMemory {
  AVPixelFormat format = AV_PIX_FMT_NONE;
  int width = 0, height = 0;
  int matrix = SWS_CS_ITU709;  // of its YUV, SWS_CS_…; RGB has none
  std::uint8_t* const* planes = nullptr;
  const int* strides = nullptr;
};

// Scaled to the picture's size. Writes up to a vector's length beyond the end of a row.
// ResourceExhausted: out of memory.
absl::Status ConvertFrame(const Nv12View& frame, const PictureMemory& picture);

}  // namespace rn
