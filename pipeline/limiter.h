// A look-ahead limiter that watches the peaks between the samples too: what a converter or a lossy
// decoder makes of them is what clips (ITU-R BS.1770-4, annex 2).
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "pipeline/audio_buffer.h"

namespace rn {

// Interleaved stereo; both channels are turned down as one, so that the image does not move.
// Samples that are nowhere near a peak above the ceiling pass bit for bit. One thread.
class TruePeakLimiter {
 public:
  // Slower than the period of a low note, which a faster one would distort.
  static constexpr absl::Duration kRelease = absl::Milliseconds(60);

  // `ceiling`: linear, > 0, of the true peak. `release`: in which the gain comes two thirds of the
  // way back after a peak.
  explicit TruePeakLimiter(double ceiling, absl::Duration release = kRelease);

  // In place; what comes out went in kLatencyFrames earlier, silence at first.
  void Process(absl::Span<float> block);

  // A sound whose samples stay below this part of the ceiling is never limited.
  static double SafePart();

 private:
  // 2.5 ms to turn down in: shorter and low notes distort, longer and speech is heard to duck.
  static constexpr std::int64_t kWindow = 120;
  // Of the interpolator: it looks at so many samples before a frame, and after it.
  static constexpr std::int64_t kTapsBefore = 5, kTapsAfter = 6;
  static constexpr std::int64_t kChunk = 512;  // frames in one go

 public:
  static constexpr std::int64_t kLatencyFrames = kWindow + kTapsAfter;

 private:
  // The sound so far that is still needed: the delay, and the interpolator's reach before that.
  static constexpr std::int64_t kHistory = kLatencyFrames + kTapsBefore + 1;

  void ProcessChunk(float* block, std::int64_t frames);
  bool QuietChunk(std::int64_t frames) const;
  void FindGainsWanted(std::int64_t frames);
  double NextGain(float wanted);

  const float ceiling_;
  const double let_go_;  // of the gap to 1, in every frame

  std::vector<float> sound_;            // kHistory frames, then the chunk
  std::array<float, kChunk> wanted_{};  // the gain that each frame needs for itself

  // Smallest wanted gain of the last kWindow + 1 frames: a queue of falling candidates.
  struct Candidate {
    std::int64_t frame;
    float gain;
  };
  std::deque<Candidate> candidates_;
  double released_ = 1;                       // that minimum, let go slowly
  std::array<double, kWindow + 1> recent_{};  // the last values of `released_` …
  double recent_sum_ = kWindow + 1;           // … and their sum: the gain is their mean
  std::int64_t recent_at_ = 0;
  std::int64_t rest_ = kWindow + 1;  // how many of them in a row, up to now, are exactly 1
  std::int64_t frame_ = 0;
  float last_peak_ = 0;  // between the last frame looked at and the next
};

}  // namespace rn
