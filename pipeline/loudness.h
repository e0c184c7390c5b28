// How loud a sound is (EBU R128, by libebur128), and the gain that brings it to a target.
#pragma once

#include <ebur128.h>

#include <cmath>
#include <memory>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"

namespace rn {

inline double FromDecibels(double db) {
  return std::pow(10.0, db / 20);
}

// One thread.
class LoudnessMeter {
 public:
  LoudnessMeter();
  LoudnessMeter(LoudnessMeter&&) = default;

  // Interleaved stereo at 48 kHz.
  void Add(absl::Span<const float> samples);

  // Integrated so far, in LUFS. Nothing: all of it is below the gate of -70 LUFS (silence), or it
  // is shorter than the 0.4 s that the measure is made of.
  std::optional<double> Integrated() const;

 private:
  struct Deleter {
    void operator()(ebur128_state* state) const;
  };
  std::unique_ptr<ebur128_state, Deleter> state_;
};

// Limiting takes loudness back: finds the gain in decibels, at or a little above `gain_db`, under
// which a limited sound still comes to `target_lufs`. `limited_lufs` measures it under a gain; it
// is called at most four times. The result is within 0.3 LU, but for a sound that is all peaks:
// that one gets as near as 12 dB more bring it.
double DriveIntoLimiter(double gain_db,
                        double target_lufs,
                        absl::FunctionRef<std::optional<double>(double gain_db)> limited_lufs);

}  // namespace rn
