#include "tests/pipeline/image_files.h"

#include <cstdlib>

#include "hwaccel/ffmpeg.h"

namespace rn {
namespace {

AVPixelFormat FormatFor(const std::string& encoder) {
  if (encoder == "mjpeg") return AV_PIX_FMT_YUVJ444P;
  if (encoder == "png" || encoder == "tiff") return AV_PIX_FMT_RGBA;
  if (encoder == "libwebp") return AV_PIX_FMT_BGRA;
  if (encoder == "gif") return AV_PIX_FMT_BGR8;
  return AV_PIX_FMT_BGR24;
}

UniqueAvFrame NewFrame(AVPixelFormat format, int width, int height) {
  UniqueAvFrame frame(av_frame_alloc());
  frame->format = format;
  frame->width = width;
  frame->height = height;
  CHECK(av_frame_get_buffer(frame.get(), 0) == 0);
  return frame;
}

UniqueAvFrame Paint(AVPixelFormat format, int width, int height, const PixelAt& pixel) {
  const UniqueAvFrame rgba = NewFrame(AV_PIX_FMT_RGBA, width, height);
  for (int y = 0; y < height; ++y) {
    std::uint8_t* to = rgba->data[0] + std::ptrdiff_t{y} * rgba->linesize[0];
    for (int x = 0; x < width; ++x, to += 4) {
      const Rgba color = pixel(x, y);
      to[0] = color.r;
      to[1] = color.g;
      to[2] = color.b;
      to[3] = color.a;
    }
  }
  UniqueAvFrame frame = NewFrame(format, width, height);
  const UniqueSwsContext scaler(sws_getContext(width,
                                               height,
                                               AV_PIX_FMT_RGBA,
                                               width,
                                               height,
                                               format,
                                               SWS_ACCURATE_RND | SWS_BICUBIC,
                                               nullptr,
                                               nullptr,
                                               nullptr));
  CHECK(scaler != nullptr);
  sws_scale(scaler.get(), rgba->data, rgba->linesize, 0, height, frame->data, frame->linesize);
  return frame;
}

std::string BigEndian(std::uint32_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}

}  // namespace

std::string ImageBytes(const std::string& encoder, int width, int height, const PixelAt& pixel) {
  const AVCodec* codec = avcodec_find_encoder_by_name(encoder.c_str());
  CHECK(codec != nullptr);
  const UniqueCodecContext context(avcodec_alloc_context3(codec));
  context->width = width;
  context->height = height;
  context->pix_fmt = FormatFor(encoder);
  context->time_base = {1, 25};
  context->thread_count = 1;
  if (encoder == "mjpeg") {
    context->color_range = AVCOL_RANGE_JPEG;
    context->flags |= AV_CODEC_FLAG_QSCALE;
    context->global_quality = FF_QP2LAMBDA;
  }
  if (encoder == "libwebp") av_opt_set_int(context->priv_data, "lossless", 1, 0);
  CHECK(avcodec_open2(context.get(), codec, nullptr) == 0);
  const UniqueAvFrame frame = Paint(context->pix_fmt, width, height, pixel);
  frame->quality = context->global_quality;
  frame->pts = 0;
  const UniqueAvPacket packet(av_packet_alloc());
  CHECK(avcodec_send_frame(context.get(), frame.get()) == 0);
  CHECK(avcodec_send_frame(context.get(), nullptr) == 0);
  CHECK(avcodec_receive_packet(context.get(), packet.get()) == 0);
  return std::string(reinterpret_cast<const char*>(packet->data),
                     static_cast<std::size_t>(packet->size));
}

std::string WithOrientation(const std::string& jpeg, int orientation) {
  std::string exif("Exif\0\0MM\0*\0\0\0\x08", 14);
  exif += BigEndian(1, 2);    // entries
  exif += BigEndian(274, 2);  // orientation
  exif += BigEndian(3, 2) + BigEndian(1, 4) + BigEndian(static_cast<std::uint32_t>(orientation), 2);
  exif += BigEndian(0, 2) + BigEndian(0, 4);
  const std::string segment =
      "\xFF\xE1" + BigEndian(static_cast<std::uint32_t>(exif.size()) + 2, 2) + exif;
  return jpeg.substr(0, 2) + segment + jpeg.substr(2);
}

std::string PngBomb(std::uint32_t width, std::uint32_t height) {
  std::string png = ImageBytes("png", 8, 8, [](int, int) { return Rgba{}; });
  png.replace(16, 4, BigEndian(width, 4));
  png.replace(20, 4, BigEndian(height, 4));
  return png;
}

std::string CmykJpeg(std::uint8_t c, std::uint8_t m, std::uint8_t y, std::uint8_t k) {
  std::string jpeg = "\xFF\xD8";
  const auto segment = [&](const char* marker, const std::string& body) {
    jpeg += marker + BigEndian(static_cast<std::uint32_t>(body.size()) + 2, 2) + body;
  };
  segment("\xFF\xEE", std::string("Adobe\0\x64\0\0\0\0\0", 12));  // 0: no colour transform
  segment("\xFF\xDB", std::string(1, '\0') + std::string(64, '\x08'));
  std::string frame("\x08\0\x08\0\x08\x04", 6);
  std::string scan = "\x04";
  for (char component = 1; component <= 4; ++component) {
    frame += std::string({component, '\x11', '\0'});
    scan += std::string({component, '\0'});
  }
  segment("\xFF\xC0", frame);
  // Every DC category is its own 4-bit number; the one AC symbol, end of block, is a 0 bit.
  std::string dc = std::string(4, '\0') + "\x0C" + std::string(12, '\0');
  for (char category = 0; category < 12; ++category) dc.push_back(category);
  segment("\xFF\xC4", dc);
  segment("\xFF\xC4", "\x10\x01" + std::string(15, '\0') + std::string(1, '\0'));
  segment("\xFF\xDA", scan + std::string("\0\x3F\0", 3));
  std::string bits;
  const auto put = [&](unsigned value, int count) {
    for (int i = count - 1; i >= 0; --i) bits.push_back((value >> i & 1) != 0 ? '1' : '0');
  };
  for (const int ink : {c, m, y, k}) {
    const int level = (255 - ink) - 128;  // With a step of 8 the DC is the level itself.
    int category = 0;
    while (std::abs(level) >> category != 0) ++category;
    put(static_cast<unsigned>(category), 4);
    put(static_cast<unsigned>(level < 0 ? level + (1 << category) - 1 : level), category);
    put(0, 1);
  }
  while (bits.size() % 8 != 0) bits.push_back('1');
  for (std::size_t i = 0; i < bits.size(); i += 8) {
    jpeg.push_back(static_cast<char>(std::stoi(bits.substr(i, 8), nullptr, 2)));
    if (jpeg.back() == '\xFF') jpeg.push_back('\0');
  }
  return jpeg + "\xFF\xD9";
}

}  // namespace rn
