#include "pipeline/timeline.h"

#include <algorithm>
#include <cmath>

namespace rn {
namespace {

// What 8-bit pixels can tell apart, so that frames that look the same are drawn the same.
double VisibleOpacity(double opacity) {
  constexpr double kSteps = 255;
  return std::round(std::clamp(opacity, 0.0, 1.0) * kSteps) / kSteps;
}

double Mix(double a, double b, double t) {
  return a + (b - a) * t;
}

// How far an animation is from rest on its `k`-th frame away from its far end: 1 would be all the
// way. Neither end is shown: the far end is nothing to see, and rest belongs to the frames after.
double Distance(const TrackAnimation& animation, std::int64_t k) {
  const double t = static_cast<double>(k + 1) / static_cast<double>(animation.frames + 1);
  return animation.model.exit ? animation.model.easing(1 - t) : 1 - animation.model.easing(t);
}

}  // namespace

std::int64_t NearestFrame(absl::Duration t, FrameRate rate) {
  return absl::Floor(t * rate.num / rate.den + absl::Milliseconds(500), absl::Seconds(1)) /
         absl::Seconds(1);
}

std::int64_t FramesToCover(absl::Duration t, FrameRate rate) {
  return absl::Ceil(t * rate.num / rate.den, absl::Seconds(1)) / absl::Seconds(1);
}

absl::Duration FrameTime(std::int64_t n, FrameRate rate) {
  return absl::Seconds(n * rate.den) / rate.num;
}

std::optional<Draw> Track::At(std::int64_t n) const {
  if (!frames.Contains(n)) return std::nullopt;
  Draw draw;
  draw.element = element;
  double visible = opacity;
  for (const TrackAnimation& animation : animations) {
    const std::int64_t k = animation.model.exit ? frames.end - 1 - n : n - frames.begin;
    if (k >= animation.frames) continue;
    const double distance = Distance(animation, k);
    if (animation.model.fades) visible *= 1 - distance;
    draw.dx += animation.model.dx * distance;
    draw.dy += animation.model.dy * distance;
  }
  draw.opacity = VisibleOpacity(visible);
  if (draw.opacity <= 0) return std::nullopt;
  if (ken_burns) {
    const double life =
        static_cast<double>(std::max<std::int64_t>(1, frames.end - frames.begin - 1));
    const double t = ken_burns->easing(static_cast<double>(n - frames.begin) / life);
    const SourceWindow& from = ken_burns->from;
    const SourceWindow& to = ken_burns->to;
    draw.window = {
        Mix(from.x, to.x, t), Mix(from.y, to.y, t), Mix(from.w, to.w, t), Mix(from.h, to.h, t)};
  }
  if (!captions) return draw;
  const auto after =
      std::upper_bound(pages.begin(), pages.end(), n, [](std::int64_t at, const TrackPage& page) {
        return at < page.frames.begin;
      });
  if (after == pages.begin() || !std::prev(after)->frames.Contains(n)) return std::nullopt;
  const auto page = std::prev(after);
  draw.page = static_cast<int>(page - pages.begin());
  const auto word = std::upper_bound(page->word_frames.begin(), page->word_frames.end(), n);
  draw.active_word = static_cast<int>(word - page->word_frames.begin()) - 1;
  return draw;
}

double TimelineScene::OpacityAt(std::int64_t n) const {
  const std::int64_t k = n - frames.begin;
  if (k >= fade_in) return 1;
  return VisibleOpacity(static_cast<double>(k + 1) / static_cast<double>(fade_in + 1));
}

}  // namespace rn
