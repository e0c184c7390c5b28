// What an item cost this process.
#pragma once

#include "absl/time/time.h"
#include "base/clock.h"
#include "proto/render.pb.h"

namespace rn {

// Measures from construction on. Counts the whole process: one item at a time.
class UsageMeter {
 public:
  explicit UsageMeter(Clock& clock);
  // cpu_s, wall_s and peak_rss_bytes are filled in.
  rendernode::Usage Measure() const;

 private:
  Clock& clock_;  // Outlives us.
  const absl::Duration wall_begin_;
  const absl::Duration cpu_begin_;
};

}  // namespace rn
