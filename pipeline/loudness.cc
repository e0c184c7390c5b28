#include "pipeline/loudness.h"

#include <algorithm>

#include "base/status.h"
#include "pipeline/audio_buffer.h"

namespace rn {
namespace {

constexpr int kMeasuresMax = 4;
constexpr std::int64_t kStretchFrames = kSampleRate / 100;
// Loudness rises with the gain, by no more than the gain does. So what is missing can be added
// unmeasured where it is so little: the result lies between here and the target.
constexpr double kUnmeasuredLu = 0.3;
constexpr double kSlopeMin = 0.25;  // Of loudness over gain: a guess must not jump far.

}  // namespace

// Gating on the list of all blocks, 80 bytes a second, costs no more than the histogram that is
// right to a tenth; and peaks are the limiter's business: the library's take five times as long as
// all of the rest.
LoudnessMeter::LoudnessMeter() : state_(ebur128_init(kChannels, kSampleRate, EBUR128_MODE_I)) {
  CHECK(state_ != nullptr);  // Fails where memory does, as `new` would.
}

void LoudnessMeter::Deleter::operator()(ebur128_state* state) const {
  ebur128_destroy(&state);
}

void LoudnessMeter::Add(absl::Span<const float> samples) {
  CHECK(ebur128_add_frames_float(state_.get(), samples.data(), samples.size() / kChannels) ==
        EBUR128_SUCCESS);
}

std::optional<double> LoudnessMeter::Integrated() const {
  double lufs = 0;
  CHECK(ebur128_loudness_global(state_.get(), &lufs) == EBUR128_SUCCESS);
  if (!std::isfinite(lufs)) return std::nullopt;
  return lufs;
}

void LimiterForecast::Add(absl::Span<const float> samples) {
  for (std::size_t at = 0; at < samples.size(); at += kStretchFrames * kChannels) {
    double power = 0;
    float peak = 0;
    for (const float sample : samples.subspan(at, kStretchFrames * kChannels)) {
      power += sample * sample;
      peak = std::max(peak, std::abs(sample));
    }
    if (peak == 0) continue;
    const double step = (20 * std::log10(peak) - kLowestDb) / kStepDb;
    const double last = static_cast<double>(power_.size() - 1);
    power_[static_cast<std::size_t>(std::clamp(step, 0.0, last))] += power;
    peak_ = std::max<double>(peak_, peak);
  }
}

double LimiterForecast::LossDb(double gain_db, double ceiling) const {
  double all = 0;
  double left = 0;
  for (std::size_t i = 0; i < power_.size(); ++i) {
    const double peak_db = kLowestDb + (static_cast<double>(i) + 0.5) * kStepDb + gain_db;
    const double over_db = std::max(0.0, peak_db - 20 * std::log10(ceiling));
    all += power_[i];
    left += power_[i] * std::pow(10.0, -over_db / 10);
  }
  return left > 0 ? 10 * std::log10(all / left) : 0;
}

double LimiterForecast::Drive(double gain_db, double ceiling) const {
  double low = gain_db;
  double high = gain_db + kDriveMaxDb;
  constexpr double kCloseDb = 0.02;
  while (high - low > kCloseDb) {
    const double middle = (low + high) / 2;
    (middle - LossDb(middle, ceiling) < gain_db ? low : high) = middle;
  }
  return low;
}

double DriveIntoLimiter(double first_gain_db,
                        double gain_max_db,
                        double target_lufs,
                        absl::FunctionRef<std::optional<double>(double gain_db)> limited_lufs) {
  double gain_db = std::min(first_gain_db, gain_max_db);
  double last_gain = 0;
  std::optional<double> last_lufs;
  for (int measures = 0; measures < kMeasuresMax; ++measures) {
    const std::optional<double> lufs = limited_lufs(gain_db);
    if (!lufs) return gain_db;
    const double missing = target_lufs - *lufs;
    double slope = 1;
    if (last_lufs && gain_db != last_gain) {
      slope = std::clamp((*lufs - *last_lufs) / (gain_db - last_gain), kSlopeMin, 1.0);
    }
    last_gain = gain_db;
    last_lufs = lufs;
    if (std::abs(missing) <= kUnmeasuredLu) return std::min(gain_max_db, gain_db + missing);
    gain_db = std::min(gain_max_db, gain_db + missing / slope);
    if (gain_db == last_gain) break;
  }
  return gain_db;
}

}  // namespace rn
