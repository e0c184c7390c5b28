#include "pipeline/clip_index.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "hwaccel/ffmpeg.h"
#include "pipeline/media_input.h"
#include "pipeline/media_length.h"
#include "pipeline/picture_size.h"

namespace rn {
namespace {

constexpr double kPixelAspectMax = 10;  // No camera's is beyond; a file's header says anything.

ClipTurn TurnOf(const AVStream& stream) {
  const auto* matrix = reinterpret_cast<const std::int32_t*>(
      av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, nullptr));
  ClipTurn turn;
  if (matrix == nullptr) return turn;
  // x' = a·x + c·y, y' = b·x + d·y; angles in between go to the nearest quarter.
  const std::int32_t a = matrix[0], b = matrix[1], c = matrix[3], d = matrix[4];
  turn.transposed = std::abs(double{1} * a) < std::abs(double{1} * b);
  turn.flip_x = (turn.transposed ? c : a) < 0;
  turn.flip_y = (turn.transposed ? b : d) < 0;
  return turn;
}

absl::Status CheckSize(const AVCodecParameters& video, const ClipLimits& limits) {
  if (video.width < 1 || video.height < 1) {
    return absl::InvalidArgumentError("its pictures have no size; the file is damaged");
  }
  return CheckPictureSize(
      "the clip", video.width, video.height, limits.side_max, limits.pixels_max);
}

// A cover picture is no clip.
bool IsVideo(const AVStream& stream) {
  return stream.codecpar->codec_type == AVMEDIA_TYPE_VIDEO &&
         (stream.disposition & AV_DISPOSITION_ATTACHED_PIC) == 0;
}

absl::StatusOr<int> FindVideo(AVFormatContext* input) {
  const int found = av_find_best_stream(input, AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
  if (found >= 0 && IsVideo(*input->streams[found])) return found;
  const bool sound = av_find_best_stream(input, AVMEDIA_TYPE_AUDIO, -1, -1, nullptr, 0) >= 0;
  return absl::InvalidArgumentError(sound ? "the file has sound and no video; use an audio element"
                                          : "the file has no video");
}

using Packets = std::vector<ClipPacket>;

absl::StatusOr<Packets> ReadPackets(AVFormatContext* input, int stream, const ClipLimits& limits) {
  for (unsigned i = 0; i < input->nb_streams; ++i) {
    input->streams[i]->discard = static_cast<int>(i) == stream ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
  }
  const UniqueAvPacket packet(av_packet_alloc());
  if (packet == nullptr) return absl::ResourceExhaustedError("out of memory");
  Packets packets;
  while (true) {
    const int read = av_read_frame(input, packet.get());
    if (read == AVERROR_EOF) return packets;
    RETURN_IF_FF_ERROR(read);
    if (packet->stream_index == stream) {
      if (packet->pts == AV_NOPTS_VALUE) {
        return absl::InvalidArgumentError(
            "its frames do not say when they are shown; put the clip into MP4, WebM or Matroska");
      }
      packets.push_back({packet->pts,
                         packet->duration,
                         (packet->flags & AV_PKT_FLAG_KEY) != 0,
                         (packet->flags & AV_PKT_FLAG_DISCARD) == 0});
    }
    av_packet_unref(packet.get());
    if (static_cast<std::int64_t>(packets.size()) > limits.frames_max) {
      return absl::InvalidArgumentError(
          absl::StrCat("the clip has more than ", limits.frames_max, " frames, the most"));
    }
  }
}

// The list of frames in the header goes further than the file.
absl::Status CheckWhole(const AVStream& stream, const Packets& packets) {
  const int listed = avformat_index_get_entries_count(&stream);
  const auto read = static_cast<int>(packets.size());
  if (read >= listed) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "the file is truncated: %d of its %d frames are there; upload it again", read, listed));
}

// A file's clock says anything; from here on no time overflows.
absl::Status CheckTimes(std::int64_t first, std::int64_t last, std::int64_t ticks, double tick_s) {
  constexpr double kTicksMax = 0x1p62;
  const double end =
      static_cast<double>(last) + static_cast<double>(std::max<std::int64_t>(0, ticks));
  const double seconds = (end - static_cast<double>(first)) * tick_s;
  if (std::abs(end) <= kTicksMax && absl::Seconds(seconds) <= kMediaLengthMax) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrFormat("the times of its frames are damaged: the last one ends %.3g s after the "
                      "first begins; at most %.3g s",
                      seconds,
                      absl::ToDoubleSeconds(kMediaLengthMax)));
}

bool HasAlpha(const AVStream& stream) {
  const auto pixels = static_cast<AVPixelFormat>(stream.codecpar->format);
  const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(pixels);
  const bool by_format =
      format != nullptr && (format->flags & (AV_PIX_FMT_FLAG_ALPHA | AV_PIX_FMT_FLAG_PAL)) != 0;
  return by_format || AlphaDecoder(stream) != nullptr;
}

}  // namespace

const AVCodec* AlphaDecoder(const AVStream& stream) {
  const AVDictionaryEntry* alpha = av_dict_get(stream.metadata, "alpha_mode", nullptr, 0);
  if (alpha == nullptr || absl::string_view(alpha->value) != "1") return nullptr;
  switch (stream.codecpar->codec_id) {
    case AV_CODEC_ID_VP8:
      return avcodec_find_decoder_by_name("libvpx");
    case AV_CODEC_ID_VP9:
      return avcodec_find_decoder_by_name("libvpx-vp9");
    default:
      return nullptr;
  }
}

absl::StatusOr<ClipIndex> ClipIndex::Read(const std::string& path, const ClipLimits& limits) {
  const auto read = [&]() -> absl::StatusOr<ClipIndex> {
    ASSIGN_OR_RETURN(const MediaInput input, MediaInput::Open(path));
    ASSIGN_OR_RETURN(const int number, FindVideo(input.get()));
    AVStream& stream = *input->streams[number];
    RETURN_IF_ERROR(CheckSize(*stream.codecpar, limits));
    ASSIGN_OR_RETURN(Packets packets, ReadPackets(input.get(), number, limits));
    RETURN_IF_ERROR(CheckWhole(stream, packets));
    ClipIndex index;
    index.tick_num_ = stream.time_base.num;
    index.tick_den_ = stream.time_base.den;
    RETURN_IF_ERROR(index.Arrange(std::move(packets)));
    const AVCodecParameters& video = *stream.codecpar;
    const AVRational aspect = av_guess_sample_aspect_ratio(input.get(), &stream, nullptr);
    double pixel_aspect = aspect.num > 0 && aspect.den > 0 ? av_q2d(aspect) : 1;
    if (pixel_aspect > kPixelAspectMax || pixel_aspect < 1 / kPixelAspectMax) pixel_aspect = 1;
    index.turn_ = TurnOf(stream);
    index.width_ = std::max(1, static_cast<int>(std::lround(video.width * pixel_aspect)));
    index.height_ = video.height;
    if (index.turn_.transposed) std::swap(index.width_, index.height_);
    index.stream_ = number;
    index.has_alpha_ = HasAlpha(stream);
    index.has_sound_ =
        av_find_best_stream(input.get(), AVMEDIA_TYPE_AUDIO, -1, -1, nullptr, 0) >= 0;
    return index;
  };
  absl::StatusOr<ClipIndex> index = read();
  return index.ok() ? std::move(index) : Annotate(index.status(), path);
}

absl::Status ClipIndex::Arrange(Packets packets) {
  std::stable_sort(packets.begin(), packets.end(), [](const ClipPacket& a, const ClipPacket& b) {
    return a.pts < b.pts;
  });
  std::int64_t last_ticks = 0;
  for (const ClipPacket& packet : packets) {
    if (packet.key) {
      if (!keyframes_.empty() && keyframes_.back().frame == frame_count()) keyframes_.pop_back();
      keyframes_.push_back({frame_count(), packet.pts});
    }
    // What comes before the first keyframe cannot be decoded.
    if (!packet.shown || keyframes_.empty()) continue;
    if (!pts_.empty() && packet.pts == pts_.back()) continue;
    pts_.push_back(packet.pts);
    last_ticks = packet.ticks;
  }
  if (pts_.empty()) return absl::InvalidArgumentError("the clip has no frames");
  RETURN_IF_ERROR(CheckTimes(pts_.front(), pts_.back(), last_ticks, 1.0 * tick_num_ / tick_den_));
  if (last_ticks <= 0) {
    const std::int64_t gaps = frame_count() - 1;
    last_ticks = gaps > 0 ? (pts_.back() - pts_.front() + gaps / 2) / gaps : 0;
  }
  end_ = pts_.back() + std::max<std::int64_t>(1, last_ticks);
  return absl::OkStatus();
}

absl::Duration ClipIndex::length() const {
  return absl::Seconds(1) * ((end_ - pts_.front()) * tick_num_) / tick_den_;
}

std::int64_t ClipIndex::FrameAt(absl::Duration t) const {
  // A microsecond of grace for whoever counts in thirtieths; in half ticks, rounded down.
  const std::int64_t at = absl::ToInt64Nanoseconds(t + absl::Microseconds(1));
  const std::int64_t halves =
      av_rescale_rnd(2 * at, tick_den_, tick_num_ * 1'000'000'000, AV_ROUND_DOWN);
  const auto after = std::upper_bound(
      pts_.begin(), pts_.end(), halves, [first = pts_.front()](std::int64_t at, std::int64_t pts) {
        return at < 2 * (pts - first) - 1;
      });
  return std::max<std::int64_t>(0, after - pts_.begin() - 1);
}

absl::Duration ClipIndex::TimeOf(std::int64_t frame) const {
  return absl::Seconds(1) * ((PtsOf(frame) - pts_.front()) * tick_num_) / tick_den_;
}

const ClipIndex::Keyframe& ClipIndex::KeyframeOf(std::int64_t frame) const {
  return *std::prev(std::upper_bound(
      keyframes_.begin(), keyframes_.end(), frame, [](std::int64_t at, const Keyframe& keyframe) {
        return at < keyframe.frame;
      }));
}

}  // namespace rn
