#include "pipeline/scene.h"

#include <algorithm>
#include <cmath>

#include "pipeline/scene_resolver.h"
#include "pipeline/timeline.h"
#include "template/composition_model.h"

namespace rn {
namespace {

using Kind = TransitionModel::Kind;

// The new scene's pixels where a wipe lets them through.
Box WipedTo(Way way, double shown, double w, double h) {
  const double x = std::round(w * shown);
  const double y = std::round(h * shown);
  switch (way) {
    case Way::kRight:
      return {0, 0, x, h};
    case Way::kLeft:
      return {w - x, 0, x, h};
    case Way::kDown:
      return {0, 0, w, y};
    case Way::kUp:
      return {0, h - y, w, y};
  }
  return {0, 0, w, h};
}

// Moves the groups of both scenes: `out`, and over it `in` when it has come that far.
void Transit(const TransitionModel& transition,
             double progress,
             double w,
             double h,
             DrawGroup* out,
             DrawGroup* in) {
  const double shown = std::clamp(progress, 0.0, 1.0);
  const bool across = transition.way == Way::kLeft || transition.way == Way::kRight;
  const bool forward = transition.way == Way::kRight || transition.way == Way::kDown;
  const double side = (across ? w : h) * (forward ? 1 : -1);
  const double moved = std::round(side * progress);
  constexpr double kZoomFrom = 0.5;
  switch (transition.kind) {
    case Kind::kFade:
      in->opacity = VisibleOpacity(progress);
      break;
    case Kind::kWipe:
      in->clip = WipedTo(transition.way, shown, w, h);
      break;
    case Kind::kPush:
      (across ? out->dx : out->dy) = moved;
      [[fallthrough]];
    case Kind::kSlide:
      (across ? in->dx : in->dy) = moved - side;
      break;
    case Kind::kCircle:
      in->circle_px = shown * std::hypot(w, h) / 2;
      break;
    case Kind::kZoom:
      in->opacity = VisibleOpacity(progress);
      in->scale = kZoomFrom + (1 - kZoomFrom) * progress;
      break;
  }
}

bool Seen(const DrawGroup& group) {
  return group.opacity > 0 && (!group.clip || (group.clip->w > 0 && group.clip->h > 0)) &&
         (!group.circle_px || *group.circle_px > 0);
}

}  // namespace

absl::StatusOr<Scene> Scene::Resolve(const Composition& composition,
                                     const SpeechTracks& tracks,
                                     SharedWork* shared) {
  return SceneResolver(composition.model(), tracks, shared).Resolve();
}

DrawList Scene::DrawListAt(std::int64_t n) const {
  const auto& scenes = timeline_->scenes;
  DrawList list;
  constexpr std::size_t kGroupsUsual = 3;  // two scenes in a fade, and what is over them
  list.reserve(kGroupsUsual);
  // At most two scenes share a frame: a scene is never shorter than its two fades.
  const auto after =
      std::upper_bound(scenes.begin(), scenes.end(), n, [](std::int64_t at, const auto& scene) {
        return at < scene.frames.begin;
      });
  if (after == scenes.begin()) return list;
  const auto current = std::prev(after);
  DrawGroup group{1, current->background, DrawsAt(current->tracks, n)};
  if (current->EntersAt(n)) {
    const bool first = current == scenes.begin();
    DrawGroup before =
        first
            ? DrawGroup{1, Rgba{0, 0, 0, 255}, {}}
            : DrawGroup{1, std::prev(current)->background, DrawsAt(std::prev(current)->tracks, n)};
    Transit(current->transition,
            current->ProgressAt(n),
            timeline_->width,
            timeline_->height,
            &before,
            &group);
    // The first group covers the frame; one that is pushed away does not.
    if (before.dx != 0 || before.dy != 0) list.push_back({1, current->background, {}});
    list.push_back(std::move(before));
  }
  if (Seen(group)) list.push_back(std::move(group));
  if (auto over = DrawsAt(timeline_->tracks, n); !over.empty()) {
    list.push_back({1, std::nullopt, std::move(over)});
  }
  return list;
}

}  // namespace rn
