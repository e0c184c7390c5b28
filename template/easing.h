// Easing by CSS/Creatomate names: "linear", "cubic-out", "cubic-bezier(a,b,c,d)", …
#pragma once

#include <array>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rn {

class Easing {
 public:
  Easing() = default;  // linear
  // InvalidArgument names the nearest valid easing.
  static absl::StatusOr<Easing> Parse(absl::string_view name);
  static std::vector<std::string> Names();

  // f(0) = 0, f(1) = 1; back and elastic overshoot between. `t` is clamped to 0…1.
  double operator()(double t) const;

 private:
  enum class Family {
    kLinear,
    kSinusoid,
    kQuadratic,
    kCubic,
    kQuartic,
    kQuintic,
    kExponential,
    kCircular,
    kBack,
    kElastic,
    kBounce,
    kBezier
  };
  enum class Direction { kIn, kOut, kInOut };
  Family family_ = Family::kLinear;
  Direction direction_ = Direction::kIn;
  std::array<double, 4> bezier_{};
};

}  // namespace rn
