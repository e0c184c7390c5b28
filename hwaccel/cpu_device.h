// Encoding on the CPU: libx264 through FFmpeg.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "hwaccel/device.h"
#include "hwaccel/ffmpeg.h"

namespace rn {

std::unique_ptr<Device> MakeCpuDevice();

// The codec with the settings that the device's encoders have: what encoding costs at the least is
// measured with it, fed by other means.
absl::StatusOr<UniqueCodecContext> OpenX264(const EncodeParams& params);

}  // namespace rn
