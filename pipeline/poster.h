// One frame of the video as a JPEG.
#pragma once

#include <filesystem>

#include "absl/status/status.h"
#include "hwaccel/frame.h"

namespace rn {

// Full-range BT.601, as JPEG viewers expect; durable on return.
absl::Status WritePoster(const Nv12View& frame, const std::filesystem::path& path);

}  // namespace rn
