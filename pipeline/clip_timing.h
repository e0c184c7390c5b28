// Which moment of a clip is on screen at any time of its element's life.
#pragma once

#include <memory>

#include "absl/time/time.h"
#include "pipeline/clip_index.h"

namespace rn {

struct ClipTiming {
  std::shared_ptr<const ClipIndex> index;
  absl::Duration begin, length;  // what is used of the clip, in its own time
  double speed = 1;
  bool loop = false;

  // When the frame begins in the clip that is on screen so long into the element's life, in
  // seconds: the same for every moment of one frame. The last frame stays where nothing loops.
  double MediaAt(absl::Duration life) const;
};

}  // namespace rn
