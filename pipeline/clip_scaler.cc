#include "pipeline/clip_scaler.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "pipeline/fit.h"
#include "pipeline/pixel_format.h"

namespace rn {
namespace {

// Standard definition, as everybody tells it who has to guess.
constexpr int kSdWidthMax = 1024, kSdHeightMax = 576;
constexpr int kScaling = SWS_BICUBIC | SWS_ACCURATE_RND;
constexpr int kRowPadding = 64;  // swscale's SIMD writes whole vectors.

const AVPixFmtDescriptor& Described(const AVFrame& frame) {
  return *av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
}

bool IsYuv(const AVFrame& frame) {
  const AVPixFmtDescriptor& format = Described(frame);
  return (format.flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) == 0 &&
         format.nb_components >= 3;
}

// What is to be done to its colours; RGB is converted to ours by the scaler.
MatrixChange ChangeFor(const AVFrame& frame) {
  if (!IsYuv(frame)) return {};
  const MatrixChange bt601 = ToBt709(0.299, 0.114);
  switch (frame.colorspace) {
    case AVCOL_SPC_BT709:
      return {};
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
      return bt601;
    case AVCOL_SPC_FCC:
      return ToBt709(0.30, 0.11);
    case AVCOL_SPC_SMPTE240M:
      return ToBt709(0.212, 0.087);
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
      return ToBt709(0.2627, 0.0593);
    default:
      break;
  }
  const bool sd = frame.width <= kSdWidthMax && frame.height <= kSdHeightMax;
  return sd ? bt601 : MatrixChange{};
}

SourceWindow Stored(const ClipTurn& turn, SourceWindow window) {
  if (turn.flip_x) window.x = 1 - window.x - window.w;
  if (turn.flip_y) window.y = 1 - window.y - window.h;
  if (turn.transposed) {
    std::swap(window.x, window.y);
    std::swap(window.w, window.h);
  }
  return window;
}

// Where sample (x, y) is in a plane.
const std::uint8_t* PlaneAt(const AVFrame& frame, int plane, int x, int y) {
  const AVPixFmtDescriptor& format = Described(frame);
  if (plane == 1 && (format.flags & AV_PIX_FMT_FLAG_PAL) != 0) return frame.data[1];
  const bool chroma = plane == 1 || plane == 2;
  const int row = chroma ? y >> format.log2_chroma_h : y;
  const int column = chroma ? x >> format.log2_chroma_w : x;
  int step = 1;
  for (int i = 0; i < format.nb_components; ++i) {
    if (format.comp[i].plane == plane) step = format.comp[i].step;
  }
  return frame.data[plane] + std::ptrdiff_t{row} * frame.linesize[plane] +
         std::ptrdiff_t{column} * step;
}

Raster BlankRaster(int w, int h) {
  Raster raster{.width = w, .height = h, .stride = 4 * w + kRowPadding};
  raster.pixels.resize(static_cast<std::size_t>(raster.stride) * h);
  return raster;
}

}  // namespace

FittedClip FitClip(int w, int h, Fit fit, int box_w, int box_h) {
  const auto [scale_x, scale_y] = ScaleToFit(fit, w, h, box_w, box_h);
  const int shown_w = std::clamp(RoundToEven(w * scale_x), 2, box_w);
  const int shown_h = std::clamp(RoundToEven(h * scale_y), 2, box_h);
  const double seen_x = std::min(1.0, box_w / (w * scale_x));
  const double seen_y = std::min(1.0, box_h / (h * scale_y));
  return {{(1 - seen_x) / 2, (1 - seen_y) / 2, seen_x, seen_y},
          {RoundToEven((box_w - shown_w) / 2.0),
           RoundToEven((box_h - shown_h) / 2.0),
           shown_w,
           shown_h}};
}

IntRect ClipScaler::CropOf(const AVFrame& frame) const {
  const SourceWindow window = Stored(turn_, window_);
  const auto span = [](double begin, double length, int size) {
    // A picture of one column has no whole chroma sample.
    if (size < 2) return std::pair(0, size);
    const int from = std::clamp(RoundToEven(begin * size), 0, (size - 1) & ~1);
    const bool to_the_end = begin + length >= 1 - 1e-9;
    const int to = to_the_end ? size : std::min(size, from + RoundToEven(length * size));
    return std::pair(from, std::max(std::min(2, size - from), to - from));
  };
  const auto [x, w] = span(window.x, window.w, frame.width);
  const auto [y, h] = span(window.y, window.h, frame.height);
  return {x, y, w, h};
}

bool ClipScaler::IsCopy(const AVFrame& frame) const {
  const auto format = static_cast<AVPixelFormat>(frame.format);
  const IntRect crop = CropOf(frame);
  return (format == AV_PIX_FMT_YUV420P || format == AV_PIX_FMT_NV12) && !IsFullRange(frame) &&
         turn_.none() && crop.w == width_ && crop.h == height_ && ChangeFor(frame).none();
}

void ClipScaler::Copy(
    const AVFrame& frame, const Nv12View& to, const IntRect& rect, int x, int y) const {
  const IntRect crop = CropOf(frame);
  const IntRect area =
      Intersect(Intersect(rect, {0, 0, to.width, to.height}), {x, y, width_, height_});
  if (area.empty()) return;
  const int from_x = crop.x + area.x - x;
  for (int row = area.y; row < area.bottom(); ++row) {
    std::memcpy(to.y + std::ptrdiff_t{row} * to.y_stride + area.x,
                PlaneAt(frame, 0, from_x, crop.y + row - y),
                static_cast<std::size_t>(area.w));
  }
  for (int row = area.y; row < area.bottom(); row += 2) {
    std::uint8_t* uv = to.uv + std::ptrdiff_t{row / 2} * to.uv_stride + area.x;
    const std::uint8_t* u = PlaneAt(frame, 1, from_x, crop.y + row - y);
    if (frame.format == AV_PIX_FMT_NV12) {
      std::memcpy(uv, u, static_cast<std::size_t>(area.w));
    } else {
      InterleaveChroma(
          u, PlaneAt(frame, 2, from_x, crop.y + row - y), static_cast<std::size_t>(area.w / 2), uv);
    }
  }
}

absl::Status ClipScaler::Scale(const AVFrame& frame, const Nv12View& to) {
  if (IsCopy(frame)) {
    Copy(frame, to, {0, 0, width_, height_}, 0, 0);
    return absl::OkStatus();
  }
  Nv12View upright = to;
  if (!turn_.none()) {
    if (turn_.transposed) std::swap(upright.width, upright.height);
    const int stride = upright.width + kRowPadding;
    upright_.resize(static_cast<std::size_t>(stride) * upright.height * 3 / 2);
    upright.y = upright_.data();
    upright.uv = upright.y + std::ptrdiff_t{stride} * upright.height;
    upright.y_stride = upright.uv_stride = stride;
  }
  std::uint8_t* const planes[4] = {upright.y, upright.uv};
  const int strides[4] = {upright.y_stride, upright.uv_stride};
  RETURN_IF_ERROR(
      Run(frame, CropOf(frame), AV_PIX_FMT_NV12, upright.width, upright.height, planes, strides));
  if (const MatrixChange change = ChangeFor(frame); !change.none()) ChangeMatrix(upright, change);
  if (!turn_.none()) TurnPicture(upright, turn_, to);
  return absl::OkStatus();
}

// Premultiplied before it is scaled: what is transparent lends its colour to nothing.
absl::StatusOr<Raster> ClipScaler::ScaleToRaster(const AVFrame& frame) {
  const IntRect crop = CropOf(frame);
  Raster stored = BlankRaster(crop.w, crop.h);
  std::uint8_t* planes[4] = {stored.pixels.data()};
  int strides[4] = {stored.stride};
  RETURN_IF_ERROR(Run(frame, crop, AV_PIX_FMT_BGRA, crop.w, crop.h, planes, strides));
  Premultiply(stored);
  const int w = turn_.transposed ? height_ : width_;
  const int h = turn_.transposed ? width_ : height_;
  if (w != crop.w || h != crop.h) {
    Raster scaled = BlankRaster(w, h);
    const UniqueSwsContext resize(sws_getContext(crop.w,
                                                 crop.h,
                                                 AV_PIX_FMT_BGRA,
                                                 w,
                                                 h,
                                                 AV_PIX_FMT_BGRA,
                                                 SWS_BILINEAR | SWS_FULL_CHR_H_INT,
                                                 nullptr,
                                                 nullptr,
                                                 nullptr));
    if (resize == nullptr) return absl::ResourceExhaustedError("out of memory for a scaler");
    std::uint8_t* const to[4] = {scaled.pixels.data()};
    const int to_strides[4] = {scaled.stride};
    RETURN_IF_FF_ERROR(sws_scale(resize.get(), planes, strides, 0, crop.h, to, to_strides));
    stored = std::move(scaled);
  }
  return turn_.none() ? std::move(stored) : TurnRaster(stored, turn_);
}

absl::Status ClipScaler::Run(const AVFrame& frame,
                             const IntRect& crop,
                             AVPixelFormat format,
                             int w,
                             int h,
                             std::uint8_t* const* to,
                             const int* strides) {
  const Kind kind{frame.format, IsFullRange(frame), crop.w, crop.h};
  if (sws_ == nullptr || !(kind == kind_)) {
    RETURN_IF_ERROR(Build(frame, kind, format, w, h));
    kind_ = kind;
  }
  const std::uint8_t* planes[4] = {};
  for (int i = 0; i < 4 && frame.data[i] != nullptr; ++i) {
    planes[i] = PlaneAt(frame, i, crop.x, crop.y);
  }
  RETURN_IF_FF_ERROR(sws_scale(sws_.get(), planes, frame.linesize, 0, crop.h, to, strides));
  return absl::OkStatus();
}

absl::Status ClipScaler::Build(
    const AVFrame& frame, const Kind& kind, AVPixelFormat format, int w, int h) {
  const auto from = static_cast<AVPixelFormat>(frame.format);
  if (sws_isSupportedInput(ModernFormat(from)) == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("its pixel format ", Described(frame).name, " is not supported"));
  }
  sws_.reset(sws_alloc_context());
  if (sws_ == nullptr) return absl::ResourceExhaustedError("out of memory for a scaler");
  const bool to_yuv = format == AV_PIX_FMT_NV12;
  // With one matrix on both sides nothing goes by way of RGB; ChangeMatrix sees to the colours.
  // Towards RGB the source's own is what counts.
  int matrix = SWS_CS_ITU709;
  if (!to_yuv && !ChangeFor(frame).none()) matrix = SWS_CS_ITU601;
  const std::pair<const char*, int> options[] = {{"srcw", kind.w},
                                                 {"srch", kind.h},
                                                 {"src_format", ModernFormat(from)},
                                                 {"src_range", kind.full_range ? 1 : 0},
                                                 {"dstw", w},
                                                 {"dsth", h},
                                                 {"dst_format", format},
                                                 {"dst_range", to_yuv ? 0 : 1},
                                                 {"sws_flags", kScaling}};
  for (const auto& [name, value] : options) {
    RETURN_IF_FF_ERROR(av_opt_set_int(sws_.get(), name, value, 0));
  }
  constexpr int kUnit = 1 << 16;
  (void)sws_setColorspaceDetails(sws_.get(),
                                 sws_getCoefficients(matrix),
                                 kind.full_range ? 1 : 0,
                                 sws_getCoefficients(SWS_CS_ITU709),
                                 to_yuv ? 0 : 1,
                                 0,
                                 kUnit,
                                 kUnit);
  RETURN_IF_FF_ERROR(sws_init_context(sws_.get(), nullptr, nullptr));
  return absl::OkStatus();
}

}  // namespace rn
