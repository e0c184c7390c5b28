#include "bench/quality.h"

extern "C" {
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
}

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "hwaccel/ffmpeg.h"
#include "pipeline/compositor.h"

namespace rn {
namespace {

struct OpenVideo {
  UniqueInput input;
  int stream = -1;
  UniqueCodecContext codec;
};

absl::StatusOr<OpenVideo> Open(const std::filesystem::path& path) {
  OpenVideo video;
  AVFormatContext* input = nullptr;
  RETURN_IF_FF_ERROR(avformat_open_input(&input, path.c_str(), nullptr, nullptr));
  video.input.reset(input);
  RETURN_IF_FF_ERROR(avformat_find_stream_info(input, nullptr));
  const AVCodec* decoder = nullptr;
  const int found = av_find_best_stream(input, AVMEDIA_TYPE_VIDEO, -1, -1, &decoder, 0);
  if (found < 0) return FfmpegStatus(found, absl::StrCat(path.string(), ": video stream"));
  video.stream = found;
  video.codec.reset(avcodec_alloc_context3(decoder));
  RETURN_IF_FF_ERROR(
      avcodec_parameters_to_context(video.codec.get(), input->streams[found]->codecpar));
  RETURN_IF_FF_ERROR(avcodec_open2(video.codec.get(), decoder, nullptr));
  return video;
}

// Reads the video stream's packets; nothing at the end.
absl::StatusOr<bool> NextPacket(const OpenVideo& video, AVPacket* packet) {
  while (true) {
    av_packet_unref(packet);
    const int result = av_read_frame(video.input.get(), packet);
    if (result == AVERROR_EOF) return false;
    RETURN_IF_FF_ERROR(result);
    if (packet->stream_index == video.stream) return true;
  }
}

using OnFrame = std::function<absl::Status(AVFrame& frame)>;

absl::Status Decode(const OpenVideo& video, const OnFrame& on_frame) {
  const UniqueAvPacket packet(av_packet_alloc());
  const UniqueAvFrame frame(av_frame_alloc());
  bool more = true;
  while (more) {
    ASSIGN_OR_RETURN(more, NextPacket(video, packet.get()));
    RETURN_IF_FF_ERROR(avcodec_send_packet(video.codec.get(), more ? packet.get() : nullptr));
    while (true) {
      const int result = avcodec_receive_frame(video.codec.get(), frame.get());
      if (result == AVERROR(EAGAIN) || result == AVERROR_EOF) break;
      RETURN_IF_FF_ERROR(result);
      RETURN_IF_ERROR(on_frame(*frame));
    }
  }
  return absl::OkStatus();
}

// Two pictures at a time, side by side.
class SsimMeter {
 public:
  static absl::StatusOr<SsimMeter> Create(int width, int height) {
    SsimMeter meter;
    meter.graph_.reset(avfilter_graph_alloc());
    AVFilterGraph* graph = meter.graph_.get();
    const auto source = [&](const char* name, const char* format, AVFilterContext** filter) {
      return avfilter_graph_create_filter(
          filter,
          avfilter_get_by_name("buffer"),
          name,
          absl::StrCat("video_size=", width, "x", height, ":pix_fmt=", format, ":time_base=1/30")
              .c_str(),
          nullptr,
          graph);
    };
    RETURN_IF_FF_ERROR(source("seen", "yuv420p", &meter.seen_));
    RETURN_IF_FF_ERROR(source("meant", "nv12", &meter.meant_));
    RETURN_IF_FF_ERROR(avfilter_graph_create_filter(
        &meter.sink_, avfilter_get_by_name("buffersink"), "sink", nullptr, nullptr, graph));
    AVFilterContext* ssim = nullptr;
    RETURN_IF_FF_ERROR(avfilter_graph_create_filter(
        &ssim, avfilter_get_by_name("ssim"), "ssim", nullptr, nullptr, graph));
    RETURN_IF_FF_ERROR(avfilter_link(meter.seen_, 0, ssim, 0));
    RETURN_IF_FF_ERROR(avfilter_link(meter.meant_, 0, ssim, 1));
    RETURN_IF_FF_ERROR(avfilter_link(ssim, 0, meter.sink_, 0));
    RETURN_IF_FF_ERROR(avfilter_graph_config(graph, nullptr));
    return meter;
  }

  // Leaves both frames as they are.
  absl::Status Compare(AVFrame& seen, AVFrame& meant) {
    seen.pts = meant.pts = fed_++;
    RETURN_IF_FF_ERROR(av_buffersrc_add_frame_flags(seen_, &seen, AV_BUFFERSRC_FLAG_KEEP_REF));
    RETURN_IF_FF_ERROR(av_buffersrc_add_frame_flags(meant_, &meant, AV_BUFFERSRC_FLAG_KEEP_REF));
    return Drain();
  }

  // Of all that were compared.
  absl::StatusOr<double> Mean() {
    RETURN_IF_FF_ERROR(av_buffersrc_add_frame(seen_, nullptr));
    RETURN_IF_FF_ERROR(av_buffersrc_add_frame(meant_, nullptr));
    RETURN_IF_ERROR(Drain());
    if (measured_ != fed_) {
      return absl::InternalError(absl::StrCat(measured_, " of ", fed_, " frames were compared"));
    }
    return sum_ / static_cast<double>(measured_);
  }

  std::int64_t fed() const { return fed_; }

 private:
  absl::Status Drain() {
    const UniqueAvFrame frame(av_frame_alloc());
    while (true) {
      const int result = av_buffersink_get_frame(sink_, frame.get());
      if (result == AVERROR(EAGAIN) || result == AVERROR_EOF) return absl::OkStatus();
      RETURN_IF_FF_ERROR(result);
      const AVDictionaryEntry* luma = av_dict_get(frame->metadata, "lavfi.ssim.Y", nullptr, 0);
      double value = 0;
      if (luma == nullptr || !absl::SimpleAtod(luma->value, &value)) {
        return absl::InternalError("the ssim filter says nothing of luma");
      }
      sum_ += value;
      ++measured_;
      av_frame_unref(frame.get());
    }
  }

  struct GraphDeleter {
    void operator()(AVFilterGraph* graph) const { avfilter_graph_free(&graph); }
  };
  std::unique_ptr<AVFilterGraph, GraphDeleter> graph_;
  AVFilterContext *seen_ = nullptr, *meant_ = nullptr, *sink_ = nullptr;  // the graph's
  std::int64_t fed_ = 0, measured_ = 0;
  double sum_ = 0;
};

absl::StatusOr<UniqueAvFrame> NewNv12(int width, int height) {
  UniqueAvFrame frame(av_frame_alloc());
  frame->format = AV_PIX_FMT_NV12;
  frame->width = width;
  frame->height = height;
  RETURN_IF_FF_ERROR(av_frame_get_buffer(frame.get(), 0));
  return frame;
}

}  // namespace

absl::StatusOr<double> MeanSsim(const std::filesystem::path& path, const Scene& scene) {
  ASSIGN_OR_RETURN(const OpenVideo video, Open(path));
  ASSIGN_OR_RETURN(const auto compositor, Compositor::Create(scene));
  ASSIGN_OR_RETURN(SsimMeter meter, SsimMeter::Create(scene.width(), scene.height()));
  RETURN_IF_ERROR(Decode(video, [&](AVFrame& seen) -> absl::Status {
    if (meter.fed() == scene.frame_count()) {
      return absl::InvalidArgumentError("more frames than the scene has");
    }
    // Afresh: the filter holds the frames that it was given.
    ASSIGN_OR_RETURN(const UniqueAvFrame meant, NewNv12(scene.width(), scene.height()));
    const Nv12View view{meant->data[0],
                        meant->data[1],
                        meant->linesize[0],
                        meant->linesize[1],
                        scene.width(),
                        scene.height()};
    RETURN_IF_ERROR(compositor->Paint(meter.fed(), view, std::nullopt).status());
    return meter.Compare(seen, *meant);
  }));
  if (meter.fed() != scene.frame_count()) {
    return absl::InvalidArgumentError(absl::StrCat(
        path.string(), ": ", meter.fed(), " frames; the scene has ", scene.frame_count()));
  }
  return meter.Mean();
}

absl::StatusOr<std::int64_t> VideoBytes(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const OpenVideo video, Open(path));
  const UniqueAvPacket packet(av_packet_alloc());
  std::int64_t bytes = 0;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, NextPacket(video, packet.get()));
    if (!more) return bytes;
    bytes += packet->size;
  }
}

}  // namespace rn
