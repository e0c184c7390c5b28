#include "bench/assets.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numbers>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file.h"
#include "base/status.h"
#include "bench/child.h"
#include "hwaccel/ffmpeg.h"
#include "pipeline/audio_buffer.h"
#include "pipeline/audio_encoder.h"
#include "pipeline/speech.h"

namespace rn {
namespace {

// ------------------------------------------------------------------- a photograph
constexpr int kPhotoWidth = 1920, kPhotoHeight = 1440;

// A number in [0, 1) that depends on nothing but its arguments.
float Hash(std::uint32_t x, std::uint32_t y, std::uint32_t seed) {
  std::uint32_t h = x * 0x8DA6B343U ^ y * 0xD8163841U ^ seed * 0xCB1AB31FU;
  h = (h ^ (h >> 15)) * 0x2C1B3C6DU;
  h = (h ^ (h >> 12)) * 0x297A2D39U;
  return static_cast<float>(h >> 8) / static_cast<float>(1U << 24);
}

float Smooth(float t) {
  return t * t * (3 - 2 * t);
}

// Smooth noise of one grain size.
float Grain(float x, float y, std::uint32_t seed) {
  const auto left = static_cast<std::uint32_t>(x);
  const auto top = static_cast<std::uint32_t>(y);
  const float fx = Smooth(x - static_cast<float>(left));
  const float fy = Smooth(y - static_cast<float>(top));
  const float above = std::lerp(Hash(left, top, seed), Hash(left + 1, top, seed), fx);
  const float below = std::lerp(Hash(left, top + 1, seed), Hash(left + 1, top + 1, seed), fx);
  return std::lerp(above, below, fy);
}

// Detail at every size, as nature has it: each octave a little weaker.
float Texture(float x, float y, std::uint32_t seed) {
  float sum = 0;
  float strength = 0.35F;
  for (int size = 320; size > 1; size /= 2) {
    const auto grain = static_cast<float>(size);
    sum += strength * Grain(x / grain, y / grain, seed++);
    strength *= 0.8F;
  }
  return sum;
}

// Hills of other colours and textures before one another: soft areas, detail and hard edges.
std::array<float, 3> PhotoColor(int column, int row, std::uint32_t seed) {
  const auto x = static_cast<float>(column);
  const auto y = static_cast<float>(row);
  std::uint32_t hill = 0;
  for (std::uint32_t i = 1; i <= 4; ++i) {
    const float ridge = 250.0F * static_cast<float>(i) + 300 * Grain(x / 400, 7, seed + 50 * i) +
                        40 * Grain(x / 30, 9, seed + 60 * i);
    if (y > ridge) hill = i;
  }
  const std::uint32_t colors = seed * 31 + hill;
  const float detail = hill == 0 ? 0.15F : 0.9F;  // The sky is calm.
  const float light = 0.3F + detail * (Texture(x, y, colors) - 0.5F) + 0.1F * Hash(hill, 1, seed);
  return {light * (0.6F + 0.8F * Hash(colors, 2, 3)),
          light * (0.6F + 0.8F * Hash(colors, 3, 3)),
          light * (0.6F + 0.8F * Hash(colors, 4, 3)) + (hill == 0 ? 0.3F : 0)};
}

UniqueAvFrame PaintPhoto(std::uint32_t seed) {
  UniqueAvFrame rgb(av_frame_alloc());
  rgb->format = AV_PIX_FMT_RGB24;
  rgb->width = kPhotoWidth;
  rgb->height = kPhotoHeight;
  CHECK(av_frame_get_buffer(rgb.get(), 0) == 0);
  for (int y = 0; y < kPhotoHeight; ++y) {
    std::uint8_t* to = rgb->data[0] + std::ptrdiff_t{y} * rgb->linesize[0];
    for (int x = 0; x < kPhotoWidth; ++x) {
      for (const float channel : PhotoColor(x, y, seed)) {
        *to++ = static_cast<std::uint8_t>(255 * std::clamp(channel, 0.0F, 1.0F));
      }
    }
  }
  return rgb;
}

}  // namespace

absl::Status WritePhoto(const std::filesystem::path& path, std::uint32_t seed) {
  const UniqueAvFrame rgb = PaintPhoto(seed);
  UniqueAvFrame yuv(av_frame_alloc());
  yuv->format = AV_PIX_FMT_YUVJ420P;
  yuv->width = rgb->width;
  yuv->height = rgb->height;
  yuv->quality = 2 * FF_QP2LAMBDA;
  RETURN_IF_FF_ERROR(av_frame_get_buffer(yuv.get(), 0));
  const UniqueSwsContext scaler(sws_getContext(rgb->width,
                                               rgb->height,
                                               AV_PIX_FMT_RGB24,
                                               yuv->width,
                                               yuv->height,
                                               AV_PIX_FMT_YUVJ420P,
                                               SWS_BICUBIC,
                                               nullptr,
                                               nullptr,
                                               nullptr));
  RETURN_IF_FF_ERROR(
      sws_scale(scaler.get(), rgb->data, rgb->linesize, 0, rgb->height, yuv->data, yuv->linesize));
  const AVCodec* encoder = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
  const UniqueCodecContext codec(avcodec_alloc_context3(encoder));
  codec->width = yuv->width;
  codec->height = yuv->height;
  codec->pix_fmt = AV_PIX_FMT_YUVJ420P;
  codec->time_base = {1, 1};
  codec->flags |= AV_CODEC_FLAG_QSCALE;
  RETURN_IF_FF_ERROR(avcodec_open2(codec.get(), encoder, nullptr));
  RETURN_IF_FF_ERROR(avcodec_send_frame(codec.get(), yuv.get()));
  const UniqueAvPacket packet(av_packet_alloc());
  RETURN_IF_FF_ERROR(avcodec_receive_packet(codec.get(), packet.get()));
  return WriteFileDurably(path,
                          absl::string_view(reinterpret_cast<const char*>(packet->data),
                                            static_cast<std::size_t>(packet->size)));
}

// ------------------------------------------------------------------- sound
namespace {

// Chords that swell and die, over a beat of noise.
class Tune final : public MasteredMix {
 public:
  explicit Tune(std::int64_t frames) : frames_(frames) {}

  std::int64_t Read(absl::Span<float> out) override {
    const std::int64_t n =
        std::min(frames_ - at_, static_cast<std::int64_t>(out.size()) / kChannels);
    for (std::int64_t i = 0; i < n; ++i, ++at_) {
      const float chord = Chord();
      const float beat = Beat();
      out[static_cast<std::size_t>(2 * i)] = chord + beat;
      out[static_cast<std::size_t>(2 * i + 1)] = 0.8F * chord + beat;
    }
    return n;
  }

 private:
  static constexpr std::int64_t kBar = std::int64_t{2} * kSampleRate;

  float Chord() const {
    constexpr std::array<std::array<double, 3>, 4> kChords = {
        {{220, 277.2, 329.6}, {196, 246.9, 293.7}, {174.6, 220, 261.6}, {164.8, 207.7, 246.9}}};
    const double t = static_cast<double>(at_ % kBar) / kSampleRate;
    double sum = 0;
    for (const double f : kChords[static_cast<std::size_t>(at_ / kBar) % kChords.size()]) {
      for (int harmonic = 1; harmonic < 5; ++harmonic) {
        sum += std::sin(2 * std::numbers::pi * f * harmonic * t) / harmonic;
      }
    }
    return static_cast<float>(0.1 * sum * std::min(t / 0.05, 1.0) * std::exp(-0.7 * t));
  }

  float Beat() const {
    const std::int64_t since = at_ % (kSampleRate / 4);
    const float noise = Hash(static_cast<std::uint32_t>(at_), 5, 6) - 0.5F;
    return 0.2F * noise * std::exp(static_cast<float>(-since) / 900);
  }

  const std::int64_t frames_;
  std::int64_t at_ = 0;
};

struct OutputDeleter {
  void operator()(AVFormatContext* output) const {
    avio_closep(&output->pb);
    avformat_free_context(output);
  }
};

// `samples` as AAC in MPEG-4.
absl::Status WriteSound(const std::filesystem::path& path, MasteredMix& sound) {
  constexpr int kBitrate = 192'000;
  ASSIGN_OR_RETURN(const auto encoder, AudioEncoder::Open(sound, kBitrate));
  AVFormatContext* allocated = nullptr;
  RETURN_IF_FF_ERROR(avformat_alloc_output_context2(&allocated, nullptr, "ipod", path.c_str()));
  const std::unique_ptr<AVFormatContext, OutputDeleter> output(allocated);
  AVStream* stream = avformat_new_stream(output.get(), nullptr);
  stream->time_base = encoder->codec().time_base;
  RETURN_IF_FF_ERROR(avcodec_parameters_from_context(stream->codecpar, &encoder->codec()));
  RETURN_IF_FF_ERROR(avio_open(&output->pb, path.c_str(), AVIO_FLAG_WRITE));
  RETURN_IF_FF_ERROR(avformat_write_header(output.get(), nullptr));
  RETURN_IF_ERROR(encoder->Finish([&](AVPacket& packet) -> absl::Status {
    av_packet_rescale_ts(&packet, encoder->codec().time_base, stream->time_base);
    RETURN_IF_FF_ERROR(av_interleaved_write_frame(output.get(), &packet));
    return absl::OkStatus();
  }));
  RETURN_IF_FF_ERROR(av_write_trailer(output.get()));
  return absl::OkStatus();
}

// What was spoken, read once.
class Spoken final : public MasteredMix {
 public:
  explicit Spoken(MonoSound audio) : audio_(std::move(audio)) {}

  std::int64_t Read(absl::Span<float> out) override {
    const std::int64_t n =
        std::min(audio_.frames() - at_, static_cast<std::int64_t>(out.size()) / kChannels);
    for (std::int64_t i = 0; i < n; ++i) {
      std::fill_n(out.begin() + i * kChannels, kChannels, audio_.At(at_ + i));
    }
    at_ += n;
    return n;
  }

 private:
  const MonoSound audio_;
  std::int64_t at_ = 0;
};

}  // namespace

absl::Status WriteMusic(const std::filesystem::path& path) {
  constexpr std::int64_t kSeconds = 20;
  Tune tune(kSeconds * kSampleRate);
  return WriteSound(path, tune);
}

absl::Status WriteSpeech(const std::filesystem::path& path,
                         absl::string_view text,
                         const rendernode::Voice& voice) {
  SpeechEngines engines = SpeechEngines::BuiltIn();
  ASSIGN_OR_RETURN(Speech speech, engines.Speak(text, voice));
  Spoken spoken(std::move(speech.audio));
  return WriteSound(path, spoken);
}

// ------------------------------------------------------------------- a clip
absl::Status WriteClip(const std::filesystem::path& path,
                       const std::array<std::filesystem::path, 2>& photos,
                       double seconds) {
  // Where the camera points, in pixels of the enlarged photo: a pan, and a hand that shakes.
  const auto take = [](int input, int from_x, int pan, int from_y) {
    return absl::StrFormat(
        "[%d:v]scale=2560:1920,format=yuv444p,crop=1920:1080:"
        "'%d+%d*n/8+9*sin(n/9)+5*sin(n/3.7)':'%d+7*cos(n/11)+4*sin(n/4.1)':exact=1,"
        "noise=alls=6:allf=t,format=yuv420p[take%d];",
        input,
        from_x,
        pan,
        from_y,
        input);
  };
  const std::string take_s = absl::StrFormat("%.3f", seconds / 2);
  return RunChild({.argv = {"ffmpeg",
                            "-v",
                            "error",
                            "-nostdin",
                            "-y",
                            "-loop",
                            "1",
                            "-framerate",
                            "30",
                            "-t",
                            take_s,
                            "-i",
                            photos[0],
                            "-loop",
                            "1",
                            "-framerate",
                            "30",
                            "-t",
                            take_s,
                            "-i",
                            photos[1],
                            "-filter_complex",
                            absl::StrCat(take(0, 200, 12, 300),
                                         take(1, 600, -14, 500),
                                         "[take0][take1]concat=n=2:v=1[v]"),
                            "-map",
                            "[v]",
                            "-c:v",
                            "libx264",
                            "-preset",
                            "medium",
                            "-crf",
                            "21",
                            "-pix_fmt",
                            "yuv420p",
                            "-movflags",
                            "+faststart",
                            path}})
      .status();
}

}  // namespace rn
