// A number over an element's life: one value, or keyframes with the way between them eased.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "template/easing.h"

namespace rn {

// A point in an element's life. What is read before lengths are known has an endless life.
struct Moment {
  double at_s = 0;  // from the element's start
  double life_s = 0;
};

struct Keyframe {
  double seconds = 0, part = 0;  // at: seconds plus that part of the life
  double value = 0;
  Easing easing;  // of the way to the next keyframe, as in CSS

  double TimeIn(double life_s) const { return part == 0 ? seconds : seconds + part * life_s; }
};

// Held at its first value before the first keyframe and at its last one after the last.
class Curve {
 public:
  Curve() = default;  // constantly 0
  explicit Curve(double constant) : keys_{{.value = constant}} {}
  // At least one.
  explicit Curve(std::vector<Keyframe> keys) : keys_(std::move(keys)) {}

  bool constant() const { return keys_.size() <= 1; }
  const std::vector<Keyframe>& keys() const { return keys_; }
  double At(const Moment& moment) const;
  // From when on it stays as it is.
  double LastChange(double life_s) const;
  // The first keyframe that comes before the one in front of it.
  std::optional<std::size_t> Misplaced(double life_s) const;
  Curve Plus(double offset) const;

 private:
  std::vector<Keyframe> keys_;
};

}  // namespace rn
