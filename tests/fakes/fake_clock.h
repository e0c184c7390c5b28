// A clock that moves only when told to.
#pragma once

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace rn {

// Thread-safe. Starts at 2026-01-01T00:00:00Z, one hour after boot.
class FakeClock final : public Clock {
 public:
  absl::Time Now() const override {
    MutexLock lock(mutex_);
    return now_;
  }
  absl::Duration SinceBoot() const override {
    MutexLock lock(mutex_);
    return since_boot_;
  }
  void Advance(absl::Duration by) {
    MutexLock lock(mutex_);
    now_ += by;
    since_boot_ += by;
  }
  // The wall clock alone jumps, as NTP or an operator makes it.
  void JumpWallClock(absl::Duration by) {
    MutexLock lock(mutex_);
    now_ += by;
  }

 private:
  mutable Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_) = absl::FromUnixSeconds(1767225600);
  absl::Duration since_boot_ ABSL_GUARDED_BY(mutex_) = absl::Hours(1);
};

}  // namespace rn
