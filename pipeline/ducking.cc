#include "pipeline/ducking.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace rn {
namespace {

constexpr absl::Duration kRampMin = absl::Milliseconds(5);  // A faster one is heard as a click.

std::int64_t RampFrames(absl::Duration ramp) {
  return ToSampleFrames(std::max(ramp, kRampMin));
}

}  // namespace

DuckCurve::DuckCurve(const Duck& duck, std::vector<SampleRange> sounds)
    : depth_db_(duck.depth_db),
      attack_(RampFrames(duck.attack)),
      release_(RampFrames(duck.release)) {
  std::sort(sounds.begin(), sounds.end(), [](const SampleRange& a, const SampleRange& b) {
    return a.begin < b.begin;
  });
  for (SampleRange sound : sounds) {
    if (sound.begin >= sound.end) continue;
    sound.end += ToSampleFrames(duck.hold);
    if (!down_.empty() && sound.begin <= down_.back().end) {
      down_.back().end = std::max(down_.back().end, sound.end);
    } else {
      down_.push_back(sound);
    }
  }
}

double DuckCurve::GainAt(std::int64_t frame) const {
  const auto next =
      std::upper_bound(down_.begin(), down_.end(), frame, [](std::int64_t at, const auto& down) {
        return at < down.begin;
      });
  std::int64_t before = attack_;  // until the next way down has ended; attack_: not begun
  if (next != down_.end()) before = std::min(before, next->begin - frame);
  double depth = 1 - static_cast<double>(before) / static_cast<double>(attack_);
  if (next != down_.begin()) {
    const std::int64_t after = std::clamp<std::int64_t>(frame - std::prev(next)->end, 0, release_);
    depth = std::max(depth, 1 - static_cast<double>(after) / static_cast<double>(release_));
  }
  return depth > 0 ? std::pow(10.0, depth_db_ * depth / 20) : 1.0;
}

}  // namespace rn
