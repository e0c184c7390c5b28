// Part of a sound file as 48 kHz stereo: what one mix needs of it, and no more.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "pipeline/audio_buffer.h"

namespace rn {

struct AudioRange {
  std::int64_t begin = 0;  // sample frames of the file at 48 kHz
  std::int64_t end = 0;    // one past; reading stops there
};

// What the file has of `range`: the exact frames that decoding all of it would give there, shorter
// where the file ends. The file's time begins with its first sample; where there is video, with the
// first picture, and what its clock leaves out is silence. Mono goes to both channels at full
// level, more channels are mixed down. Samples are finite and within ±kSampleMax. A stray damaged
// packet is left out; InvalidArgument where more than one in twenty is damaged, or the file has no
// sound.
absl::StatusOr<AudioBuffer> DecodeAudioRange(const std::string& path, const AudioRange& range);

inline constexpr float kSampleMax = 16;  // +24 dBFS: what float files overshoot by, and far more

}  // namespace rn
