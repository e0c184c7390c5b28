// Elements' lives in frames: the part of a Scene that is read once per frame.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "pipeline/caption_track.h"
#include "pipeline/clip_timing.h"
#include "pipeline/scene.h"
#include "template/composition_model.h"

namespace rn {

// The frame on screen at `t`: the nearest one. And the exact time at which frame `n` begins.
std::int64_t NearestFrame(absl::Duration t, FrameRate rate);
std::int64_t FramesToCover(absl::Duration t, FrameRate rate);  // rounded up
absl::Duration FrameTime(std::int64_t n, FrameRate rate);
inline double FrameSeconds(std::int64_t n, FrameRate rate) {
  return static_cast<double>(n) * rate.den / rate.num;
}

// What 8-bit pixels can tell apart, so that frames that look the same are drawn the same.
double VisibleOpacity(double opacity);

struct TrackAnimation {
  std::int64_t frames = 0;
  std::int64_t begin = 0;  // kAt: from the start of the track
  AnimationModel model;

  // How far from rest on the `k`-th frame of a life of `life` frames: 1 is all the way, and more or
  // less where the easing overshoots. Neither end is among its own frames: the far end is nothing
  // to see, and rest belongs to the frames around.
  double DistanceAt(std::int64_t k, std::int64_t life) const;
};

// One element's life.
struct Track {
  int element = 0;  // index into Scene::elements()
  // The element on each frame of the life where keyframes change it, −1 for none; the last one
  // stays. Empty: always `element`.
  std::vector<int> changing;
  FrameRange frames;
  FrameRate rate;
  Motion motion;
  std::vector<TrackAnimation> animations;
  int graphemes = 0;  // of a text
  std::optional<KenBurns> ken_burns;
  std::optional<CaptionTrack> captions;
  std::optional<ClipTiming> clip;
  bool group = false;
  std::vector<Track> children;  // of a group

  // Nothing when it leaves no mark on frame `n`. Exactly at rest between its animations.
  std::optional<Draw> At(std::int64_t n) const;

 private:
  int ElementAt(std::int64_t k) const;
  void Move(std::int64_t k, Draw* draw) const;
  void Animate(std::int64_t k, Draw* draw) const;
};

std::vector<Draw> DrawsAt(const std::vector<Track>& tracks, std::int64_t n);

struct TimelineScene {
  FrameRange frames;
  TransitionModel transition;
  std::int64_t transition_frames = 0;  // they overlap the scene before
  Rgba background;
  std::vector<Track> tracks;

  bool EntersAt(std::int64_t n) const { return n - frames.begin < transition_frames; }
  // How far it has come on frame `n`; neither 0 nor 1 while it enters, unless the easing says so.
  double ProgressAt(std::int64_t n) const;
};

struct Timeline {
  int width = 0, height = 0;          // of the frame
  std::vector<TimelineScene> scenes;  // in order; each begins no earlier than the one before
  std::vector<Track> tracks;          // over all scenes
};

}  // namespace rn
