#include "pipeline/video_clip.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr std::int64_t kDamagedShareMax = 20;  // one in …
constexpr std::int64_t kDamagedAlways = 1;     // … or so many
constexpr int kHeldFrames = 8;                 // Of a usual decoder; the standard allows 17.

}  // namespace

absl::StatusOr<std::unique_ptr<VideoClip>> VideoClip::Open(const std::string& path,
                                                           std::shared_ptr<const ClipIndex> index,
                                                           const ClipLimits& limits) {
  absl::StatusOr<MediaInput> input = MediaInput::Reopen(path);
  if (!input.ok()) return Annotate(input.status(), path);
  std::unique_ptr<VideoClip> clip(new VideoClip(path, *std::move(input), std::move(index)));
  if (const absl::Status opened = clip->OpenDecoder(limits); !opened.ok()) {
    return Annotate(opened, path);
  }
  return clip;
}

absl::Status VideoClip::OpenDecoder(const ClipLimits& limits) {
  stream_ = index_->stream();
  if (stream_ >= static_cast<int>(input_->nb_streams)) {
    return absl::InvalidArgumentError("the file has changed while it was being read");
  }
  for (unsigned i = 0; i < input_->nb_streams; ++i) {
    if (static_cast<int>(i) != stream_) input_->streams[i]->discard = AVDISCARD_ALL;
  }
  const AVStream& stream = *input_->streams[stream_];
  const AVCodec* decoder = AlphaDecoder(stream);
  if (decoder == nullptr) decoder = avcodec_find_decoder(stream.codecpar->codec_id);
  if (decoder == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        "its codec ", avcodec_get_name(stream.codecpar->codec_id), " is not supported"));
  }
  RETURN_IF_ERROR(CheckDecoder(*decoder));
  codec_.reset(avcodec_alloc_context3(decoder));
  packet_.reset(av_packet_alloc());
  shown_.reset(av_frame_alloc());
  ahead_.reset(av_frame_alloc());
  if (codec_ == nullptr || packet_ == nullptr || shown_ == nullptr || ahead_ == nullptr) {
    return absl::ResourceExhaustedError("out of memory for a decoder");
  }
  RETURN_IF_FF_ERROR(avcodec_parameters_to_context(codec_.get(), stream.codecpar));
  codec_->pkt_timebase = stream.time_base;
  codec_->thread_count = 1;
  codec_->max_pixels = limits.pixels_max;   // Headers in the stream may say otherwise.
  codec_->log_level_offset = AV_LOG_TRACE;  // A line a packet, and we count the damaged ones.
  RETURN_IF_FF_ERROR(avcodec_open2(codec_.get(), decoder, nullptr));
  return absl::OkStatus();
}

std::size_t VideoClip::bytes() const {
  const int size = av_image_get_buffer_size(
      codec_->pix_fmt == AV_PIX_FMT_NONE ? AV_PIX_FMT_YUV420P : codec_->pix_fmt,
      std::max(1, codec_->coded_width),
      std::max(1, codec_->coded_height),
      1);
  return static_cast<std::size_t>(std::max(0, size)) * kHeldFrames;
}

absl::StatusOr<const AVFrame*> VideoClip::Frame(std::int64_t n) {
  n = std::clamp<std::int64_t>(n, 0, index_->frame_count() - 1);
  if (n != at_ || !has_shown_) {
    if (const absl::Status found = Find(n); !found.ok()) return Annotate(found, path_);
  }
  return shown_.get();
}

absl::Status VideoClip::Find(std::int64_t n) {
  RETURN_IF_ERROR(SeekFor(n));
  RETURN_IF_ERROR(DecodeUpTo(index_->PtsOf(n)));
  if (!has_shown_) return absl::InvalidArgumentError("none of its frames can be decoded");
  at_ = n;
  return absl::OkStatus();
}

// Only where it is shorter than going on.
absl::Status VideoClip::SeekFor(std::int64_t n) {
  const ClipIndex::Keyframe keyframe = index_->KeyframeOf(n);
  if (at_ < 0 && keyframe.frame == 0) return absl::OkStatus();  // Just opened.
  if (at_ >= 0 && n > at_ && keyframe.frame <= at_ + 1) return absl::OkStatus();
  // A container's own idea of where a frame is may be late: then from further back.
  for (ClipIndex::Keyframe from = keyframe;; from = index_->KeyframeOf(from.frame - 1)) {
    RETURN_IF_ERROR(GoTo(from.pts));
    ASSIGN_OR_RETURN(has_ahead_, DecodeOne(index_->PtsOf(n)));
    if (from.frame == 0 || (has_ahead_ && ahead_->best_effort_timestamp <= index_->PtsOf(n))) {
      return absl::OkStatus();
    }
  }
}

absl::Status VideoClip::GoTo(std::int64_t pts) {
  RETURN_IF_FF_ERROR(avformat_seek_file(input_.get(), stream_, INT64_MIN, pts, pts, 0));
  avcodec_flush_buffers(codec_.get());
  has_shown_ = has_ahead_ = ended_ = false;
  return absl::OkStatus();
}

absl::Status VideoClip::DecodeUpTo(std::int64_t pts) {
  while (!has_shown_ || shown_->best_effort_timestamp < pts) {
    if (!has_ahead_) {
      ASSIGN_OR_RETURN(has_ahead_, DecodeOne(pts));
      if (!has_ahead_) break;
    }
    // The frame itself is missing: the one before stays, if there is one.
    if (ahead_->best_effort_timestamp > pts && has_shown_) break;
    std::swap(shown_, ahead_);
    has_shown_ = true;
    has_ahead_ = false;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> VideoClip::DecodeOne(std::int64_t pts_wanted) {
  while (true) {
    const int received = avcodec_receive_frame(codec_.get(), ahead_.get());
    if (received == AVERROR_EOF) return false;
    if (received == AVERROR(EAGAIN)) {
      RETURN_IF_ERROR(Send(pts_wanted));
      continue;
    }
    if (received == AVERROR_INVALIDDATA) {
      RETURN_IF_ERROR(NoteDamage());
      continue;
    }
    RETURN_IF_FF_ERROR(received);
    if (ahead_->decode_error_flags != 0 || (ahead_->flags & AV_FRAME_FLAG_CORRUPT) != 0) {
      RETURN_IF_ERROR(NoteDamage());
      continue;
    }
    if (ahead_->best_effort_timestamp == AV_NOPTS_VALUE) continue;
    return true;
  }
}

// One packet of ours, or the end.
absl::Status VideoClip::Send(std::int64_t pts_wanted) {
  if (ended_) return absl::OkStatus();
  while (true) {
    const int read = av_read_frame(input_.get(), packet_.get());
    if (read == AVERROR_EOF) {
      ended_ = true;
      RETURN_IF_FF_ERROR(avcodec_send_packet(codec_.get(), nullptr));
      return absl::OkStatus();
    }
    RETURN_IF_FF_ERROR(read);
    if (packet_->stream_index == stream_) break;
    av_packet_unref(packet_.get());
  }
  ++packets_;
  // Frames that no other needs and nobody will see.
  codec_->skip_frame = packet_->pts < pts_wanted ? AVDISCARD_NONREF : AVDISCARD_DEFAULT;
  const int sent = avcodec_send_packet(codec_.get(), packet_.get());
  av_packet_unref(packet_.get());
  if (sent == AVERROR_INVALIDDATA) return NoteDamage();
  RETURN_IF_FF_ERROR(sent);
  return absl::OkStatus();
}

absl::Status VideoClip::NoteDamage() {
  ++damaged_;
  if (damaged_ > kDamagedAlways && damaged_ * kDamagedShareMax > packets_) {
    return absl::InvalidArgumentError(
        absl::StrFormat("the clip is damaged: %d of the first %d frames", damaged_, packets_));
  }
  return absl::OkStatus();
}

}  // namespace rn
