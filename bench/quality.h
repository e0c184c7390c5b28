// How good a video is: what a viewer gets of what was composited.
#pragma once

#include <cstdint>
#include <filesystem>

#include "absl/status/statusor.h"
#include "pipeline/scene.h"

namespace rn {

// Structural similarity of luma to the scene's own frames, 0 to 1, the mean over all of them, as
// FFmpeg's `ssim` filter has it. InvalidArgument: not as many frames as the scene has.
absl::StatusOr<double> MeanSsim(const std::filesystem::path& video, const Scene& scene);

// Of the video stream alone.
absl::StatusOr<std::int64_t> VideoBytes(const std::filesystem::path& video);

}  // namespace rn
