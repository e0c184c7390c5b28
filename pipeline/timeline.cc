#include "pipeline/timeline.h"

#include <algorithm>
#include <cmath>

namespace rn {
namespace {

double Mix(double a, double b, double t) {
  return a + (b - a) * t;
}

double Unit(double t) {
  return std::clamp(t, 0.0, 1.0);
}

// What a wipe leaves of the element at this distance from rest.
Box RevealedBy(const AnimationModel& wipe, double distance) {
  const double shown = 1 - Unit(distance);
  // Onwards, the edge that let it in comes after it; else what has come in goes back.
  const bool follows = wipe.leaves && !wipe.backwards;
  switch (wipe.way) {
    case Way::kRight:
      return {follows ? 1 - shown : 0, 0, shown, 1};
    case Way::kLeft:
      return {follows ? 0 : 1 - shown, 0, shown, 1};
    case Way::kDown:
      return {0, follows ? 1 - shown : 0, 1, shown};
    case Way::kUp:
      return {0, follows ? 0 : 1 - shown, 1, shown};
  }
  return {0, 0, 1, 1};
}

Box Common(const Box& a, const Box& b) {
  const double x = std::max(a.x, b.x);
  const double y = std::max(a.y, b.y);
  return {x,
          y,
          std::max(0.0, std::min(a.x + a.w, b.x + b.w) - x),
          std::max(0.0, std::min(a.y + a.h, b.y + b.h) - y)};
}

}  // namespace

double VisibleOpacity(double opacity) {
  constexpr double kSteps = 255;
  return std::round(Unit(opacity) * kSteps) / kSteps;
}

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

double TrackAnimation::DistanceAt(std::int64_t k, std::int64_t life) const {
  const std::int64_t first = model.when == AnimationModel::When::kStart ? 0
                             : model.when == AnimationModel::When::kEnd ? life - frames
                                                                        : begin;
  if (k < first) return model.leaves ? 0 : 1;
  if (k >= first + frames) return model.leaves ? 1 : 0;
  const double t = static_cast<double>(k - first + 1) / static_cast<double>(frames + 1);
  if (!model.leaves) return 1 - model.easing(t);
  return model.backwards ? 1 - model.easing(1 - t) : model.easing(t);
}

int Track::ElementAt(std::int64_t k) const {
  if (changing.empty()) return element;
  return k < std::ssize(changing) ? changing[k] : changing.back();
}

void Track::Move(std::int64_t k, Draw* draw) const {
  const Moment moment{FrameSeconds(k, rate), FrameSeconds(frames.end - frames.begin, rate)};
  const double scale = motion.scale.At(moment);
  draw->dx = motion.dx.At(moment);
  draw->dy = motion.dy.At(moment);
  draw->scale_x = scale * motion.x_scale.At(moment);
  draw->scale_y = scale * motion.y_scale.At(moment);
  draw->rotation_deg = motion.rotation_deg.At(moment);
  draw->opacity = motion.opacity.At(moment);
}

void Track::Animate(std::int64_t k, Draw* draw) const {
  for (const TrackAnimation& animation : animations) {
    const AnimationModel& model = animation.model;
    const double distance = animation.DistanceAt(k, frames.end - frames.begin);
    if (distance == 0) continue;
    switch (model.kind) {
      case AnimationModel::Kind::kFade:
        draw->opacity *= 1 - distance;
        break;
      case AnimationModel::Kind::kSlide:
        draw->dx += model.dx * distance;
        draw->dy += model.dy * distance;
        break;
      case AnimationModel::Kind::kScale:
        draw->scale_x *= Mix(1, model.start_scale, distance);
        draw->scale_y *= Mix(1, model.start_scale, distance);
        break;
      case AnimationModel::Kind::kWipe:
        draw->reveal = Common(draw->reveal, RevealedBy(model, distance));
        break;
      case AnimationModel::Kind::kTypewriter: {
        const int typed = static_cast<int>(std::floor(Unit(1 - distance) * graphemes));
        draw->characters = draw->characters < 0 ? typed : std::min(draw->characters, typed);
        break;
      }
    }
  }
}

std::optional<Draw> Track::At(std::int64_t n) const {
  if (!frames.Contains(n)) return std::nullopt;
  const std::int64_t k = n - frames.begin;
  Draw draw;
  draw.element = ElementAt(k);
  Move(k, &draw);
  Animate(k, &draw);
  draw.opacity = VisibleOpacity(draw.opacity);
  const bool visible = draw.element >= 0 && draw.opacity > 0 && draw.scale_x != 0 &&
                       draw.scale_y != 0 && draw.reveal.w > 0 && draw.reveal.h > 0;
  if (!visible) return std::nullopt;
  if (ken_burns) {
    const double life =
        static_cast<double>(std::max<std::int64_t>(1, frames.end - frames.begin - 1));
    const double t = ken_burns->easing(static_cast<double>(k) / life);
    const SourceWindow& from = ken_burns->from;
    const SourceWindow& to = ken_burns->to;
    draw.window = {
        Mix(from.x, to.x, t), Mix(from.y, to.y, t), Mix(from.w, to.w, t), Mix(from.h, to.h, t)};
  }
  if (clip) draw.media_s = clip->MediaAt(FrameTime(k, rate));
  if (captions && !captions->TurnTo(n, &draw)) return std::nullopt;
  if (group) {
    draw.children = DrawsAt(children, n);
    if (draw.children.empty()) return std::nullopt;
  }
  return draw;
}

std::vector<Draw> DrawsAt(const std::vector<Track>& tracks, std::int64_t n) {
  std::vector<Draw> draws;
  draws.reserve(tracks.size());
  for (const Track& track : tracks) {
    if (auto draw = track.At(n)) draws.push_back(*std::move(draw));
  }
  return draws;
}

double TimelineScene::ProgressAt(std::int64_t n) const {
  const std::int64_t k = n - frames.begin;
  if (k >= transition_frames) return 1;
  return transition.easing(static_cast<double>(k + 1) / static_cast<double>(transition_frames + 1));
}

}  // namespace rn
