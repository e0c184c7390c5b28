// A clock that moves only when told to.
#pragma once

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace rn {

// Thread-safe. Starts at 2026-01-01T00:00:00Z, one hour after boot, of which it was awake for ten
// minutes: readings that are mixed up show.
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
  absl::Duration Awake() const override {
    MutexLock lock(mutex_);
    return awake_;
  }
  void Advance(absl::Duration by) {
    MutexLock lock(mutex_);
    now_ += by;
    since_boot_ += by;
    awake_ += by;
  }
  // The machine slept for so long.
  void Suspend(absl::Duration length) {
    MutexLock lock(mutex_);
    now_ += length;
    since_boot_ += length;
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
  absl::Duration awake_ ABSL_GUARDED_BY(mutex_) = absl::Minutes(10);
};

}  // namespace rn
