// Time as an argument. Nothing outside base/clock.cc asks the operating system what time it is.
#pragma once

#include "absl/time/time.h"

namespace rn {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // Wall-clock time: for records that people read; it may jump.
  virtual absl::Time Now() const = 0;

  // Time since boot, suspend included (CLOCK_BOOTTIME): for what goes on elsewhere while this
  // machine sleeps, as leases do. A machine that wakes must find them expired.
  virtual absl::Duration SinceBoot() const = 0;

  // Time awake since boot, suspend left out (CLOCK_MONOTONIC): for what sleeps with the machine, as
  // its processes do. A machine that wakes must not blame them for having stood still.
  virtual absl::Duration Awake() const = 0;

  // The machine's own clock; lives for ever.
  static Clock& System();
};

// Wall-clock times that never jump: read once at construction, and counted on by SinceBoot() from
// there. For times that are compared or subtracted; whoever sets the clock neither expires nor
// prolongs anything. They stay as wrong as the wall clock was at that moment, so they are not for
// people. The other two readings are passed through. Thread-safe.
class AnchoredClock final : public Clock {
 public:
  // `clock` outlives us.
  explicit AnchoredClock(const Clock& clock)
      : clock_(clock), wall_at_boot_(clock.Now() - clock.SinceBoot()) {}

  absl::Time Now() const override { return wall_at_boot_ + clock_.SinceBoot(); }
  absl::Duration SinceBoot() const override { return clock_.SinceBoot(); }
  absl::Duration Awake() const override { return clock_.Awake(); }

 private:
  const Clock& clock_;  // Outlives us.
  const absl::Time wall_at_boot_;
};

}  // namespace rn
