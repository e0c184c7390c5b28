#include "pipeline/clip_timing.h"

#include <algorithm>
#include <cmath>

namespace rn {
namespace {

// Whoever counts in frames of another rate is a hair off; no frame is so short.
constexpr double kGrace = 1e-6;
constexpr double kBeforeEnd = 1e-3;

}  // namespace

double ClipTiming::MediaAt(absl::Duration life) const {
  const double used = absl::ToDoubleSeconds(length);
  double at = absl::ToDoubleSeconds(life) * speed;
  at = loop ? std::fmod(at + kGrace, used) : std::min(at, std::max(0.0, used - kBeforeEnd));
  return absl::ToDoubleSeconds(index->TimeOf(index->FrameAt(begin + absl::Seconds(at))));
}

}  // namespace rn
