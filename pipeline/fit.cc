#include "pipeline/fit.h"

#include <algorithm>

namespace rn {

FitScale ScaleToFit(Fit fit, int width, int height, int box_width, int box_height) {
  const double across = static_cast<double>(box_width) / width;
  const double down = static_cast<double>(box_height) / height;
  switch (fit) {
    case Fit::kFill:
      return {across, down};
    case Fit::kCover:
      return {std::max(across, down), std::max(across, down)};
    case Fit::kContain:
    case Fit::kContainBlur:
      return {std::min(across, down), std::min(across, down)};
    case Fit::kNone:
      break;
  }
  return {};
}

}  // namespace rn
