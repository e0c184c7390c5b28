// AAC-LC, 48 kHz stereo: pulls a finished mix, hands out packets.
#pragma once

#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pipeline/audio_mix.h"

struct AVCodecContext;
struct AVPacket;

namespace rn {

// One thread.
class AudioEncoder {
 public:
  using Sink = absl::FunctionRef<absl::Status(AVPacket& packet)>;  // pts in 1/48000 s

  // `mix` must outlive the encoder.
  static absl::StatusOr<std::unique_ptr<AudioEncoder>> Open(MasteredMix& mix, int bitrate_bps);
  virtual ~AudioEncoder() = default;

  // Encodes until the mix is spoken up to `until` on the timeline, or over.
  virtual absl::Status EncodeUntil(absl::Duration until, Sink sink) = 0;

  // Encodes what is left and flushes.
  virtual absl::Status Finish(Sink sink) = 0;

  virtual const AVCodecContext& codec() const = 0;
};

}  // namespace rn
