// Sound inside the pipeline: 48 kHz, stereo, interleaved float, full scale = ±1.
#pragma once

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

// Nearest sample frame to a point in time.
inline std::int64_t ToSampleFrames(absl::Duration t) {
  return absl::ToInt64Nanoseconds(t * kSampleRate + absl::Milliseconds(500)) / 1'000'000'000;
}

}  // namespace rn
