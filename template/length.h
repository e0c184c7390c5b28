// Lengths as templates write them: pixels as numbers, or "%", "vw", "vh", "vmin", "vmax" in
// strings.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rn {

// What relative lengths are relative to.
struct LengthFrame {
  double width = 1920, height = 1080;  // of the output, pixels
  double pixel_scale = 1;              // output pixels per template pixel
};

class Length {
 public:
  enum class Unit { kPixels, kPercent, kVw, kVh, kVmin, kVmax };
  static constexpr double kMagnitudeMax = 100'000;  // of the number in front of the unit

  constexpr Length() = default;
  constexpr Length(double value, Unit unit) : value_(value), unit_(unit) {}

  // "50%", "9vmin", "12px", "12". InvalidArgument names the valid units.
  static absl::StatusOr<Length> Parse(absl::string_view text);

  // `whole`: the pixels that 100% stands for.
  double ToPixels(double whole, const LengthFrame& frame) const;

  double value() const { return value_; }
  Unit unit() const { return unit_; }

 private:
  double value_ = 0;
  Unit unit_ = Unit::kPixels;
};

}  // namespace rn
