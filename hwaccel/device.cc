#include "hwaccel/device.h"

#include "hwaccel/cpu_device.h"

namespace rn {

DeviceList DeviceList::Discover() {
  DeviceList devices;
  devices.cpu_ = MakeCpuDevice();
  return devices;
}

absl::StatusOr<DeviceChoice> DeviceList::Choose(HardwarePolicy policy) const {
  switch (policy) {
    case HardwarePolicy::kRequired:
      return absl::FailedPreconditionError(
          "output.video.hardware is \"required\", but this node has no hardware encoder; valid "
          "here: \"preferred\", \"off\"");
    case HardwarePolicy::kPreferred:
      return DeviceChoice{cpu_.get(), "no hardware encoder on this node"};
    case HardwarePolicy::kOff:
      return DeviceChoice{cpu_.get(), "hardware encoding is off in the template"};
  }
  return absl::InternalError("unreachable hardware policy");
}

}  // namespace rn
