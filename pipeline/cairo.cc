#include "pipeline/cairo.h"

#include <algorithm>
#include <numbers>

#include "absl/strings/str_cat.h"

namespace rn {

Raster Blank(int width, int height) {
  Raster raster{.width = width, .height = height, .stride = 4 * width};
  raster.pixels.resize(static_cast<std::size_t>(raster.stride) * static_cast<std::size_t>(height));
  return raster;
}

UniqueSurface SurfaceOf(const Raster& raster) {
  auto* pixels = const_cast<std::uint8_t*>(raster.pixels.data());
  return UniqueSurface(cairo_image_surface_create_for_data(
      pixels, CAIRO_FORMAT_ARGB32, raster.width, raster.height, raster.stride));
}

absl::Status Finish(cairo_t* cairo, cairo_surface_t* surface) {
  cairo_surface_flush(surface);
  if (const cairo_status_t status = cairo_status(cairo); status != CAIRO_STATUS_SUCCESS) {
    return absl::InternalError(absl::StrCat("Cairo: ", cairo_status_to_string(status)));
  }
  return absl::OkStatus();
}

void SetColor(cairo_t* cairo, const Rgba& color) {
  cairo_set_source_rgba(cairo, color.r / 255.0, color.g / 255.0, color.b / 255.0, color.a / 255.0);
}

void AddRoundedRect(cairo_t* cairo, const Box& box, double radius) {
  const double r = std::min({radius, box.w / 2, box.h / 2});
  if (r <= 0) {
    cairo_rectangle(cairo, box.x, box.y, box.w, box.h);
    return;
  }
  constexpr double kQuarter = std::numbers::pi / 2;
  cairo_new_sub_path(cairo);
  cairo_arc(cairo, box.x + box.w - r, box.y + r, r, -kQuarter, 0);
  cairo_arc(cairo, box.x + box.w - r, box.y + box.h - r, r, 0, kQuarter);
  cairo_arc(cairo, box.x + r, box.y + box.h - r, r, kQuarter, 2 * kQuarter);
  cairo_arc(cairo, box.x + r, box.y + r, r, 2 * kQuarter, 3 * kQuarter);
  cairo_close_path(cairo);
}

}  // namespace rn
