#include "tests/hwaccel/stream.h"

#include <array>
#include <cmath>
#include <cstring>
#include <numbers>
#include <utility>

#include "base/status.h"
#include "hwaccel/cpu_device.h"

namespace rn {
namespace {

StreamPacket Keep(const AVPacket& packet) {
  return {packet.pts,
          packet.dts,
          (packet.flags & AV_PKT_FLAG_KEY) != 0,
          {reinterpret_cast<const char*>(packet.data), static_cast<std::size_t>(packet.size)}};
}

std::string HeaderOf(const AVCodecContext& codec) {
  return {reinterpret_cast<const char*>(codec.extradata),
          static_cast<std::size_t>(codec.extradata_size)};
}

std::string Plane(const AVFrame& frame, int plane, int width, int height) {
  std::string bytes;
  for (int row = 0; row < height; ++row) {
    bytes.append(reinterpret_cast<const char*>(frame.data[plane]) +
                     std::ptrdiff_t{row} * frame.linesize[plane],
                 static_cast<std::size_t>(width));
  }
  return bytes;
}

absl::Status Receive(AVCodecContext& decoder, std::vector<Planes>* frames) {
  const UniqueAvFrame frame(av_frame_alloc());
  while (true) {
    const int result = avcodec_receive_frame(&decoder, frame.get());
    if (result == AVERROR(EAGAIN) || result == AVERROR_EOF) return absl::OkStatus();
    RETURN_IF_FF_ERROR(result);
    if (frame->decode_error_flags != 0) return absl::DataLossError("a frame decodes with errors");
    const int w = frame->width;
    const int h = frame->height;
    frames->push_back({frame->pts,
                       w,
                       h,
                       Plane(*frame, 0, w, h),
                       Plane(*frame, 1, w / 2, h / 2),
                       Plane(*frame, 2, w / 2, h / 2)});
    av_frame_unref(frame.get());
  }
}

// Waves across and down, and a little noise.
class Texture {
 public:
  explicit Texture(int seed) : seed_(static_cast<unsigned>(seed)) {
    for (std::size_t i = 0; i < kPeriod; ++i) {
      const double phase = 2 * std::numbers::pi * static_cast<double>(i) / kPeriod;
      across_[i] = 40 * std::sin(3 * phase + seed) + 20 * std::sin(17 * phase);
      down_[i] = 30 * std::sin(7 * phase + 2 * seed);
    }
  }

  std::uint8_t At(int x, int y) const {
    const auto column = static_cast<unsigned>(x);
    const auto row = static_cast<unsigned>(y);
    const unsigned hash = (column * 73856093U ^ row * 19349663U ^ seed_ * 83492791U) * 2654435761U;
    return static_cast<std::uint8_t>(128 + across_[column % kPeriod] + down_[row % kPeriod] +
                                     (hash >> 29));
  }

 private:
  static constexpr unsigned kPeriod = 256;
  const unsigned seed_;
  std::array<double, kPeriod> across_{}, down_{};
};

}  // namespace

std::size_t Stream::size() const {
  std::size_t sum = 0;
  for (const StreamPacket& packet : packets) sum += packet.bytes.size();
  return sum;
}

void FillFlat(const Nv12View& view, std::uint8_t luma) {
  for (int row = 0; row < view.height; ++row) {
    std::memset(
        view.y + std::ptrdiff_t{row} * view.y_stride, luma, static_cast<std::size_t>(view.width));
  }
  for (int row = 0; row < view.height / 2; ++row) {
    std::memset(
        view.uv + std::ptrdiff_t{row} * view.uv_stride, 128, static_cast<std::size_t>(view.width));
  }
}

void FillTexture(const Nv12View& view, const IntRect& part, int seed) {
  const Texture texture(seed);
  for (int y = part.y; y < part.bottom(); ++y) {
    for (int x = part.x; x < part.right(); ++x) {
      view.y[std::ptrdiff_t{y} * view.y_stride + x] = texture.At(x, y);
    }
  }
  for (int y = part.y / 2; y < part.bottom() / 2; ++y) {
    for (int x = part.x / 2; x < part.right() / 2; ++x) {
      std::uint8_t* uv = view.uv + std::ptrdiff_t{y} * view.uv_stride + std::ptrdiff_t{2} * x;
      uv[0] = static_cast<std::uint8_t>(100 + 5 * (seed % 8));
      uv[1] = static_cast<std::uint8_t>(120 + x / 4 % 16);
    }
  }
}

void FillBlend(const Nv12View& view, int seed_a, int seed_b, double share) {
  FillTexture(view, {0, 0, view.width, view.height}, seed_a);
  const Texture to(seed_b);
  for (int y = 0; y < view.height; ++y) {
    for (int x = 0; x < view.width; ++x) {
      std::uint8_t& luma = view.y[std::ptrdiff_t{y} * view.y_stride + x];
      luma = static_cast<std::uint8_t>(luma + share * (to.At(x, y) - luma));
    }
  }
}

absl::StatusOr<Stream> EncodeFrames(const EncodeParams& params,
                                    std::int64_t frames,
                                    const Painter& paint,
                                    const Foretell& foretell) {
  const std::unique_ptr<Device> device = MakeCpuDevice();
  ASSIGN_OR_RETURN(const auto encoder, device->OpenEncoder(params));
  return EncodeFrames(*encoder, frames, paint, foretell);
}

absl::StatusOr<Stream> EncodeFrames(VideoEncoder& encoder,
                                    std::int64_t frames,
                                    const Painter& paint,
                                    const Foretell& foretell) {
  Stream stream{.header = HeaderOf(encoder.codec())};
  const auto keep = [&](AVPacket& packet) {
    stream.packets.push_back(Keep(packet));
    return absl::OkStatus();
  };
  for (std::int64_t n = 0; n < frames; ++n) {
    ASSIGN_OR_RETURN(const EncoderFrame frame, encoder.Acquire());
    stream.held.push_back(frame.holds);
    const std::vector<IntRect> damage = paint(n, frame);
    FrameChange change = foretell(n);
    change.damage = damage;
    RETURN_IF_ERROR(encoder.Submit(n, change, keep));
  }
  RETURN_IF_ERROR(encoder.Finish(keep));
  return stream;
}

absl::StatusOr<Stream> EncodeWithFfmpeg(UniqueCodecContext codec,
                                        const EncodeParams& params,
                                        std::int64_t frames,
                                        const Painter& paint) {
  Stream stream{.header = HeaderOf(*codec)};
  const UniqueAvPacket packet(av_packet_alloc());
  std::optional<std::int64_t> holds;
  const UniqueAvFrame picture(av_frame_alloc());
  picture->format = AV_PIX_FMT_NV12;
  picture->width = params.width;
  picture->height = params.height;
  RETURN_IF_FF_ERROR(av_frame_get_buffer(picture.get(), 0));
  for (std::int64_t n = 0; n <= frames; ++n) {
    if (n < frames) {
      RETURN_IF_FF_ERROR(av_frame_make_writable(picture.get()));
      paint(n,
            {{picture->data[0],
              picture->data[1],
              picture->linesize[0],
              picture->linesize[1],
              params.width,
              params.height},
             holds});
      holds = n;
      picture->pts = n;
      picture->pict_type =
          n % params.keyframe_interval_frames == 0 ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
    }
    RETURN_IF_FF_ERROR(avcodec_send_frame(codec.get(), n < frames ? picture.get() : nullptr));
    while (avcodec_receive_packet(codec.get(), packet.get()) >= 0) {
      stream.packets.push_back(Keep(*packet));
      av_packet_unref(packet.get());
    }
  }
  return stream;
}

absl::StatusOr<std::vector<Planes>> Decode(const Stream& stream, std::size_t first) {
  const UniqueCodecContext decoder(avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_H264)));
  decoder->extradata =
      static_cast<std::uint8_t*>(av_mallocz(stream.header.size() + AV_INPUT_BUFFER_PADDING_SIZE));
  decoder->extradata_size = static_cast<int>(stream.header.size());
  std::memcpy(decoder->extradata, stream.header.data(), stream.header.size());
  decoder->thread_count = 1;
  decoder->err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER;
  RETURN_IF_FF_ERROR(avcodec_open2(decoder.get(), nullptr, nullptr));
  std::vector<Planes> frames;
  const UniqueAvPacket packet(av_packet_alloc());
  for (std::size_t i = first; i < stream.packets.size(); ++i) {
    const StreamPacket& from = stream.packets[i];
    RETURN_IF_FF_ERROR(av_new_packet(packet.get(), static_cast<int>(from.bytes.size())));
    std::memcpy(packet->data, from.bytes.data(), from.bytes.size());
    packet->pts = from.pts;
    packet->dts = from.dts;
    RETURN_IF_FF_ERROR(avcodec_send_packet(decoder.get(), packet.get()));
    av_packet_unref(packet.get());
    RETURN_IF_ERROR(Receive(*decoder, &frames));
  }
  RETURN_IF_FF_ERROR(avcodec_send_packet(decoder.get(), nullptr));
  RETURN_IF_ERROR(Receive(*decoder, &frames));
  return frames;
}

Planes PlanesOf(std::int64_t n, const Nv12View& view) {
  Planes planes{.pts = n, .width = view.width, .height = view.height};
  const auto width = static_cast<std::size_t>(view.width);
  for (int row = 0; row < view.height; ++row) {
    planes.y.append(reinterpret_cast<const char*>(view.y + std::ptrdiff_t{row} * view.y_stride),
                    width);
  }
  for (int row = 0; row < view.height / 2; ++row) {
    const std::uint8_t* uv = view.uv + std::ptrdiff_t{row} * view.uv_stride;
    for (std::size_t i = 0; i < width; i += 2) {
      planes.u.push_back(static_cast<char>(uv[i]));
      planes.v.push_back(static_cast<char>(uv[i + 1]));
    }
  }
  return planes;
}

Planes Painted(const EncodeParams& params, std::int64_t n, const Painter& paint) {
  const auto pixels = static_cast<std::size_t>(params.width) * params.height;
  std::vector<std::uint8_t> bytes(pixels * 3 / 2);
  const Nv12View view{
      bytes.data(), bytes.data() + pixels, params.width, params.width, params.width, params.height};
  paint(n, {view, std::nullopt});
  return PlanesOf(n, view);
}

double LumaError(const Planes& a, const Planes& b, const IntRect& part) {
  double sum = 0;
  for (int y = part.y; y < part.bottom(); ++y) {
    for (int x = part.x; x < part.right(); ++x) {
      const std::size_t at = static_cast<std::size_t>(y) * static_cast<std::size_t>(a.width) +
                             static_cast<std::size_t>(x);
      const double difference =
          static_cast<std::uint8_t>(a.y[at]) - static_cast<std::uint8_t>(b.y[at]);
      sum += difference * difference;
    }
  }
  return sum / (static_cast<double>(part.w) * part.h);
}

double ErrorAgainstSource(const Stream& stream, const EncodeParams& params, const Painter& paint) {
  const auto frames = Decode(stream);
  if (!frames.ok() || frames->empty()) return -1;
  double sum = 0;
  for (const Planes& frame : *frames) {
    sum += LumaError(frame, Painted(params, frame.pts, paint), {0, 0, params.width, params.height});
  }
  return sum / static_cast<double>(frames->size());
}

}  // namespace rn
