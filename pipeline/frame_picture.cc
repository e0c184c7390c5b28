#include "pipeline/frame_picture.h"

#include <cairo.h>

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "hwaccel/ffmpeg.h"

namespace rn {
namespace {

constexpr int kThumbLongSide = 384;
constexpr int kGap = 12;
constexpr int kLabelHeight = 28;
constexpr double kLabelFontPx = 18;
constexpr int kBytesPerPixel = 4;

struct CairoDeleter {
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
  void operator()(cairo_t* cairo) const { cairo_destroy(cairo); }
};
using UniqueSurface = std::unique_ptr<cairo_surface_t, CairoDeleter>;
using UniqueCairo = std::unique_ptr<cairo_t, CairoDeleter>;

Raster Blank(int width, int height) {
  Raster raster;
  raster.width = width;
  raster.height = height;
  raster.stride = width * kBytesPerPixel;
  raster.pixels.resize(static_cast<std::size_t>(raster.stride) * height);
  return raster;
}

// A view of the raster's memory, which outlives it. Cairo's API knows no const.
UniqueSurface SurfaceOf(const Raster& raster) {
  auto* pixels = const_cast<std::uint8_t*>(raster.pixels.data());
  return UniqueSurface(cairo_image_surface_create_for_data(
      pixels, CAIRO_FORMAT_ARGB32, raster.width, raster.height, raster.stride));
}

void Lay(cairo_t* cairo, const Raster& picture, double x, double y, double scale) {
  const UniqueSurface surface = SurfaceOf(picture);
  cairo_save(cairo);
  cairo_translate(cairo, x, y);
  cairo_scale(cairo, scale, scale);
  cairo_set_source_surface(cairo, surface.get(), 0, 0);
  cairo_pattern_set_filter(cairo_get_source(cairo), CAIRO_FILTER_GOOD);
  cairo_paint(cairo);
  cairo_restore(cairo);
}

}  // namespace

absl::StatusOr<Raster> PictureOf(const Nv12View& frame) {
  Raster picture = Blank(frame.width, frame.height);
  const UniqueSwsContext scaler(sws_getContext(frame.width,
                                               frame.height,
                                               AV_PIX_FMT_NV12,
                                               frame.width,
                                               frame.height,
                                               AV_PIX_FMT_BGRA,
                                               SWS_BICUBIC | SWS_ACCURATE_RND,
                                               nullptr,
                                               nullptr,
                                               nullptr));
  constexpr int kUnity = 1 << 16;
  RETURN_IF_FF_ERROR(sws_setColorspaceDetails(scaler.get(),
                                              sws_getCoefficients(SWS_CS_ITU709),
                                              /*srcRange=*/0,
                                              sws_getCoefficients(SWS_CS_ITU709),
                                              /*dstRange=*/1,
                                              /*brightness=*/0,
                                              kUnity,
                                              kUnity));
  const std::uint8_t* const planes[] = {frame.y, frame.uv};
  const int strides[] = {frame.y_stride, frame.uv_stride};
  std::uint8_t* const out[] = {picture.pixels.data()};
  const int out_strides[] = {picture.stride};
  RETURN_IF_FF_ERROR(sws_scale(scaler.get(), planes, strides, 0, frame.height, out, out_strides));
  return picture;
}

absl::Status WritePng(const Raster& picture, const std::filesystem::path& path) {
  const UniqueSurface surface = SurfaceOf(picture);
  std::string bytes;
  const auto append = [](void* to, const unsigned char* data, unsigned size) {
    static_cast<std::string*>(to)->append(reinterpret_cast<const char*>(data), size);
    return CAIRO_STATUS_SUCCESS;
  };
  const cairo_status_t status = cairo_surface_write_to_png_stream(surface.get(), append, &bytes);
  if (status != CAIRO_STATUS_SUCCESS) {
    return absl::InternalError(absl::StrCat(path.string(), ": ", cairo_status_to_string(status)));
  }
  return WriteFileDurably(path, bytes);
}

ContactSheet::ContactSheet(int frame_w, int frame_h, int columns, int count)
    : columns_(std::min(columns, count)) {
  const double scale = static_cast<double>(kThumbLongSide) / std::max(frame_w, frame_h);
  thumb_w_ = std::max(1, static_cast<int>(frame_w * scale));
  thumb_h_ = std::max(1, static_cast<int>(frame_h * scale));
  const int rows = (count + columns_ - 1) / columns_;
  sheet_ =
      Blank(kGap + columns_ * (thumb_w_ + kGap), kGap + rows * (thumb_h_ + kLabelHeight + kGap));
  std::fill(sheet_.pixels.begin(), sheet_.pixels.end(), 255);
}

absl::Status ContactSheet::Add(const Raster& picture, const std::string& label) {
  const int x = kGap + added_ % columns_ * (thumb_w_ + kGap);
  const int y = kGap + added_ / columns_ * (thumb_h_ + kLabelHeight + kGap);
  ++added_;
  const UniqueSurface surface = SurfaceOf(sheet_);
  const UniqueCairo cairo(cairo_create(surface.get()));
  Lay(cairo.get(), picture, x, y, static_cast<double>(thumb_w_) / picture.width);
  TextSpec spec;
  spec.text = label;
  spec.style.font_size_px = kLabelFontPx;
  spec.style.fill = {32, 32, 32, 255};
  spec.box_w = thumb_w_;
  spec.box_h = kLabelHeight;
  ASSIGN_OR_RETURN(const RasterText text, RasteriseText(spec));
  Lay(cairo.get(), text.raster, x + text.x, y + thumb_h_ + text.y, 1);
  return absl::OkStatus();
}

}  // namespace rn
