#include "pipeline/audio_encoder.h"

#include <vector>

#include "hwaccel/ffmpeg.h"

namespace rn {
namespace {

class AacEncoder final : public AudioEncoder {
 public:
  explicit AacEncoder(MasteredMix& mix) : mix_(mix) {}

  absl::Status OpenCodec(int bitrate_bps) {
    const AVCodec* encoder = avcodec_find_encoder(AV_CODEC_ID_AAC);
    if (encoder == nullptr) {
      return absl::UnavailableError("this FFmpeg has no AAC encoder");
    }
    codec_.reset(avcodec_alloc_context3(encoder));
    codec_->sample_rate = kSampleRate;
    codec_->sample_fmt = AV_SAMPLE_FMT_FLTP;
    codec_->bit_rate = bitrate_bps;
    codec_->time_base = {1, kSampleRate};
    codec_->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    av_channel_layout_default(&codec_->ch_layout, kChannels);
    AvOptions options;
    // The two-loop search costs seven times as much for what nobody hears at these rates.
    options.Set("aac_coder", "fast");
    RETURN_IF_FF_ERROR(avcodec_open2(codec_.get(), encoder, options.get()));
    return AllocateFrame();
  }

  absl::Status EncodeUntil(absl::Duration until, Sink sink) override {
    const std::int64_t target = ToSampleFrames(until);
    while (!ended_ && next_pts_ < target) {
      RETURN_IF_ERROR(EncodeOne(sink));
    }
    return absl::OkStatus();
  }

  absl::Status Finish(Sink sink) override {
    while (!ended_) {
      RETURN_IF_ERROR(EncodeOne(sink));
    }
    RETURN_IF_FF_ERROR(avcodec_send_frame(codec_.get(), nullptr));
    return Drain(sink);
  }

  const AVCodecContext& codec() const override { return *codec_; }

 private:
  absl::Status AllocateFrame() {
    frame_.reset(av_frame_alloc());
    frame_->format = codec_->sample_fmt;
    frame_->sample_rate = kSampleRate;
    frame_->nb_samples = codec_->frame_size;
    RETURN_IF_FF_ERROR(av_channel_layout_copy(&frame_->ch_layout, &codec_->ch_layout));
    RETURN_IF_FF_ERROR(av_frame_get_buffer(frame_.get(), 0));
    packet_.reset(av_packet_alloc());
    interleaved_.resize(static_cast<std::size_t>(codec_->frame_size) * kChannels);
    return absl::OkStatus();
  }

  absl::Status EncodeOne(Sink sink) {
    const std::int64_t got = ReadWhole();
    if (got < codec_->frame_size) {
      ended_ = true;
      if (got == 0) {
        return absl::OkStatus();
      }
    }
    RETURN_IF_FF_ERROR(av_frame_make_writable(frame_.get()));
    frame_->nb_samples = static_cast<int>(got);
    frame_->pts = next_pts_;
    Deinterleave(got);
    next_pts_ += got;
    RETURN_IF_FF_ERROR(avcodec_send_frame(codec_.get(), frame_.get()));
    return Drain(sink);
  }

  // A full frame, or less only where the mix ends.
  std::int64_t ReadWhole() {
    std::int64_t got = 0;
    while (got < codec_->frame_size) {
      const std::int64_t more = mix_.Read(
          absl::MakeSpan(interleaved_).subspan(static_cast<std::size_t>(got) * kChannels));
      if (more == 0) {
        break;
      }
      got += more;
    }
    return got;
  }

  void Deinterleave(std::int64_t frames) {
    for (int channel = 0; channel < kChannels; ++channel) {
      auto* plane = reinterpret_cast<float*>(frame_->data[channel]);
      for (std::int64_t i = 0; i < frames; ++i) {
        plane[i] = interleaved_[static_cast<std::size_t>(i * kChannels + channel)];
      }
    }
  }

  absl::Status Drain(Sink sink) {
    while (true) {
      const int result = avcodec_receive_packet(codec_.get(), packet_.get());
      if (result == AVERROR(EAGAIN) || result == AVERROR_EOF) {
        return absl::OkStatus();
      }
      RETURN_IF_FF_ERROR(result);
      RETURN_IF_ERROR(sink(*packet_));
      av_packet_unref(packet_.get());
    }
  }

  MasteredMix& mix_;  // Outlives us: the caller keeps it beside us.
  UniqueCodecContext codec_;
  UniqueAvFrame frame_;
  UniqueAvPacket packet_;
  std::vector<float> interleaved_;
  std::int64_t next_pts_ = 0;
  bool ended_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<AudioEncoder>> AudioEncoder::Open(MasteredMix& mix,
                                                                 int bitrate_bps) {
  auto encoder = std::make_unique<AacEncoder>(mix);
  RETURN_IF_ERROR(encoder->OpenCodec(bitrate_bps));
  return encoder;
}

}  // namespace rn
