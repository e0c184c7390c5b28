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

  // Time since boot, suspend included (CLOCK_BOOTTIME): for leases, deadlines and intervals.
  virtual absl::Duration SinceBoot() const = 0;

  // The machine's own clock; lives for ever.
  static Clock& System();
};

}  // namespace rn
