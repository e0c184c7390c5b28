// Sound played faster or slower.
#pragma once

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "pipeline/audio_buffer.h"

namespace rn {

// `samples` (interleaved stereo) at `speed` times their rate: so much shorter, and higher by as
// much, as a tape is. The first sample stays the first one.
absl::StatusOr<AudioBuffer> AtSpeed(absl::Span<const float> samples, double speed);

}  // namespace rn
