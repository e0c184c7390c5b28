#include "pipeline/resample.h"

#include <algorithm>
#include <cmath>

#include "base/status.h"
#include "hwaccel/ffmpeg.h"

namespace rn {

absl::StatusOr<AudioBuffer> AtSpeed(absl::Span<const float> samples, double speed) {
  // Rates are whole numbers: in tenths of a hertz a speed is off by two in a million at most.
  constexpr int kTenths = 10;
  AVChannelLayout stereo;
  av_channel_layout_default(&stereo, kChannels);
  SwrContext* made = nullptr;
  RETURN_IF_FF_ERROR(
      swr_alloc_set_opts2(&made,
                          &stereo,
                          AV_SAMPLE_FMT_FLT,
                          kTenths * kSampleRate,
                          &stereo,
                          AV_SAMPLE_FMT_FLT,
                          static_cast<int>(std::lround(speed * kTenths * kSampleRate)),
                          0,
                          nullptr));
  const UniqueSwrContext swr(made);
  RETURN_IF_FF_ERROR(av_opt_set_int(made, "linear_interp", 1, 0));
  RETURN_IF_FF_ERROR(swr_init(made));
  AudioBuffer result;
  const auto run = [&](const float* from, std::int64_t frames) -> absl::Status {
    const int room = swr_get_out_samples(made, static_cast<int>(frames));
    RETURN_IF_FF_ERROR(room);
    const std::size_t before = result.samples.size();
    result.samples.resize(before + static_cast<std::size_t>(room) * kChannels);
    auto* to = reinterpret_cast<std::uint8_t*>(result.samples.data() + before);
    const auto* in = reinterpret_cast<const std::uint8_t*>(from);
    const int written =
        swr_convert(made, &to, room, from == nullptr ? nullptr : &in, static_cast<int>(frames));
    RETURN_IF_FF_ERROR(written);
    result.samples.resize(before + static_cast<std::size_t>(written) * kChannels);
    return absl::OkStatus();
  };
  constexpr std::int64_t kPiece = 48'000;
  const auto frames = static_cast<std::int64_t>(samples.size()) / kChannels;
  for (std::int64_t at = 0; at < frames; at += kPiece) {
    RETURN_IF_ERROR(run(samples.data() + at * kChannels, std::min(kPiece, frames - at)));
  }
  RETURN_IF_ERROR(run(nullptr, 0));
  return result;
}

}  // namespace rn
