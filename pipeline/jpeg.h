// Frames of the video as JPEG pictures: full-range BT.601, as JPEG viewers expect.
#pragma once

#include <filesystem>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hwaccel/ffmpeg.h"
#include "hwaccel/frame.h"

namespace rn {

constexpr int kJpegSideMax = 65'500;  // pixels; FFmpeg's encoder takes no more

// A picture to be written; its pixels are undefined. Sides even, at most kJpegSideMax.
absl::StatusOr<UniqueAvFrame> NewJpegPicture(int width, int height);

// `frame` scaled to the size of `picture`.
absl::Status ToJpegPicture(const Nv12View& frame, AVFrame& picture);

// Durable on return.
absl::Status WriteJpeg(const AVFrame& picture, const std::filesystem::path& path);
absl::Status WriteJpeg(const Nv12View& frame, const std::filesystem::path& path);

}  // namespace rn
