// Encoding on the CPU: libx264.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "hwaccel/device.h"
#include "hwaccel/ffmpeg.h"

namespace rn {

std::unique_ptr<Device> MakeCpuDevice();

// libx264 through FFmpeg, with the settings of the device's encoders and told nothing: what
// encoding costs who knows no more than the pixels. Without elision the device's streams are this
// one's.
absl::StatusOr<UniqueCodecContext> OpenX264(const EncodeParams& params);

}  // namespace rn
