// Which frames of a scene are certainly the same picture, and of how much of one the content
// travels: told from what is drawn on them, before anything is painted. There may be more of both.
#pragma once

#include <cstdint>
#include <vector>

#include "pipeline/scene.h"

namespace rn {

class StillPlan {
 public:
  // Looks at every frame of the scene; a few microseconds each.
  explicit StillPlan(const Scene& scene);

  // The share of the frames, 0 … 1, that repeat the one before them.
  double repeats() const;

  // How many frames show the picture of frame `n`, itself included, from it on.
  std::int64_t StandsFrom(std::int64_t n) const;
  // How many others follow after it.
  std::int64_t PicturesAfter(std::int64_t n) const;
  std::int64_t FramesAfter(std::int64_t n) const { return frames_ - 1 - n; }

  // The share of the frame, 0 … 1, whose content is elsewhere than on frame n - 1 by more than a
  // quarter of a pixel, or plays.
  double Travels(std::int64_t n) const;

 private:
  const std::int64_t frames_;
  std::vector<std::int64_t> pictures_;  // the first frame of each, ascending
  std::vector<float> travels_;          // on the frame of the same place in pictures_
};

}  // namespace rn
