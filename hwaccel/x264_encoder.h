// libx264, driven directly: it is told what did not change from one frame to the next.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "hwaccel/device.h"

namespace rn {

// The knee of x264's curve: `faster` costs 1.6 times the CPU for 5 % fewer bits.
inline constexpr char kX264Preset[] = "veryfast";

// A bitrate's peaks: half as much more, out of the two seconds that players buffer at least.
struct Vbv {
  int peak_bps, buffer_bits;
};
constexpr Vbv VbvOf(int bitrate_bps) {
  return {bitrate_bps / 2 * 3, bitrate_bps * 2};
}

// Is shown frame `n` as x264 itself reconstructed it, while the call lasts: what every decoder has
// to see. Repeats that x264 did not get are not among them.
using Reconstructed = std::function<void(std::int64_t n, const Nv12View& picture)>;

// With params.elision, where little changes there are no B-frames and macroblocks without damage
// are skipped before x264 has looked at them; with params.repeats as well, a frame without damage
// never reaches it (elided_stream.h). What moves is searched more quickly than the preset says,
// what stands as it says. The stream is as plain as any: constant frame rate, keyframes on the
// interval, any decoder. Without it, x264 is left alone with its preset. `reconstructed`: for
// tests; it costs CPU.
absl::StatusOr<std::unique_ptr<VideoEncoder>> OpenX264Encoder(const EncodeParams& params,
                                                              Reconstructed reconstructed = {});

}  // namespace rn
