#include "pipeline/picture.h"

#include <cairo.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "pipeline/image_header.h"
#include "pipeline/media_source.h"

namespace rn {
namespace {

struct CairoDeleter {
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
  void operator()(cairo_t* context) const { cairo_destroy(context); }
  void operator()(cairo_pattern_t* pattern) const { cairo_pattern_destroy(pattern); }
};
using UniqueSurface = std::unique_ptr<cairo_surface_t, CairoDeleter>;
using UniqueContext = std::unique_ptr<cairo_t, CairoDeleter>;
using UniquePattern = std::unique_ptr<cairo_pattern_t, CairoDeleter>;

// Nearer to 1 than this, a picture is shown pixel by pixel rather than blurred a little.
constexpr double kScaleAsIs = 0.01;

Raster Blank(int width, int height) {
  Raster raster{.width = width, .height = height, .stride = 4 * width};
  raster.pixels.resize(static_cast<std::size_t>(raster.stride) * height);
  return raster;
}

UniqueSurface SurfaceOf(Raster& raster) {
  return UniqueSurface(cairo_image_surface_create_for_data(
      raster.pixels.data(), CAIRO_FORMAT_ARGB32, raster.width, raster.height, raster.stride));
}

absl::Status Finished(cairo_t* cairo, cairo_surface_t* surface) {
  cairo_surface_flush(surface);
  if (const cairo_status_t status = cairo_status(cairo); status != CAIRO_STATUS_SUCCESS) {
    return absl::InternalError(absl::StrCat("Cairo: ", cairo_status_to_string(status)));
  }
  return absl::OkStatus();
}

void SetColor(cairo_t* cairo, const Rgba& color) {
  cairo_set_source_rgba(cairo, color.r / 255.0, color.g / 255.0, color.b / 255.0, color.a / 255.0);
}

void SetFill(cairo_t* cairo, const Fill& fill, const Box& box) {
  if (fill.stops.empty()) {
    cairo_set_source_rgba(cairo, 0, 0, 0, 0);
    return;
  }
  if (fill.stops.size() == 1) {
    SetColor(cairo, fill.stops.front().color);
    return;
  }
  // CSS: the line through the centre, as long as the box is wide in that direction.
  const double angle = fill.angle_deg * std::numbers::pi / 180;
  const double dx = std::sin(angle);
  const double dy = -std::cos(angle);
  const double half = (std::abs(box.w * dx) + std::abs(box.h * dy)) / 2;
  const double cx = box.x + box.w / 2;
  const double cy = box.y + box.h / 2;
  const UniquePattern gradient(
      cairo_pattern_create_linear(cx - half * dx, cy - half * dy, cx + half * dx, cy + half * dy));
  for (const GradientStop& stop : fill.stops) {
    cairo_pattern_add_color_stop_rgba(gradient.get(),
                                      stop.offset,
                                      stop.color.r / 255.0,
                                      stop.color.g / 255.0,
                                      stop.color.b / 255.0,
                                      stop.color.a / 255.0);
  }
  cairo_set_source(cairo, gradient.get());
}

void Outline(cairo_t* cairo, const ShapeContent& shape, const Box& box) {
  constexpr double kQuarter = std::numbers::pi / 2;
  cairo_new_path(cairo);
  if (shape.kind == ShapeContent::Kind::kEllipse) {
    cairo_save(cairo);
    cairo_translate(cairo, box.x + box.w / 2, box.y + box.h / 2);
    cairo_scale(cairo, box.w / 2, box.h / 2);
    cairo_arc(cairo, 0, 0, 1, 0, 4 * kQuarter);
    cairo_restore(cairo);
    return;
  }
  const double r = std::min({shape.radius_px, box.w / 2, box.h / 2});
  if (r <= 0) {
    cairo_rectangle(cairo, box.x, box.y, box.w, box.h);
    return;
  }
  cairo_arc(cairo, box.x + box.w - r, box.y + r, r, -kQuarter, 0);
  cairo_arc(cairo, box.x + box.w - r, box.y + box.h - r, r, 0, kQuarter);
  cairo_arc(cairo, box.x + r, box.y + box.h - r, r, kQuarter, 2 * kQuarter);
  cairo_arc(cairo, box.x + r, box.y + r, r, 2 * kQuarter, 3 * kQuarter);
  cairo_close_path(cairo);
}

// How large the whole picture is shown, before the box cuts it.
PictureSize ShownSize(const PictureSize& picture, Fit fit, int width, int height) {
  const double across = static_cast<double>(width) / picture.width;
  const double down = static_cast<double>(height) / picture.height;
  double scale = 1;
  switch (fit) {
    case Fit::kFill:
      return {width, height};
    case Fit::kCover:
      scale = std::max(across, down);
      break;
    case Fit::kContain:
    case Fit::kContainBlur:  // The blurred rest is the background's.
      scale = std::min(across, down);
      break;
    case Fit::kNone:
      break;
  }
  return {std::max(1, static_cast<int>(std::ceil(picture.width * scale - 1e-6))),
          std::max(1, static_cast<int>(std::ceil(picture.height * scale - 1e-6)))};
}

}  // namespace

absl::StatusOr<PictureSize> SizeOfPicture(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, ImageLimits{}.bytes_max));
  ASSIGN_OR_RETURN(const ImageHeader header, ReadImageHeader(bytes));
  return header.orientation >= 5 ? PictureSize{header.height, header.width}
                                 : PictureSize{header.width, header.height};
}

absl::StatusOr<PlacedRaster> PaintShape(const ShapeContent& shape, const Box& box) {
  const double margin = shape.stroke ? shape.stroke->width_px / 2 : 0;
  PlacedRaster placed;
  placed.x = static_cast<int>(std::floor(box.x - margin));
  placed.y = static_cast<int>(std::floor(box.y - margin));
  placed.raster =
      Blank(std::max(1, static_cast<int>(std::ceil(box.x + box.w + margin)) - placed.x),
            std::max(1, static_cast<int>(std::ceil(box.y + box.h + margin)) - placed.y));
  const UniqueSurface surface = SurfaceOf(placed.raster);
  const UniqueContext cairo(cairo_create(surface.get()));
  cairo_translate(cairo.get(), -placed.x, -placed.y);
  Outline(cairo.get(), shape, box);
  SetFill(cairo.get(), shape.fill, box);
  cairo_fill_preserve(cairo.get());
  if (shape.stroke && shape.stroke->width_px > 0) {
    SetColor(cairo.get(), shape.stroke->color);
    cairo_set_line_width(cairo.get(), shape.stroke->width_px);
    cairo_stroke(cairo.get());
  }
  RETURN_IF_ERROR(Finished(cairo.get(), surface.get()));
  return placed;
}

absl::StatusOr<Raster> PaintPicture(const ImageContent& image, int width, int height) {
  int max_w = 0;
  int max_h = 0;
  if (const auto size = SizeOfPicture(image.path);
      size.ok() && size->width > 0 && size->height > 0) {
    const PictureSize shown = ShownSize(*size, image.fit, width, height);
    max_w = shown.width;
    max_h = shown.height;
  }  // Otherwise decoding says what is wrong with it.
  ASSIGN_OR_RETURN(DecodedImage decoded, DecodeImage(image.path, ImageLimits{}, max_w, max_h));
  const PictureSize shown =
      ShownSize({decoded.raster.width, decoded.raster.height}, image.fit, width, height);
  double scale_x = static_cast<double>(shown.width) / decoded.raster.width;
  double scale_y = static_cast<double>(shown.height) / decoded.raster.height;
  if (std::abs(scale_x - 1) < kScaleAsIs && decoded.raster.width >= std::min(width, shown.width)) {
    scale_x = 1;
  }
  if (std::abs(scale_y - 1) < kScaleAsIs &&
      decoded.raster.height >= std::min(height, shown.height)) {
    scale_y = 1;
  }
  if (scale_x == 1 && scale_y == 1 && decoded.raster.width == width &&
      decoded.raster.height == height) {
    return std::move(decoded.raster);
  }
  Raster raster = Blank(width, height);
  const UniqueSurface source = SurfaceOf(decoded.raster);
  const UniqueSurface surface = SurfaceOf(raster);
  const UniqueContext cairo(cairo_create(surface.get()));
  cairo_translate(cairo.get(),
                  std::floor((width - decoded.raster.width * scale_x) / 2),
                  std::floor((height - decoded.raster.height * scale_y) / 2));
  cairo_scale(cairo.get(), scale_x, scale_y);
  cairo_set_source_surface(cairo.get(), source.get(), 0, 0);
  cairo_pattern_set_filter(cairo_get_source(cairo.get()), CAIRO_FILTER_GOOD);
  // The edge's own colour beyond the edge: no dark rim where a pixel is cut by it.
  cairo_pattern_set_extend(cairo_get_source(cairo.get()), CAIRO_EXTEND_PAD);
  cairo_rectangle(cairo.get(), 0, 0, decoded.raster.width, decoded.raster.height);
  cairo_fill(cairo.get());
  RETURN_IF_ERROR(Finished(cairo.get(), surface.get()));
  return raster;
}

}  // namespace rn
