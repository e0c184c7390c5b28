// How far one sound is turned down, at any time, while others are heard.
#pragma once

#include <cstdint>
#include <vector>

#include "pipeline/audio_mix.h"

namespace rn {

struct SampleRange {
  std::int64_t begin = 0, end = 0;  // [begin, end) in sample frames of the mix
};

// Immutable. The way down ends where a sound begins, so that its first syllable is not covered; the
// way up begins `hold` after it ends. Both are straight lines in decibels, as a fader moves.
class DuckCurve {
 public:
  // `sounds`: when the others are heard, in any order.
  DuckCurve(const Duck& duck, std::vector<SampleRange> sounds);

  // Linear: 1 where nothing else is heard.
  double GainAt(std::int64_t frame) const;

 private:
  const double depth_db_;
  const std::int64_t attack_, release_;  // sample frames
  std::vector<SampleRange> down_;        // fully down; in order and apart
};

}  // namespace rn
