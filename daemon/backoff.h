// Jittered exponential back-off: a farm that lost its coordinator must not return as one.
#pragma once

#include <algorithm>
#include <functional>

#include "absl/time/time.h"

namespace rn {

// Uniform in [0, 1). Injected, so that tests know every delay.
using RandomSource = std::function<double()>;

struct BackoffLimits {
  absl::Duration min = absl::Milliseconds(250);
  absl::Duration max = absl::Seconds(5);
};

// Delays of min, 2 min, 4 min … max, each shortened by up to half.
class Backoff {
 public:
  absl::Duration Next(const BackoffLimits& limits, const RandomSource& random) {
    const absl::Duration full = std::min(limits.max, limits.min * (1 << std::min(failures_, 20)));
    ++failures_;
    return full * (1.0 - random() / 2);
  }
  void Reset() { failures_ = 0; }
  int failures() const { return failures_; }

 private:
  int failures_ = 0;
};

}  // namespace rn
