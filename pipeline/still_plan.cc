#include "pipeline/still_plan.h"

#include <algorithm>
#include <utility>

namespace rn {

StillPlan::StillPlan(const Scene& scene) : frames_(scene.frame_count()) {
  DrawList before;
  for (std::int64_t n = 0; n < frames_; ++n) {
    DrawList now = scene.DrawListAt(n);
    if (n == 0 || now != before) {
      pictures_.push_back(n);
      before = std::move(now);
    }
  }
}

double StillPlan::repeats() const {
  if (frames_ == 0) return 0;
  return 1 - static_cast<double>(pictures_.size()) / static_cast<double>(frames_);
}

std::int64_t StillPlan::StandsFrom(std::int64_t n) const {
  const auto next = std::upper_bound(pictures_.begin(), pictures_.end(), n);
  return (next == pictures_.end() ? frames_ : *next) - n;
}

std::int64_t StillPlan::PicturesAfter(std::int64_t n) const {
  return pictures_.end() - std::upper_bound(pictures_.begin(), pictures_.end(), n);
}

}  // namespace rn
