#include "pipeline/media_source.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/file.h"
#include "base/status.h"
#include "hwaccel/ffmpeg.h"
#include "pipeline/area_scaler.h"
#include "pipeline/clip_kernels.h"
#include "pipeline/color_profile.h"
#include "pipeline/image_header.h"
#include "pipeline/picture_size.h"
#include "pipeline/pixel_format.h"
#include "proto/item_error.h"

namespace rn {
namespace {

constexpr int kBytesPerPixel = 4;

// ------------------------------------------------------------------- before any decoder
absl::StatusOr<std::string> ReadBounded(const std::string& path, const ImageLimits& limits) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  if (error) return ErrnoStatus(error.value(), "cannot be read");
  constexpr double kMebi = 1 << 20;
  if (bytes > static_cast<std::uintmax_t>(limits.bytes_max)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("the file is %.1f MiB; at most %.1f MiB",
                        static_cast<double>(bytes) / kMebi,
                        static_cast<double>(limits.bytes_max) / kMebi));
  }
  return ReadFile(path, limits.bytes_max);
}

absl::Status CheckHeader(const ImageHeader& header, const ImageLimits& limits) {
  RETURN_IF_ERROR(CheckPictureSize(
      "the image", header.width, header.height, limits.side_max, limits.pixels_max));
  if (!header.whole) {
    return absl::InvalidArgumentError(
        "the image is truncated: the file ends before the picture does; upload it again");
  }
  return absl::OkStatus();
}

// ------------------------------------------------------------------- decoding
AVCodecID CodecOf(ImageFormat format) {
  switch (format) {
    case ImageFormat::kJpeg:
      return AV_CODEC_ID_MJPEG;
    case ImageFormat::kPng:
      return AV_CODEC_ID_PNG;
    case ImageFormat::kWebp:
      return AV_CODEC_ID_WEBP;
    case ImageFormat::kGif:
      return AV_CODEC_ID_GIF;
    case ImageFormat::kBmp:
      return AV_CODEC_ID_BMP;
    case ImageFormat::kTiff:
      return AV_CODEC_ID_TIFF;
  }
  return AV_CODEC_ID_NONE;
}

struct Size {
  int w = 0, h = 0;
};

// Never larger than it is; the aspect is kept.
Size Shrunk(Size size, int max_w, int max_h) {
  double scale = 1;
  if (max_w > 0) scale = std::min(scale, static_cast<double>(max_w) / size.w);
  if (max_h > 0) scale = std::min(scale, static_cast<double>(max_h) / size.h);
  return {std::max(1, static_cast<int>(std::lround(size.w * scale))),
          std::max(1, static_cast<int>(std::lround(size.h * scale)))};
}

// JPEG can be decoded at 1/2, 1/4 or 1/8: as small as still covers `target`.
int LowResolution(const ImageHeader& header, const Size& target) {
  if (header.format != ImageFormat::kJpeg) return 0;
  constexpr int kLowest = 3;
  int shift = 0;
  while (shift < kLowest && header.width >> (shift + 1) >= target.w &&
         header.height >> (shift + 1) >= target.h) {
    ++shift;
  }
  return shift;
}

absl::StatusOr<UniqueAvFrame> Decode(const std::string& bytes,
                                     const ImageHeader& header,
                                     const ImageLimits& limits,
                                     int low_resolution) {
  const AVCodec* decoder = avcodec_find_decoder(CodecOf(header.format));
  if (decoder == nullptr) return absl::InternalError("FFmpeg was built without its decoder");
  const UniqueCodecContext codec(avcodec_alloc_context3(decoder));
  const UniqueAvPacket packet(av_packet_alloc());
  UniqueAvFrame frame(av_frame_alloc());
  if (codec == nullptr || packet == nullptr || frame == nullptr) {
    return absl::ResourceExhaustedError("out of memory");
  }
  codec->max_pixels = limits.pixels_max;  // The decoder's own reading of the header counts too.
  codec->thread_count = 1;
  codec->lowres = low_resolution;
  // Without these a damaged picture comes back half grey and no error. FFmpeg's TIFF decoder calls
  // every tag it does not know an error; the file's structure has been checked instead.
  if (header.format != ImageFormat::kTiff) {
    codec->err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK | AV_EF_BUFFER | AV_EF_BITSTREAM;
  }
  RETURN_IF_FF_ERROR(avcodec_open2(codec.get(), decoder, nullptr));
  // Padded, as decoders read a little beyond the end.
  RETURN_IF_FF_ERROR(av_new_packet(packet.get(), static_cast<int>(bytes.size())));
  std::copy(bytes.begin(), bytes.end(), packet->data);
  packet->flags |= AV_PKT_FLAG_KEY;
  RETURN_IF_FF_ERROR(avcodec_send_packet(codec.get(), packet.get()));
  RETURN_IF_FF_ERROR(avcodec_send_packet(codec.get(), nullptr));
  RETURN_IF_FF_ERROR(avcodec_receive_frame(codec.get(), frame.get()));
  if (frame->decode_error_flags != 0 || (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0) {
    return absl::InvalidArgumentError("the picture's data is damaged");
  }
  // A JPEG can have a second header behind the one that was read.
  RETURN_IF_ERROR(CheckPictureSize(
      "the image", frame->width, frame->height, limits.side_max, limits.pixels_max));
  return frame;
}

// ------------------------------------------------------------------- to BGRA
// Turns bands of a frame into BGRA, so that no second whole picture is ever held.
class BandConverter {
 public:
  // Rows that are converted above and below a band, for chroma is interpolated across its edges.
  static constexpr int kMargin = 16;
  static constexpr int kBandRows = 64;

  explicit BandConverter(const AVFrame& frame)
      : frame_(frame), format_(*av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format))) {
    band_.stride = (frame.width * kBytesPerPixel + kAlignment - 1) / kAlignment * kAlignment;
    band_.pixels.resize(static_cast<std::size_t>(band_.stride) *
                        static_cast<std::size_t>(kBandRows + 2 * kMargin));
  }

  bool has_alpha() const {
    // A palette's colours have alpha whatever the flags say.
    return (format_.flags & (AV_PIX_FMT_FLAG_ALPHA | AV_PIX_FMT_FLAG_PAL)) != 0;
  }

  // Rows [y, y + result) are then in Row(0) and on.
  absl::StatusOr<int> Convert(int y) {
    const int rows = std::min(kBandRows, frame_.height - y);
    const int top = std::max(0, y - kMargin);
    const int bottom = std::min(frame_.height, y + rows + kMargin);
    RETURN_IF_ERROR(Prepare(bottom - top));
    const std::uint8_t* planes[AV_NUM_DATA_POINTERS] = {};
    for (int i = 0; i < 4 && frame_.data[i] != nullptr; ++i) {
      const bool palette = i == 1 && (format_.flags & AV_PIX_FMT_FLAG_PAL) != 0;
      const bool chroma = (i == 1 || i == 2) && (format_.flags & AV_PIX_FMT_FLAG_RGB) == 0;
      const int row = palette ? 0 : chroma ? top >> format_.log2_chroma_h : top;
      planes[i] = frame_.data[i] + std::ptrdiff_t{row} * frame_.linesize[i];
    }
    std::uint8_t* to[AV_NUM_DATA_POINTERS] = {band_.pixels.data()};
    const int strides[AV_NUM_DATA_POINTERS] = {band_.stride};
    RETURN_IF_FF_ERROR(
        sws_scale(scaler_.get(), planes, frame_.linesize, 0, bottom - top, to, strides));
    skipped_ = y - top;
    return rows;
  }

  std::uint8_t* Row(int i) {
    return band_.pixels.data() + std::ptrdiff_t{skipped_ + i} * band_.stride;
  }

 private:
  static constexpr int kAlignment = 64;  // swscale's SIMD writes whole vectors

  absl::Status Prepare(int rows) {
    if (scaler_ != nullptr && rows == scaler_rows_) return absl::OkStatus();
    const auto format = static_cast<AVPixelFormat>(frame_.format);
    scaler_.reset(sws_getContext(frame_.width,
                                 rows,
                                 ModernFormat(format),
                                 frame_.width,
                                 rows,
                                 AV_PIX_FMT_BGRA,
                                 SWS_BICUBIC | SWS_FULL_CHR_H_INT | SWS_ACCURATE_RND,
                                 nullptr,
                                 nullptr,
                                 nullptr));
    if (scaler_ == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("its pixel format ", format_.name, " is not supported"));
    }
    const int matrix = frame_.colorspace == AVCOL_SPC_BT709 ? SWS_CS_ITU709 : SWS_CS_ITU601;
    constexpr int kUnit = 1 << 16;
    // Refused for RGB sources, which have no matrix.
    (void)sws_setColorspaceDetails(scaler_.get(),
                                   sws_getCoefficients(matrix),
                                   IsFullRange(frame_) ? 1 : 0,
                                   sws_getCoefficients(SWS_CS_DEFAULT),
                                   1,
                                   0,
                                   kUnit,
                                   kUnit);
    scaler_rows_ = rows;
    return absl::OkStatus();
  }

  const AVFrame& frame_;
  const AVPixFmtDescriptor& format_;
  UniqueSwsContext scaler_;
  int scaler_rows_ = 0;
  int skipped_ = 0;  // rows of the margin above the band
  Raster band_;
};

absl::string_view ProfileOf(const AVFrame& frame) {
  const AVFrameSideData* icc = av_frame_get_side_data(&frame, AV_FRAME_DATA_ICC_PROFILE);
  if (icc == nullptr) return {};
  return {reinterpret_cast<const char*>(icc->data), icc->size};
}

absl::StatusOr<DecodedImage> ToRaster(const AVFrame& frame, const Size& target) {
  BandConverter bands(frame);
  AreaScaler scaler(
      frame.width, frame.height, std::min(target.w, frame.width), std::min(target.h, frame.height));
  const auto profile = ColorProfile::ToSrgb(ProfileOf(frame));
  DecodedImage image;
  for (int y = 0; y < frame.height;) {
    ASSIGN_OR_RETURN(const int rows, bands.Convert(y));
    for (int i = 0; i < rows; ++i) {
      if (profile != nullptr) profile->Convert(bands.Row(i), frame.width);
      if (bands.has_alpha() && !PremultiplyRow(bands.Row(i), frame.width)) image.opaque = false;
      scaler.AddRow(bands.Row(i));
    }
    y += rows;
  }
  image.raster = scaler.Take();
  return image;
}

// ------------------------------------------------------------------- orientation
ClipTurn TurnOf(int exif_orientation) {
  const int o = exif_orientation;
  return {.transposed = o >= 5,
          .flip_x = o == 2 || o == 3 || o == 6 || o == 7,
          .flip_y = o == 3 || o == 4 || o == 7 || o == 8};
}

absl::StatusOr<ImageFrame> DecodeBounded(const std::string& path,
                                         const ImageLimits& limits,
                                         int max_w,
                                         int max_h) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadBounded(path, limits));
  ASSIGN_OR_RETURN(const ImageHeader header, ReadImageHeader(bytes));
  RETURN_IF_ERROR(CheckHeader(header, limits));
  const ClipTurn turn = TurnOf(header.orientation);
  if (turn.transposed) std::swap(max_w, max_h);
  const Size target = Shrunk({header.width, header.height}, max_w, max_h);
  const int low_resolution = LowResolution(header, target);
  absl::StatusOr<UniqueAvFrame> frame = Decode(bytes, header, limits, low_resolution);
  if (!frame.ok()) {
    return Annotate(frame.status(), "the image is damaged or of an unsupported kind");
  }
  // What a picture file does not say is BT.601, however large it is.
  if ((*frame)->colorspace == AVCOL_SPC_UNSPECIFIED) (*frame)->colorspace = AVCOL_SPC_BT470BG;
  return ImageFrame{*std::move(frame), turn, target.w, target.h};
}

absl::Status InFile(const absl::Status& status, const std::string& path) {
  return WithItemError(Annotate(status, path), rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR);
}

}  // namespace

absl::StatusOr<ImageFrame> DecodeImageFrame(const std::string& path,
                                            const ImageLimits& limits,
                                            int max_w,
                                            int max_h) {
  absl::StatusOr<ImageFrame> image = DecodeBounded(path, limits, max_w, max_h);
  if (!image.ok()) return InFile(image.status(), path);
  return image;
}

absl::StatusOr<DecodedImage> ToImage(const std::string& path, ImageFrame image) {
  absl::StatusOr<DecodedImage> made = ToRaster(*image.frame, {image.target_w, image.target_h});
  if (!made.ok()) return InFile(made.status(), path);
  image.frame.reset();
  if (!image.turn.none()) made->raster = TurnRaster(made->raster, image.turn);
  return made;
}

bool IsPlainYuv(const AVFrame& frame) {
  const AVPixFmtDescriptor& format = *av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  constexpr int kChannels = 3;
  return format.nb_components == kChannels && format.comp[0].depth == 8 &&
         (format.flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_ALPHA)) ==
             0 &&
         ColorProfile::ToSrgb(ProfileOf(frame)) == nullptr;
}

absl::StatusOr<DecodedImage> DecodeImage(const std::string& path,
                                         const ImageLimits& limits,
                                         int max_w,
                                         int max_h) {
  ASSIGN_OR_RETURN(ImageFrame frame, DecodeImageFrame(path, limits, max_w, max_h));
  return ToImage(path, std::move(frame));
}

}  // namespace rn
