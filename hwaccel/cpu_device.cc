#include "hwaccel/cpu_device.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "hwaccel/ffmpeg.h"
#include "hwaccel/x264_encoder.h"

namespace rn {
namespace {

class CpuDevice final : public Device {
 public:
  const DeviceInfo& info() const override { return info_; }
  absl::StatusOr<std::unique_ptr<VideoEncoder>> OpenEncoder(const EncodeParams& params) override {
    return OpenX264Encoder(params);
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
  options.Set("preset", kX264Preset);
  options.Set("profile", "high");
  if (params.bitrate_bps) {
    const Vbv vbv = VbvOf(*params.bitrate_bps);
    codec->bit_rate = *params.bitrate_bps;
    codec->rc_max_rate = vbv.peak_bps;
    codec->rc_buffer_size = vbv.buffer_bits;
  } else {
    options.Set("crf", absl::StrCat(params.crf));
  }
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
