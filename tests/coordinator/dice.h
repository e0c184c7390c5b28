// Chance that comes again: the same seed, the same story.
#pragma once

#include <random>

namespace rn {

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}

  std::size_t Below(std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(engine_);
  }
  template <typename Values>
  const auto& OneOf(const Values& values) {
    return values[Below(values.size())];
  }

 private:
  std::mt19937 engine_;
};

}  // namespace rn
