// Elements' lives in frames: the part of a Scene that is read once per frame.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "pipeline/composition_model.h"
#include "pipeline/scene.h"

namespace rn {

// The frame on screen at `t`: the nearest one. And the exact time at which frame `n` begins.
std::int64_t NearestFrame(absl::Duration t, FrameRate rate);
std::int64_t FramesToCover(absl::Duration t, FrameRate rate);  // rounded up
absl::Duration FrameTime(std::int64_t n, FrameRate rate);

struct TrackAnimation {
  std::int64_t frames = 0;
  AnimationModel model;
};

struct TrackPage {
  FrameRange frames;
  std::vector<std::int64_t> word_frames;  // when each word lights up; empty: none ever does
};

// One element's life.
struct Track {
  int element = 0;  // index into Scene::elements()
  FrameRange frames;
  double opacity = 1;
  std::vector<TrackAnimation> animations;
  std::optional<KenBurns> ken_burns;
  bool captions = false;
  std::vector<TrackPage> pages;

  // Nothing when it leaves no mark on frame `n`. Exactly at rest between its animations.
  std::optional<Draw> At(std::int64_t n) const;
};

struct TimelineScene {
  FrameRange frames;
  std::int64_t fade_in = 0;  // frames; they overlap the scene before
  Rgba background;
  std::vector<Track> tracks;

  // 1 once it has faded in; never 0 within its frames.
  double OpacityAt(std::int64_t n) const;
};

struct Timeline {
  std::vector<TimelineScene> scenes;  // in order; each begins no earlier than the one before
  std::vector<Track> tracks;          // over all scenes
};

}  // namespace rn
