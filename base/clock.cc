#include "base/clock.h"

#include <ctime>

#include "absl/time/clock.h"

namespace rn {
namespace {

absl::Duration Read(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return absl::DurationFromTimespec(now);
}

class SystemClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
  absl::Duration SinceBoot() const override { return Read(CLOCK_BOOTTIME); }
  absl::Duration Awake() const override { return Read(CLOCK_MONOTONIC); }
};

}  // namespace

Clock& Clock::System() {
  static SystemClock clock;
  return clock;
}

}  // namespace rn
