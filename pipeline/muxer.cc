#include "pipeline/muxer.h"

#include <filesystem>
#include <utility>

#include "hwaccel/ffmpeg.h"

namespace rn {
namespace {

class Mp4Muxer final : public Muxer {
 public:
  explicit Mp4Muxer(std::string path) : path_(std::move(path)) {}

  ~Mp4Muxer() override {
    if (format_ == nullptr) {
      return;
    }
    avio_closep(&format_->pb);
    avformat_free_context(format_);
    if (!finished_) {
      std::error_code ignored;  // Nothing more can be done about a file that will not go.
      std::filesystem::remove(path_, ignored);
    }
  }

  absl::Status Start(const MuxerStreams& streams) {
    RETURN_IF_FF_ERROR(avformat_alloc_output_context2(&format_, nullptr, "mp4", path_.c_str()));
    // However late a picture comes, its sound waits for it: an encoder that gets few frames holds
    // them for many seconds, and by default sound would go ahead after ten.
    format_->max_interleave_delta = 0;
    RETURN_IF_ERROR(AddStream(streams.video, video_));
    RETURN_IF_ERROR(AddStream(streams.audio, audio_));
    RETURN_IF_FF_ERROR(avio_open(&format_->pb, path_.c_str(), AVIO_FLAG_WRITE));
    AvOptions options;
    options.Set("movflags", "+faststart");
    RETURN_IF_FF_ERROR(avformat_write_header(format_, options.get()));
    return absl::OkStatus();
  }

  absl::Status WriteVideo(AVPacket& packet) override { return Named(Write(packet, video_)); }
  absl::Status WriteAudio(AVPacket& packet) override { return Named(Write(packet, audio_)); }

  absl::Status Finish() override {
    RETURN_IF_ERROR(Named(Close()));
    finished_ = true;
    return absl::OkStatus();
  }

  absl::Status Named(const absl::Status& status) const { return Annotate(status, path_); }

 private:
  struct Track {
    AVStream* stream = nullptr;
    AVRational time_base{};  // the encoder's
  };

  absl::Status AddStream(const AVCodecContext& codec, Track& track) {
    track.stream = avformat_new_stream(format_, nullptr);
    if (track.stream == nullptr) {
      return absl::ResourceExhaustedError("out of memory for an MP4 stream");
    }
    track.time_base = codec.time_base;
    track.stream->time_base = codec.time_base;
    track.stream->avg_frame_rate = codec.framerate;
    RETURN_IF_FF_ERROR(avcodec_parameters_from_context(track.stream->codecpar, &codec));
    return absl::OkStatus();
  }

  absl::Status Close() {
    RETURN_IF_FF_ERROR(av_write_trailer(format_));
    RETURN_IF_FF_ERROR(avio_closep(&format_->pb));
    return absl::OkStatus();
  }

  absl::Status Write(AVPacket& packet, const Track& track) {
    packet.stream_index = track.stream->index;
    av_packet_rescale_ts(&packet, track.time_base, track.stream->time_base);
    RETURN_IF_FF_ERROR(av_interleaved_write_frame(format_, &packet));
    return absl::OkStatus();
  }

  const std::string path_;
  AVFormatContext* format_ = nullptr;
  Track video_, audio_;
  bool finished_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Muxer>> Muxer::Open(const std::string& path,
                                                   const MuxerStreams& streams) {
  auto muxer = std::make_unique<Mp4Muxer>(path);
  RETURN_IF_ERROR(muxer->Named(muxer->Start(streams)));
  return muxer;
}

}  // namespace rn
