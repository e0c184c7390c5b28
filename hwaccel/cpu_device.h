// Encoding on the CPU: libx264 through FFmpeg.
#pragma once

#include <memory>

#include "hwaccel/device.h"

namespace rn {

std::unique_ptr<Device> MakeCpuDevice();

}  // namespace rn
