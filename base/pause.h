#pragma once

#include <stop_token>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace rn {

// Blocks for `length`, or until `stop`.
inline void Pause(Clock& clock, absl::Duration length, const std::stop_token& stop) {
  Mutex mutex;
  CondVar stopped;
  const std::stop_callback wake(stop, [&] {
    MutexLock lock(mutex);
    stopped.NotifyAll();
  });
  const absl::Duration until = clock.SinceBoot() + length;
  MutexLock lock(mutex);
  while (!stop.stop_requested() && clock.SinceBoot() < until) {
    stopped.WaitFor(mutex, until - clock.SinceBoot());
  }
}

}  // namespace rn
