#include "template/curve.h"

#include <algorithm>

namespace rn {

double Curve::At(const Moment& moment) const {
  if (keys_.empty()) return 0;
  const auto next = std::upper_bound(
      keys_.begin(), keys_.end(), moment, [](const Moment& at, const Keyframe& key) {
        return at.at_s < key.TimeIn(at.life_s);
      });
  if (next == keys_.begin()) return keys_.front().value;
  const Keyframe& from = *std::prev(next);
  if (next == keys_.end()) return from.value;
  const double begin = from.TimeIn(moment.life_s);
  const double t = (moment.at_s - begin) / (next->TimeIn(moment.life_s) - begin);
  return from.value + (next->value - from.value) * from.easing(t);
}

double Curve::LastChange(double life_s) const {
  return constant() ? 0 : keys_.back().TimeIn(life_s);
}

std::optional<std::size_t> Curve::Misplaced(double life_s) const {
  for (std::size_t i = 1; i < keys_.size(); ++i) {
    if (keys_[i].TimeIn(life_s) < keys_[i - 1].TimeIn(life_s)) return i;
  }
  return std::nullopt;
}

Curve Curve::Plus(double offset) const {
  Curve moved = *this;
  for (Keyframe& key : moved.keys_) key.value += offset;
  return moved;
}

}  // namespace rn
