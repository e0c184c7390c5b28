// Sound inside the pipeline: 48 kHz, stereo, interleaved float, full scale = ±1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace rn {

inline constexpr int kSampleRate = 48000;
inline constexpr int kChannels = 2;

struct AudioBuffer {
  std::vector<float> samples;  // L R L R …

  std::int64_t frames() const { return static_cast<std::int64_t>(samples.size()) / kChannels; }
  absl::Duration length() const { return absl::Seconds(1) * frames() / kSampleRate; }
};

// One channel at that rate, in a quarter of an AudioBuffer's bytes: for speech, of which a script
// may be half an hour.
struct MonoSound {
  // Of `samples`, in steps of the level: overshoots of up to 6 dB are not cut off.
  static constexpr float kUnityStep = 2.0F / 32767;

  std::vector<std::int16_t> samples;
  float step = kUnityStep;

  std::int64_t frames() const { return static_cast<std::int64_t>(samples.size()); }
  absl::Duration length() const { return absl::Seconds(1) * frames() / kSampleRate; }
  float At(std::int64_t frame) const {
    return step * static_cast<float>(samples[static_cast<std::size_t>(frame)]);
  }
};

// Nearest sample frame to a point in time.
inline std::int64_t ToSampleFrames(absl::Duration t) {
  return absl::ToInt64Nanoseconds(t * kSampleRate + absl::Milliseconds(500)) / 1'000'000'000;
}

}  // namespace rn
