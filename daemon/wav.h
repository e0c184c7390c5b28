// WAV files from strangers' programs: is it one, and one around plain samples.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rn {

// InvalidArgument: not a RIFF/WAVE file of uncompressed sound (16 to 32 bits or float, one or two
// channels, 8 to 192 kHz) with samples in it; it says what was found. Sizes in the headers may be
// those of a stream that was not known to end: they are not believed.
absl::Status CheckWav(absl::string_view bytes);

// 16-bit little-endian mono.
std::string WavOf(absl::string_view samples, std::int64_t sample_rate);

}  // namespace rn
