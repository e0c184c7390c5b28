// How loud a sound is (EBU R128, by libebur128), and the gain that brings it to a target.
#pragma once

#include <ebur128.h>

#include <array>
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

// Foretells what a limiter takes, from one look at the sound before it. A forecast: it knows
// neither the ear's curve nor how slowly a limiter lets go.
class LimiterForecast {
 public:
  // Interleaved stereo at 48 kHz.
  void Add(absl::Span<const float> samples);

  // Of its power, in decibels, under a gain into a limiter with that ceiling (linear). At least 0.
  double LossDb(double gain_db, double ceiling) const;

  // The gain, from `gain_db` up to kDriveMaxDb more, that makes up for its own loss.
  double Drive(double gain_db, double ceiling) const;

  double peak() const { return peak_; }  // the largest sample

 private:
  static constexpr double kLowestDb = -80, kStepDb = 0.5;
  std::array<double, 240> power_{};  // of stretches of 10 ms, by their peaks in steps of kStepDb
  double peak_ = 0;
};

inline constexpr double kDriveMaxDb = 12;  // Beyond, a limiter is a distortion effect.

// Limiting takes loudness back: finds the gain in decibels under which a limited sound still comes
// to `target_lufs`. `limited_lufs` measures the sound under a gain; it is called at most four
// times, with `first_gain_db` to begin with and never more than `gain_max_db`. The result is within
// 0.3 LU, but for a sound that is all peaks: that one gets as near as the most gain brings it.
double DriveIntoLimiter(double first_gain_db,
                        double gain_max_db,
                        double target_lufs,
                        absl::FunctionRef<std::optional<double>(double gain_db)> limited_lufs);

}  // namespace rn
