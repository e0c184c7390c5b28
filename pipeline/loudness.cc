#include "pipeline/loudness.h"

#include <algorithm>

#include "base/status.h"
#include "pipeline/audio_buffer.h"

namespace rn {
namespace {

constexpr int kMeasuresMax = 4;
constexpr double kDriveMaxDb = 12;  // Beyond, a limiter is a distortion effect.
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

double DriveIntoLimiter(double gain_db,
                        double target_lufs,
                        absl::FunctionRef<std::optional<double>(double gain_db)> limited_lufs) {
  const double gain_max = gain_db + kDriveMaxDb;
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
    if (std::abs(missing) <= kUnmeasuredLu) return std::min(gain_max, gain_db + missing);
    gain_db = std::min(gain_max, gain_db + missing / slope);
    if (gain_db == last_gain) break;
  }
  return gain_db;
}

}  // namespace rn
