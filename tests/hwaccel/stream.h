// Streams of H.264 as tests see them: encoded by one of our encoders, decoded by FFmpeg.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "hwaccel/device.h"
#include "hwaccel/ffmpeg.h"

namespace rn {

struct StreamPacket {
  std::int64_t pts = 0, dts = 0;
  bool key = false;
  std::string bytes;
  bool operator==(const StreamPacket&) const = default;
};

struct Stream {
  std::string header;                             // parameter sets
  std::vector<StreamPacket> packets;              // in decoding order
  std::vector<std::optional<std::int64_t>> held;  // what each acquired frame held

  std::size_t size() const;  // bytes of all packets
};

// Makes the frame show picture `n`, given what it holds; returns where it differs from n - 1.
using Painter = std::function<std::vector<IntRect>(std::int64_t n, const EncoderFrame& frame)>;

// Something to paint: one brightness all over …
void FillFlat(const Nv12View& view, std::uint8_t luma);
// … a texture that goes on over the whole plane, of which `part` is shown; another for each seed …
void FillTexture(const Nv12View& view, const IntRect& part, int seed);
// … and a mixture of two: `share` of the second.
void FillBlend(const Nv12View& view, int seed_a, int seed_b, double share);

// What an encoder is told besides the damage.
using Foretell = std::function<FrameChange(std::int64_t n)>;

constexpr FrameChange ForetellNothing(std::int64_t) {
  return {};
}

// Frames 0 … `frames` - 1 through a fresh encoder …
absl::StatusOr<Stream> EncodeFrames(VideoEncoder& encoder,
                                    std::int64_t frames,
                                    const Painter& paint,
                                    const Foretell& foretell = ForetellNothing);
// … of the CPU device.
absl::StatusOr<Stream> EncodeFrames(const EncodeParams& params,
                                    std::int64_t frames,
                                    const Painter& paint,
                                    const Foretell& foretell = ForetellNothing);

// The same pictures through `codec`, an open encoder of FFmpeg's, keyframes forced alike.
absl::StatusOr<Stream> EncodeWithFfmpeg(UniqueCodecContext codec,
                                        const EncodeParams& params,
                                        std::int64_t frames,
                                        const Painter& paint);

// A decoded frame: planes Y, U, V without padding.
struct Planes {
  std::int64_t pts = 0;
  int width = 0, height = 0;
  std::string y, u, v;
  bool operator==(const Planes&) const = default;
};

// From packet `first` on, in display order.
absl::StatusOr<std::vector<Planes>> Decode(const Stream& stream, std::size_t first = 0);

// What an encoder's frame shows.
Planes PlanesOf(std::int64_t n, const Nv12View& view);

// What `paint` paints as frame `n`.
Planes Painted(const EncodeParams& params, std::int64_t n, const Painter& paint);

// Mean square error of a part of the luma.
double LumaError(const Planes& a, const Planes& b, const IntRect& part);
// … of every frame, against what was painted. Negative: the stream does not decode.
double ErrorAgainstSource(const Stream& stream, const EncodeParams& params, const Painter& paint);

}  // namespace rn
