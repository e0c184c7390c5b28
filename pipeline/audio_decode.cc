#include "pipeline/audio_decode.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "base/status.h"
#include "hwaccel/ffmpeg.h"
#include "pipeline/audio_mix.h"
#include "pipeline/media_input.h"

namespace rn {
namespace {

constexpr int kSourceRateMax = 768'000;
constexpr int kSourceChannelsMax = 64;  // libswresample's own limit
// What is believed of a claimed length when memory is set aside; beyond it the buffer grows.
constexpr std::int64_t kReserveFramesMax = 300LL * kSampleRate;
// Of packets: many files end in a cut one or carry tags that look like sound.
constexpr int kDamagedShareMax = 20;  // one in …
constexpr int kDamagedAlways = 1;     // … or so many
// Of a clip's sound: clocks are coarse, and what they leave out on purpose is longer than this.
constexpr std::int64_t kGapFramesMin = kSampleRate / 20;

// What a file's clock says is held within this many sample frames: sums of such do not overflow.
constexpr std::int64_t kClockMax = std::int64_t{1} << 60;

// Whatever the decoder hands out, to 48 kHz stereo float.
class Converter {
 public:
  // Frames go through in order; the resampler is built anew where their kind changes.
  absl::Status Convert(const AVFrame& frame, std::vector<float>& out) {
    RETURN_IF_ERROR(Check(frame));
    if (swr_ == nullptr || !SameKind(frame)) {
      RETURN_IF_ERROR(Flush(out));
      RETURN_IF_ERROR(Build(frame));
    }
    return Run(frame.extended_data, frame.nb_samples, out);
  }

  // Frames that have gone in and not come out.
  std::int64_t held() const { return swr_ == nullptr ? 0 : swr_get_delay(swr_.get(), kSampleRate); }

  // What the resampler still holds.
  absl::Status Flush(std::vector<float>& out) {
    return swr_ == nullptr ? absl::OkStatus() : Run(nullptr, 0, out);
  }

 private:
  static absl::Status Check(const AVFrame& frame) {
    if (frame.sample_rate < 1 || frame.sample_rate > kSourceRateMax) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "its sample rate is %d Hz; at most %d", frame.sample_rate, kSourceRateMax));
    }
    const int channels = frame.ch_layout.nb_channels;
    if (channels < 1 || channels > kSourceChannelsMax) {
      return absl::InvalidArgumentError(
          absl::StrFormat("it has %d channels; at most %d", channels, kSourceChannelsMax));
    }
    return absl::OkStatus();
  }

  bool SameKind(const AVFrame& frame) const {
    return frame.format == format_ && frame.sample_rate == rate_ &&
           frame.ch_layout.nb_channels == channels_ && frame.ch_layout.order == order_ &&
           frame.ch_layout.u.mask == mask_;
  }

  absl::Status Build(const AVFrame& frame) {
    format_ = frame.format;
    rate_ = frame.sample_rate;
    channels_ = frame.ch_layout.nb_channels;
    order_ = frame.ch_layout.order;
    mask_ = frame.ch_layout.u.mask;
    AVChannelLayout stereo;
    av_channel_layout_default(&stereo, kChannels);
    // Layouts that say nothing of speakers get the usual ones of their number, where there are.
    AVChannelLayout from = frame.ch_layout;  // A native one owns nothing.
    if (order_ != AV_CHANNEL_ORDER_NATIVE) av_channel_layout_default(&from, channels_);
    SwrContext* swr = nullptr;
    RETURN_IF_FF_ERROR(swr_alloc_set_opts2(&swr,
                                           &stereo,
                                           AV_SAMPLE_FMT_FLT,
                                           kSampleRate,
                                           &from,
                                           static_cast<AVSampleFormat>(format_),
                                           rate_,
                                           0,
                                           nullptr));
    swr_.reset(swr);
    // The library's own matrix sends mono out 3 dB lower, and it has none for unknown speakers:
    // those go left and right by turns.
    if (channels_ == 1 || from.order != AV_CHANNEL_ORDER_NATIVE) {
      const double weight = channels_ == 1 ? 1.0 : 2.0 / channels_;
      std::vector<double> matrix(static_cast<std::size_t>(channels_) * kChannels);
      for (int i = 0; i < channels_; ++i) {
        for (int to = 0; to < kChannels; ++to) {
          const bool heard = channels_ == 1 || i % kChannels == to;
          matrix[static_cast<std::size_t>(to) * channels_ + i] = heard ? weight : 0;
        }
      }
      RETURN_IF_FF_ERROR(swr_set_matrix(swr, matrix.data(), channels_));
    }
    RETURN_IF_FF_ERROR(swr_init(swr));
    return absl::OkStatus();
  }

  absl::Status Run(std::uint8_t** in, int in_frames, std::vector<float>& out) {
    const int room = swr_get_out_samples(swr_.get(), in_frames);
    RETURN_IF_FF_ERROR(room);
    const std::size_t before = out.size();
    out.resize(before + static_cast<std::size_t>(room) * kChannels);
    auto* to = reinterpret_cast<std::uint8_t*>(out.data() + before);
    const int written =
        swr_convert(swr_.get(), &to, room, const_cast<const std::uint8_t**>(in), in_frames);
    RETURN_IF_FF_ERROR(written);
    out.resize(before + static_cast<std::size_t>(written) * kChannels);
    return absl::OkStatus();
  }

  UniqueSwrContext swr_;
  int format_ = -1, rate_ = 0, channels_ = 0;
  AVChannelOrder order_ = AV_CHANNEL_ORDER_UNSPEC;
  std::uint64_t mask_ = 0;
};

class AudioDecoder {
 public:
  static absl::StatusOr<AudioBuffer> Decode(const std::string& path, const AudioRange& range) {
    ASSIGN_OR_RETURN(MediaInput input, MediaInput::Open(path));
    AudioDecoder decoder(std::move(input), range);
    RETURN_IF_ERROR(decoder.OpenStream());
    RETURN_IF_ERROR(decoder.ReadAll());
    return std::move(decoder.kept_);
  }

 private:
  AudioDecoder(MediaInput input, const AudioRange& range)
      : input_(std::move(input)), range_(range) {}

  absl::Status OpenStream() {
    const AVCodec* found = nullptr;
    stream_ = av_find_best_stream(input_.get(), AVMEDIA_TYPE_AUDIO, -1, -1, &found, 0);
    if (stream_ == AVERROR_STREAM_NOT_FOUND) {
      return absl::InvalidArgumentError("the file has no sound");
    }
    RETURN_IF_FF_ERROR(stream_);
    RETURN_IF_ERROR(CheckDecoder(*found));
    for (unsigned i = 0; i < input_->nb_streams; ++i) {
      if (static_cast<int>(i) != stream_) input_->streams[i]->discard = AVDISCARD_ALL;
    }
    const AVStream& stream = *input_->streams[stream_];
    codec_.reset(avcodec_alloc_context3(found));
    packet_.reset(av_packet_alloc());
    frame_.reset(av_frame_alloc());
    if (codec_ == nullptr || packet_ == nullptr || frame_ == nullptr) {
      return absl::ResourceExhaustedError("out of memory for a decoder");
    }
    RETURN_IF_FF_ERROR(avcodec_parameters_to_context(codec_.get(), stream.codecpar));
    FindOrigin();
    codec_->pkt_timebase = stream.time_base;  // Without it an encoder's priming is not cut off.
    codec_->thread_count = 1;
    codec_->log_level_offset = AV_LOG_TRACE;  // A line a packet, and we count the damaged ones.
    RETURN_IF_FF_ERROR(avcodec_open2(codec_.get(), found, nullptr));
    Reserve();
    return absl::OkStatus();
  }

  // When the first picture is shown, on the sound's clock.
  void FindOrigin() {
    const AVRational& clock = input_->streams[stream_]->time_base;
    for (unsigned i = 0; i < input_->nb_streams; ++i) {
      const AVStream& stream = *input_->streams[i];
      if (stream.codecpar->codec_type == AVMEDIA_TYPE_VIDEO &&
          stream.start_time != AV_NOPTS_VALUE &&
          (stream.disposition & AV_DISPOSITION_ATTACHED_PIC) == 0) {
        origin_ = av_rescale_q(stream.start_time, stream.time_base, clock);
        return;
      }
    }
  }

  // Silence up to where the clock says that the frame is heard, or less of the sound before it.
  absl::Status Align() {
    // What a decoder has cut off an encoder's priming is in the one and not in the other.
    const std::int64_t pts =
        frame_->pts != AV_NOPTS_VALUE ? frame_->pts : frame_->best_effort_timestamp;
    if (!origin_ || pts == AV_NOPTS_VALUE) return absl::OkStatus();
    const std::int64_t at = std::clamp(
        av_rescale_q(
            av_sat_sub64(pts, *origin_), input_->streams[stream_]->time_base, {1, kSampleRate}),
        -kClockMax,
        kClockMax);
    if (!started_) {
      started_ = true;
      if (at <= 0) done_ = at;
    }
    const std::int64_t gap = at - done_ - converter_.held();
    if (gap > 0 && (gap >= kGapFramesMin || done_ == 0)) {
      RETURN_IF_ERROR(converter_.Flush(fresh_));
      Keep();
      // No more than is asked for: clocks can say anything.
      const std::int64_t silence = std::clamp<std::int64_t>(range_.end - done_, 0, at - done_);
      fresh_.assign(static_cast<std::size_t>(silence) * kChannels, 0.0F);
      Keep();
    } else if (-gap >= kGapFramesMin) {
      repeated_ = -gap;
    }
    return absl::OkStatus();
  }

  void Reserve() {
    if (input_->duration <= 0) return;
    const std::int64_t claimed = av_rescale(input_->duration, kSampleRate, AV_TIME_BASE);
    const std::int64_t frames = std::min({claimed, range_.end - range_.begin, kReserveFramesMax});
    kept_.samples.reserve(static_cast<std::size_t>(frames) * kChannels);
  }

  bool full() const { return done_ >= range_.end; }

  absl::Status ReadAll() {
    while (!full()) {
      const int read = av_read_frame(input_.get(), packet_.get());
      if (read == AVERROR_EOF) {
        RETURN_IF_ERROR(Send(nullptr));
        RETURN_IF_ERROR(converter_.Flush(fresh_));
        Keep();
        break;
      }
      RETURN_IF_FF_ERROR(read);
      absl::Status sent;
      if (packet_->stream_index == stream_) sent = Send(packet_.get());
      av_packet_unref(packet_.get());
      RETURN_IF_ERROR(sent);
    }
    if (damaged_ > kDamagedAlways && damaged_ * kDamagedShareMax > packets_) {
      return absl::InvalidArgumentError(
          absl::StrFormat("the sound is damaged: %d of %d packets", damaged_, packets_));
    }
    if (!heard_) return absl::InvalidArgumentError("the file has no sound that can be decoded");
    return absl::OkStatus();
  }

  // `packet` null: the end.
  absl::Status Send(const AVPacket* packet) {
    if (packet != nullptr) ++packets_;
    const int sent = avcodec_send_packet(codec_.get(), packet);
    if (sent == AVERROR_INVALIDDATA) {
      ++damaged_;
      return absl::OkStatus();
    }
    RETURN_IF_FF_ERROR(sent);
    while (!full()) {
      const int received = avcodec_receive_frame(codec_.get(), frame_.get());
      if (received == AVERROR(EAGAIN) || received == AVERROR_EOF) break;
      if (received == AVERROR_INVALIDDATA) {
        ++damaged_;
        break;
      }
      RETURN_IF_FF_ERROR(received);
      heard_ = true;
      RETURN_IF_ERROR(Align());
      RETURN_IF_ERROR(converter_.Convert(*frame_, fresh_));
      Keep();
    }
    return absl::OkStatus();
  }

  // Of the fresh samples, those within the range.
  void Keep() {
    const std::int64_t again =
        std::min(repeated_, static_cast<std::int64_t>(fresh_.size()) / kChannels);
    fresh_.erase(fresh_.begin(), fresh_.begin() + again * kChannels);
    repeated_ -= again;
    const auto fresh = static_cast<std::int64_t>(fresh_.size()) / kChannels;
    const std::int64_t from = std::clamp<std::int64_t>(range_.begin - done_, 0, fresh);
    const std::int64_t to = std::clamp<std::int64_t>(range_.end - done_, 0, fresh);
    for (std::int64_t i = from * kChannels; i < to * kChannels; ++i) {
      const float sample = fresh_[static_cast<std::size_t>(i)];
      kept_.samples.push_back(std::isfinite(sample) ? std::clamp(sample, -kSampleMax, kSampleMax)
                                                    : 0.0F);
    }
    done_ += fresh;
    fresh_.clear();
  }

  MediaInput input_;
  const AudioRange range_;
  int stream_ = 0;
  UniqueCodecContext codec_;
  UniqueAvPacket packet_;
  UniqueAvFrame frame_;
  Converter converter_;
  std::vector<float> fresh_;  // converted, not yet kept
  std::int64_t done_ = 0;     // when the next converted frame is heard
  std::optional<std::int64_t> origin_;
  bool started_ = false, heard_ = false;
  std::int64_t repeated_ = 0;  // frames to come that the clock says were heard already
  int packets_ = 0, damaged_ = 0;
  AudioBuffer kept_;
};

}  // namespace

absl::StatusOr<AudioBuffer> DecodeAudioRange(const std::string& path, const AudioRange& range) {
  return AudioDecoder::Decode(path, range);
}

absl::StatusOr<AudioBuffer> DecodeAudioFile(const std::string& path, absl::Duration length_max) {
  const std::int64_t frames_max = ToSampleFrames(length_max);
  absl::StatusOr<AudioBuffer> audio = DecodeAudioRange(path, {0, frames_max + 1});
  if (audio.ok() && audio->frames() > frames_max) {
    return absl::ResourceExhaustedError(absl::StrFormat(
        "%s: longer than %.1f s, the most", path, absl::ToDoubleSeconds(length_max)));
  }
  return audio.ok() ? std::move(audio) : Annotate(audio.status(), path);
}

}  // namespace rn
