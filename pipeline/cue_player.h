// One cue of a mix: its samples, placed, looped, faded and ducked.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "pipeline/ducking.h"

namespace rn {

// What a cue plays, not owned: interleaved stereo or, where that is empty, one channel for both
// sides.
struct CueSound {
  absl::Span<const float> stereo;
  absl::Span<const std::int16_t> mono;
  float mono_step = 0;  // the level of 1 in `mono`

  std::int64_t frames() const;
  // As far as there are so many.
  CueSound Part(std::int64_t begin, std::int64_t frames) const;
  // Fills `to` (interleaved stereo) from frame `begin` on.
  void Read(std::int64_t begin, absl::Span<float> to) const;
};

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
  // What `sound` (at least one frame) refers to outlives us.
  CuePlayer(const CueSound& sound, CuePlacement placement);

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

  // Adds so many frames of the sound, at most kControlFrames, under a gain that runs straight.
  void AddStretch(
      std::int64_t from, std::int64_t frames, double begin, double end, float* out) const;
  Piece PieceAt(std::int64_t frame, std::int64_t frames_max) const;
  double GainAt(std::int64_t frame) const;

  const CueSound sound_;
  const CuePlacement placement_;
  const std::int64_t frames_;  // of the source
  const std::int64_t round_;   // from one round of the loop to the next
};

}  // namespace rn
