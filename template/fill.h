// What shapes and letters are filled with.
#pragma once

#include <vector>

#include "template/rgba.h"

namespace rn {

struct GradientStop {
  double offset = 0;  // 0…1
  Rgba color;
  bool operator==(const GradientStop&) const = default;
};
struct Fill {
  enum class Kind { kLinear, kRadial } kind = Kind::kLinear;  // radial: from the centre to a corner
  std::vector<GradientStop> stops;  // one: a solid colour; more: a gradient
  double angle_deg = 180;           // CSS: 180 runs top to bottom, 90 left to right
  bool operator==(const Fill&) const = default;
};

}  // namespace rn
