#include "bench/parts.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <functional>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/status.h"
#include "bench/quality.h"
#include "hwaccel/cpu_device.h"
#include "hwaccel/device.h"
#include "hwaccel/ffmpeg.h"
#include "pipeline/compositor.h"
#include "pipeline/render.h"
#include "pipeline/scene.h"
#include "pipeline/usage.h"
#include "template/template_model.h"

namespace rn {
namespace {

double ThreadCpuMs() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

double ProcessCpuSeconds() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

// The pictures of these scenarios do not depend on what is said: a little silence will do.
absl::StatusOr<Scene> SilentScene(const Scenario& scenario) {
  ASSIGN_OR_RETURN(const Template tmpl,
                   Template::Parse(scenario.job.template_json(), &InstalledFontFamilies()));
  ASSIGN_OR_RETURN(const Composition composition,
                   tmpl.Bind({scenario.job, scenario.item, scenario.asset_paths}));
  SpeechTracks tracks;
  for (const VoiceCue& cue : composition.voices()) {
    tracks[cue.id].audio.samples.resize(static_cast<std::size_t>(kSampleRate) / 2);
  }
  return Scene::Resolve(composition, tracks);
}

// As Render() sets them for these scenarios.
EncodeParams ParamsFor(const Scene& scene) {
  constexpr double kCrf = 23;
  constexpr int kKeyframeSeconds = 2;
  return {.width = scene.width(),
          .height = scene.height(),
          .frame_rate = scene.frame_rate(),
          .crf = kCrf,
          .keyframe_interval_frames =
              kKeyframeSeconds * scene.frame_rate().num / scene.frame_rate().den};
}

using OnPacket = std::function<void(const AVPacket& packet)>;

// libx264 as the device opens it, fed from memory without a copy.
class PlainEncoder {
 public:
  static absl::StatusOr<PlainEncoder> Open(const EncodeParams& params) {
    PlainEncoder encoder(params);
    ASSIGN_OR_RETURN(encoder.codec_, OpenX264(params));
    return encoder;
  }

  // `picture` must stay as it is until the call returns.
  absl::Status Encode(std::int64_t n, const Nv12View& picture, const OnPacket& on_packet) {
    UniqueAvFrame frame(av_frame_alloc());
    frame->format = AV_PIX_FMT_NV12;
    frame->width = picture.width;
    frame->height = picture.height;
    frame->color_range = AVCOL_RANGE_MPEG;
    frame->colorspace = AVCOL_SPC_BT709;
    frame->pts = n;
    frame->pict_type =
        n % params_.keyframe_interval_frames == 0 ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    // A reference that frees nothing: without one FFmpeg would copy the picture.
    frame->buf[0] = av_buffer_create(
        picture.y,
        static_cast<std::size_t>(picture.y_stride) * static_cast<std::size_t>(picture.height) * 3 /
            2,
        [](void*, std::uint8_t*) {},
        nullptr,
        AV_BUFFER_FLAG_READONLY);
    frame->data[0] = picture.y;
    frame->data[1] = picture.uv;
    frame->linesize[0] = picture.y_stride;
    frame->linesize[1] = picture.uv_stride;
    RETURN_IF_FF_ERROR(avcodec_send_frame(codec_.get(), frame.get()));
    return Drain(on_packet);
  }

  // SPS and PPS, as Annex B.
  absl::string_view headers() const {
    return {reinterpret_cast<const char*>(codec_->extradata),
            static_cast<std::size_t>(codec_->extradata_size)};
  }

  absl::Status Finish(const OnPacket& on_packet) {
    RETURN_IF_FF_ERROR(avcodec_send_frame(codec_.get(), nullptr));
    return Drain(on_packet);
  }

 private:
  explicit PlainEncoder(const EncodeParams& params) : params_(params) {}

  absl::Status Drain(const OnPacket& on_packet) {
    while (true) {
      const int result = avcodec_receive_packet(codec_.get(), packet_.get());
      if (result == AVERROR(EAGAIN) || result == AVERROR_EOF) return absl::OkStatus();
      RETURN_IF_FF_ERROR(result);
      on_packet(*packet_);
      av_packet_unref(packet_.get());
    }
  }

  EncodeParams params_;
  UniqueCodecContext codec_;
  UniqueAvPacket packet_{av_packet_alloc()};
};

// Frames in memory, rows without gaps.
class FrameStore {
 public:
  explicit FrameStore(const Scene& scene) : width_(scene.width()), height_(scene.height()) {}

  Nv12View Add() {
    constexpr std::align_val_t kCacheLine{64};
    const std::size_t size = static_cast<std::size_t>(width_) * height_ * 3 / 2;
    frames_.emplace_back(static_cast<std::uint8_t*>(::operator new(size, kCacheLine)));
    return At(frames_.size() - 1);
  }
  Nv12View At(std::size_t n) const {
    std::uint8_t* y = frames_[n].get();
    return {y, y + std::ptrdiff_t{width_} * height_, width_, width_, width_, height_};
  }

 private:
  struct Deleter {
    void operator()(std::uint8_t* bytes) const { ::operator delete (bytes, std::align_val_t{64}); }
  };
  int width_, height_;
  std::vector<std::unique_ptr<std::uint8_t, Deleter>> frames_;
};

absl::StatusOr<FrameStore> PaintAll(const Scene& scene) {
  ASSIGN_OR_RETURN(const auto compositor, Compositor::Create(scene));
  FrameStore frames(scene);
  for (std::int64_t n = 0; n < scene.frame_count(); ++n) {
    RETURN_IF_ERROR(compositor->Paint(n, frames.Add(), std::nullopt).status());
  }
  return frames;
}

// The floor's stream, in a file of its own.
absl::Status WritePlain(const Scene& scene, const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const auto compositor, Compositor::Create(scene));
  ASSIGN_OR_RETURN(PlainEncoder encoder, PlainEncoder::Open(ParamsFor(scene)));
  std::string stream(encoder.headers());
  const OnPacket keep = [&stream](const AVPacket& packet) {
    stream.append(reinterpret_cast<const char*>(packet.data),
                  static_cast<std::size_t>(packet.size));
  };
  FrameStore frames(scene);
  const Nv12View frame = frames.Add();
  std::optional<std::int64_t> holds;
  for (std::int64_t n = 0; n < scene.frame_count(); ++n) {
    RETURN_IF_ERROR(compositor->Paint(n, frame, holds).status());
    RETURN_IF_ERROR(encoder.Encode(n, frame, keep));
    holds = n;
  }
  RETURN_IF_ERROR(encoder.Finish(keep));
  return WriteFileDurably(path, stream);
}

}  // namespace

absl::StatusOr<RunCost> EncodeFloor(const Scenario& scenario) {
  ASSIGN_OR_RETURN(const Scene scene, SilentScene(scenario));
  ASSIGN_OR_RETURN(const FrameStore frames, PaintAll(scene));
  const UsageMeter meter(Clock::System());
  ASSIGN_OR_RETURN(PlainEncoder encoder, PlainEncoder::Open(ParamsFor(scene)));
  std::int64_t bytes = 0;
  const OnPacket count = [&bytes](const AVPacket& packet) { bytes += packet.size; };
  for (std::int64_t n = 0; n < scene.frame_count(); ++n) {
    RETURN_IF_ERROR(encoder.Encode(n, frames.At(static_cast<std::size_t>(n)), count));
  }
  RETURN_IF_ERROR(encoder.Finish(count));
  const rendernode::Usage usage = meter.Measure();
  return RunCost{.cpu_s = usage.cpu_s(), .wall_s = usage.wall_s(), .video_bytes = bytes};
}

absl::StatusOr<std::vector<double>> PaintFrames(const Scenario& scenario) {
  ASSIGN_OR_RETURN(const Scene scene, SilentScene(scenario));
  ASSIGN_OR_RETURN(const auto compositor, Compositor::Create(scene));
  FrameStore frames(scene);
  const Nv12View frame = frames.Add();
  std::optional<std::int64_t> holds;
  std::vector<double> costs;
  for (std::int64_t n = 0; n < scene.frame_count(); ++n) {
    const double begin = ThreadCpuMs();
    RETURN_IF_ERROR(compositor->Paint(n, frame, holds).status());
    costs.push_back(ThreadCpuMs() - begin);
    holds = n;
  }
  return costs;
}

absl::StatusOr<std::vector<RunCost>> RenderItems(const Scenario& scenario,
                                                 int times,
                                                 bool shares,
                                                 const std::filesystem::path& output_directory) {
  const DeviceList devices = DeviceList::Discover();
  SpeechEngines speech = SpeechEngines::BuiltIn();
  SharedWork shared;
  const RenderContext context{.devices = devices,
                              .speech = speech,
                              .clock = Clock::System(),
                              .shared = shares ? &shared : nullptr};
  std::vector<RunCost> costs;
  for (int i = 0; i < times; ++i) {
    // The first item bears what the process costs before it: loading, linking, static objects.
    const double begin_s = i == 0 ? 0 : ProcessCpuSeconds();
    const rendernode::ItemSpec row = RowOf(scenario.size, i);
    const RenderRequest request{scenario.job, row, scenario.asset_paths, output_directory};
    ASSIGN_OR_RETURN(const rendernode::ItemResult result,
                     Render(request, context, [](const RenderProgress&) {}));
    constexpr double kMib = 1 << 20;
    costs.push_back({.cpu_s = ProcessCpuSeconds() - begin_s,
                     .wall_s = result.usage().wall_s(),
                     .peak_rss_mib = static_cast<double>(result.usage().peak_rss_bytes()) / kMib});
  }
  return costs;
}

absl::StatusOr<Quality> CompareQuality(const Scenario& scenario,
                                       const std::filesystem::path& output_directory) {
  RETURN_IF_ERROR(RenderItems(scenario, 1, /*shares=*/true, output_directory).status());
  ASSIGN_OR_RETURN(const Scene scene, SilentScene(scenario));
  const std::filesystem::path plain = output_directory / "plain.h264";
  RETURN_IF_ERROR(WritePlain(scene, plain));
  const std::filesystem::path item = output_directory / "video.mp4";
  Quality quality;
  ASSIGN_OR_RETURN(quality.plain_ssim, MeanSsim(plain, scene));
  ASSIGN_OR_RETURN(quality.item_ssim, MeanSsim(item, scene));
  ASSIGN_OR_RETURN(quality.plain_bytes, VideoBytes(plain));
  ASSIGN_OR_RETURN(quality.item_bytes, VideoBytes(item));
  return quality;
}

absl::Status CheckFloorIsTheItem(const Scenario& scenario) {
  ASSIGN_OR_RETURN(const Scene scene, SilentScene(scenario));
  ASSIGN_OR_RETURN(const auto compositor, Compositor::Create(scene));
  const DeviceList devices = DeviceList::Discover();
  ASSIGN_OR_RETURN(const DeviceChoice choice, devices.Choose(HardwarePolicy::kOff));
  EncodeParams params = ParamsFor(scene);
  params.elision = false;  // What it leaves out is what the item saves.
  ASSIGN_OR_RETURN(const auto item, choice.device->OpenEncoder(params));
  ASSIGN_OR_RETURN(PlainEncoder floor, PlainEncoder::Open(ParamsFor(scene)));
  std::string of_item;
  std::string of_floor;
  const auto keep = [&](AVPacket& packet) {
    of_item.append(reinterpret_cast<const char*>(packet.data),
                   static_cast<std::size_t>(packet.size));
    return absl::OkStatus();
  };
  const OnPacket keep_floor = [&](const AVPacket& packet) {
    of_floor.append(reinterpret_cast<const char*>(packet.data),
                    static_cast<std::size_t>(packet.size));
  };
  constexpr std::int64_t kFramesMax = 150;
  FrameStore frames(scene);
  const Nv12View afresh = frames.Add();
  for (std::int64_t n = 0; n < std::min(kFramesMax, scene.frame_count()); ++n) {
    ASSIGN_OR_RETURN(const EncoderFrame frame, item->Acquire());
    ASSIGN_OR_RETURN(const std::vector<IntRect> damage,
                     compositor->Paint(n, frame.view, frame.holds));
    RETURN_IF_ERROR(item->Submit(n, {damage}, keep));
    RETURN_IF_ERROR(compositor->Paint(n, afresh, std::nullopt).status());
    RETURN_IF_ERROR(floor.Encode(n, afresh, keep_floor));
  }
  RETURN_IF_ERROR(item->Finish(keep));
  RETURN_IF_ERROR(floor.Finish(keep_floor));
  if (of_item != of_floor) {
    return absl::InternalError(absl::StrCat("the floor's stream (",
                                            of_floor.size(),
                                            " bytes) is not the item's (",
                                            of_item.size(),
                                            "): the two encoders differ in a setting"));
  }
  return absl::OkStatus();
}

}  // namespace rn
