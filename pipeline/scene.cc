#include "pipeline/scene.h"

#include <algorithm>

#include "pipeline/composition_model.h"
#include "pipeline/scene_resolver.h"
#include "pipeline/timeline.h"

namespace rn {
namespace {

std::vector<Draw> DrawsAt(const std::vector<Track>& tracks, std::int64_t n) {
  std::vector<Draw> draws;
  draws.reserve(tracks.size());
  for (const Track& track : tracks) {
    if (const auto draw = track.At(n)) draws.push_back(*draw);
  }
  return draws;
}

}  // namespace

absl::StatusOr<Scene> Scene::Resolve(const Composition& composition, const SpeechTracks& tracks) {
  return SceneResolver(composition.model(), tracks).Resolve();
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
  const double opacity = current->OpacityAt(n);
  if (opacity < 1) {
    const bool first = current == scenes.begin();
    list.push_back(
        first
            ? DrawGroup{1, Rgba{0, 0, 0, 255}, {}}
            : DrawGroup{1, std::prev(current)->background, DrawsAt(std::prev(current)->tracks, n)});
  }
  list.push_back({opacity, current->background, DrawsAt(current->tracks, n)});
  if (auto over = DrawsAt(timeline_->tracks, n); !over.empty()) {
    list.push_back({1, std::nullopt, std::move(over)});
  }
  return list;
}

}  // namespace rn
