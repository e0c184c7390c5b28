#include "pipeline/frame_picture.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "pipeline/cairo.h"
#include "pipeline/frame_convert.h"

namespace rn {
namespace {

constexpr int kThumbLongSide = 384;
constexpr int kGap = 12;
constexpr int kLabelHeight = 28;
constexpr double kLabelFontPx = 18;

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
  std::uint8_t* const planes[] = {picture.pixels.data()};
  RETURN_IF_ERROR(ConvertFrame(frame,
                               {.format = AV_PIX_FMT_BGRA,
                                .width = picture.width,
                                .height = picture.height,
                                .planes = planes,
                                .strides = &picture.stride}));
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
