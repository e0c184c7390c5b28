// One cue of a mix: its samples, placed, looped, faded and ducked.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "pipeline/ducking.h"

namespace rn {

struct EnvelopePoint {
  std::int64_t frame = 0;  // of the mix
  double gain = 1;
};

// In sample frames of the mix.
struct CuePlacement {
  SampleRange range;  // when it is heard; longer than the samples only where it loops
  double gain = 1;
  std::vector<EnvelopePoint> envelope;         // times `gain`; in order; straight in between
  std::int64_t fade_in = 0, fade_out = 0;      // equal power
  std::optional<std::int64_t> loop_crossfade;  // loops; at most half of the samples
  std::optional<DuckCurve> duck;
};

// Immutable: any block can be asked for at any time, and asked twice it is the same.
class CuePlayer {
 public:
  // `samples` (interleaved stereo, at least one frame) outlive us.
  CuePlayer(absl::Span<const float> samples, CuePlacement placement);

  // Adds what is heard from frame `at` on to `block`, interleaved stereo.
  void AddTo(std::int64_t at, absl::Span<float> block) const;

  const SampleRange& range() const { return placement_.range; }

 private:
  // A stretch of samples in one go: [from, from + frames) of the source.
  struct Piece {
    std::int64_t frames = 0;
    std::int64_t from = 0;
    // In a cross-fade: what the round before still plays, and how far the fade has come, 0…1.
    std::optional<std::int64_t> leaving;
    double fade_begin = 0, fade_end = 0;
  };

  Piece PieceAt(std::int64_t frame, std::int64_t frames_max) const;
  double GainAt(std::int64_t frame) const;

  const absl::Span<const float> samples_;
  const CuePlacement placement_;
  const std::int64_t frames_;  // of the source
  const std::int64_t round_;   // from one round of the loop to the next
};

}  // namespace rn
