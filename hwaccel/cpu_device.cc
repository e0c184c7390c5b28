#include "hwaccel/cpu_device.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "hwaccel/ffmpeg.h"

namespace rn {
namespace {

// The knee of x264's curve: `faster` costs 1.6 times the CPU for 5 % fewer bits.
constexpr char kPreset[] = "veryfast";
// AVX-512 loads want whole cache lines.
constexpr int kStrideAlignment = 64;

// x264 copies a picture into its own look-ahead before the send returns, so one frame is enough:
// every next frame is composed over the one just sent, and damage is never older than one frame.
class X264Encoder final : public VideoEncoder {
 public:
  static absl::StatusOr<std::unique_ptr<VideoEncoder>> Open(const EncodeParams& params) {
    std::unique_ptr<X264Encoder> encoder(new X264Encoder(params));
    ASSIGN_OR_RETURN(encoder->codec_, OpenX264(params));
    RETURN_IF_ERROR(encoder->AllocateFrame());
    return encoder;
  }

  absl::StatusOr<EncoderFrame> Acquire() override {
    EncoderFrame acquired{.view = {.y = frame_->data[0],
                                   .uv = frame_->data[1],
                                   .y_stride = frame_->linesize[0],
                                   .uv_stride = frame_->linesize[1],
                                   .width = params_.width,
                                   .height = params_.height},
                          .holds = holds_};
    holds_.reset();  // Until it is submitted, nobody knows what is in it.
    return acquired;
  }

  absl::Status Submit(std::int64_t n, PacketSink sink) override {
    frame_->pts = n;
    frame_->pict_type =
        n % params_.keyframe_interval_frames == 0 ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    RETURN_IF_FF_ERROR(avcodec_send_frame(codec_.get(), frame_.get()));
    RETURN_IF_ERROR(Drain(sink));
    if (av_frame_is_writable(frame_.get()) != 1) {
      return absl::InternalError("libx264 kept a reference to the frame that it was sent");
    }
    holds_ = n;
    return absl::OkStatus();
  }

  absl::Status Finish(PacketSink sink) override {
    RETURN_IF_FF_ERROR(avcodec_send_frame(codec_.get(), nullptr));
    return Drain(sink);
  }

  const AVCodecContext& codec() const override { return *codec_; }

 private:
  explicit X264Encoder(const EncodeParams& params) : params_(params) {}

  absl::Status AllocateFrame() {
    frame_.reset(av_frame_alloc());
    frame_->format = AV_PIX_FMT_NV12;
    frame_->width = params_.width;
    frame_->height = params_.height;
    frame_->color_range = AVCOL_RANGE_MPEG;
    frame_->colorspace = AVCOL_SPC_BT709;
    RETURN_IF_FF_ERROR(av_frame_get_buffer(frame_.get(), kStrideAlignment));
    packet_.reset(av_packet_alloc());
    return absl::OkStatus();
  }

  absl::Status Drain(PacketSink sink) {
    while (true) {
      const int result = avcodec_receive_packet(codec_.get(), packet_.get());
      if (result == AVERROR(EAGAIN) || result == AVERROR_EOF) {
        return absl::OkStatus();
      }
      RETURN_IF_FF_ERROR(result);
      // The encoder leaves the duration open; every frame lasts one tick of its time base.
      packet_->duration = 1;
      RETURN_IF_ERROR(sink(*packet_));
      av_packet_unref(packet_.get());
    }
  }

  const EncodeParams params_;
  UniqueCodecContext codec_;
  UniqueAvFrame frame_;
  UniqueAvPacket packet_;
  std::optional<std::int64_t> holds_;
};

class CpuDevice final : public Device {
 public:
  const DeviceInfo& info() const override { return info_; }
  absl::StatusOr<std::unique_ptr<VideoEncoder>> OpenEncoder(const EncodeParams& params) override {
    return X264Encoder::Open(params);
  }

 private:
  const DeviceInfo info_{
      .kind = DeviceKind::kCpu, .uuid = "cpu", .name = "CPU (libx264)", .encoder = "libx264"};
};

}  // namespace

absl::StatusOr<UniqueCodecContext> OpenX264(const EncodeParams& params) {
  const AVCodec* encoder = avcodec_find_encoder_by_name("libx264");
  if (encoder == nullptr) {
    return absl::UnavailableError("this FFmpeg has no libx264");
  }
  UniqueCodecContext codec(avcodec_alloc_context3(encoder));
  codec->width = params.width;
  codec->height = params.height;
  codec->pix_fmt = AV_PIX_FMT_NV12;
  codec->time_base = {params.frame_rate.den, params.frame_rate.num};
  codec->framerate = {params.frame_rate.num, params.frame_rate.den};
  codec->gop_size = params.keyframe_interval_frames;
  codec->color_range = AVCOL_RANGE_MPEG;
  codec->color_primaries = AVCOL_PRI_BT709;
  codec->color_trc = AVCOL_TRC_BT709;
  codec->colorspace = AVCOL_SPC_BT709;
  codec->chroma_sample_location = AVCHROMA_LOC_LEFT;
  codec->thread_count = params.threads;
  codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  AvOptions options;
  options.Set("preset", kPreset);
  options.Set("profile", "high");
  options.Set("crf", absl::StrCat(params.crf));
  options.Set("forced-idr", "1");
  RETURN_IF_FF_ERROR(avcodec_open2(codec.get(), encoder, options.get()));
  if (const std::string unknown = options.Unused(); !unknown.empty()) {
    return absl::InternalError(absl::StrCat("libx264 does not know the option ", unknown));
  }
  return codec;
}

std::unique_ptr<Device> MakeCpuDevice() {
  return std::make_unique<CpuDevice>();
}

}  // namespace rn
