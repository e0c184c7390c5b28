#include "template/composition.h"

#include <algorithm>
#include <cmath>

#include "template/composition_model.h"

namespace rn {

int ThumbnailHeight(int width, int frame_width, int frame_height) {
  const double height = static_cast<double>(width) * frame_height / frame_width;
  return std::max(2, 2 * static_cast<int>(std::lround(height / 2)));
}

const OutputSettings& Composition::output() const {
  return model_->output;
}
const std::vector<VoiceCue>& Composition::voices() const {
  return model_->voices;
}

}  // namespace rn
