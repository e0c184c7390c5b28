#include "pipeline/picture.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "pipeline/blur.h"
#include "pipeline/cairo.h"
#include "pipeline/clip_scaler.h"
#include "pipeline/fit.h"
#include "pipeline/image_header.h"
#include "pipeline/media_source.h"

namespace rn {
namespace {

// Nearer to 1 than this, a picture is shown pixel by pixel rather than blurred a little.
constexpr double kScaleAsIs = 0.01;

void Outline(cairo_t* cairo, const ShapeContent& shape, const Box& box) {
  cairo_new_path(cairo);
  if (shape.kind == ShapeContent::Kind::kEllipse) {
    cairo_save(cairo);
    cairo_translate(cairo, box.x + box.w / 2, box.y + box.h / 2);
    cairo_scale(cairo, box.w / 2, box.h / 2);
    cairo_arc(cairo, 0, 0, 1, 0, 2 * std::numbers::pi);
    cairo_restore(cairo);
    return;
  }
  AddRoundedRect(cairo, box, shape.radius_px);
}

// How large the whole picture is shown, before the box cuts it.
PictureSize ShownSize(const PictureSize& picture, Fit fit, int width, int height) {
  const FitScale scale = ScaleToFit(fit, picture.width, picture.height, width, height);
  return {std::max(1, static_cast<int>(std::ceil(picture.width * scale.x - 1e-6))),
          std::max(1, static_cast<int>(std::ceil(picture.height * scale.y - 1e-6)))};
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
  const UniqueCairo cairo(cairo_create(surface.get()));
  cairo_translate(cairo.get(), -placed.x, -placed.y);
  Outline(cairo.get(), shape, box);
  SetColor(cairo.get(), shape.fill.stops.empty() ? Rgba{0, 0, 0, 0} : shape.fill.stops[0].color);
  cairo_fill_preserve(cairo.get());
  if (shape.stroke && shape.stroke->width_px > 0) {
    SetColor(cairo.get(), shape.stroke->color);
    cairo_set_line_width(cairo.get(), shape.stroke->width_px);
    cairo_stroke(cairo.get());
  }
  RETURN_IF_ERROR(Finish(cairo.get(), surface.get()));
  return placed;
}

namespace {

// `source` at this place and scale, over what is there; its edge's own colour beyond the edge: no
// dark rim where a pixel is cut by it.
absl::Status PaintScaled(
    Raster& source, double x, double y, double scale_x, double scale_y, Raster* to) {
  const UniqueSurface from = SurfaceOf(source);
  const UniqueSurface surface = SurfaceOf(*to);
  const UniqueCairo cairo(cairo_create(surface.get()));
  cairo_translate(cairo.get(), x, y);
  cairo_scale(cairo.get(), scale_x, scale_y);
  cairo_set_source_surface(cairo.get(), from.get(), 0, 0);
  cairo_pattern_set_filter(cairo_get_source(cairo.get()), CAIRO_FILTER_GOOD);
  cairo_pattern_set_extend(cairo_get_source(cairo.get()), CAIRO_EXTEND_PAD);
  cairo_rectangle(cairo.get(), 0, 0, source.width, source.height);
  cairo_fill(cairo.get());
  return Finish(cairo.get(), surface.get());
}

// Fit::kContainBlur's background: the picture covers the box, so blurred that an eighth of its
// pixels are enough.
absl::Status PaintBlurred(Raster& source, Raster* to) {
  constexpr int kShrink = 8;
  constexpr double kSigma = 3;
  Raster small = Blank(std::max(2, to->width / kShrink), std::max(2, to->height / kShrink));
  const double scale = std::max(static_cast<double>(small.width) / source.width,
                                static_cast<double>(small.height) / source.height);
  RETURN_IF_ERROR(PaintScaled(source,
                              (small.width - source.width * scale) / 2,
                              (small.height - source.height * scale) / 2,
                              scale,
                              scale,
                              &small));
  Blur(small.pixels.data(), small.width, small.height, small.stride, 4, kSigma, Beyond::kEdge);
  return PaintScaled(small,
                     0,
                     0,
                     static_cast<double>(to->width) / small.width,
                     static_cast<double>(to->height) / small.height,
                     to);
}

// Decoded no larger than the box takes.
absl::StatusOr<ImageFrame> DecodeFor(const ImageContent& image, int width, int height) {
  int max_w = 0;
  int max_h = 0;
  if (const auto size = SizeOfPicture(image.path);
      size.ok() && size->width > 0 && size->height > 0) {
    const PictureSize shown = ShownSize(*size, image.fit, width, height);
    max_w = shown.width;
    max_h = shown.height;
  }  // Otherwise decoding says what is wrong with it.
  return DecodeImageFrame(image.path, ImageLimits{}, max_w, max_h);
}

absl::StatusOr<Raster> Fitted(DecodedImage decoded, Fit fit, int width, int height) {
  const PictureSize shown =
      ShownSize({decoded.raster.width, decoded.raster.height}, fit, width, height);
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
  if (fit == Fit::kContainBlur) RETURN_IF_ERROR(PaintBlurred(decoded.raster, &raster));
  RETURN_IF_ERROR(PaintScaled(decoded.raster,
                              std::floor((width - decoded.raster.width * scale_x) / 2),
                              std::floor((height - decoded.raster.height * scale_y) / 2),
                              scale_x,
                              scale_y,
                              &raster));
  return raster;
}

// A photograph in a box on whole chroma samples.
absl::StatusOr<PlacedPlanes> ScalePhoto(const ImageFrame& image, Fit fit, const IntRect& box) {
  const ClipTurn& turn = image.turn;
  const int w = turn.transposed ? image.frame->height : image.frame->width;
  const int h = turn.transposed ? image.frame->width : image.frame->height;
  const FittedClip fitted = FitClip(w, h, fit, box.w, box.h);
  PlacedPlanes placed{{}, box.x + fitted.shown.x, box.y + fitted.shown.y};
  Planes& planes = placed.planes;
  planes.Reset(fitted.shown.w, fitted.shown.h, /*new_opaque=*/true);
  ClipScaler scaler(turn, fitted.window, planes.width, planes.height);
  RETURN_IF_ERROR(scaler.Scale(*image.frame, planes.view()));
  return placed;
}

}  // namespace

PlacedPlanes ToPlanes(const PlacedRaster& placed) {
  const int left = placed.x & 1;
  const int top = placed.y & 1;
  return {ToPlanes(placed.raster, left, top), placed.x - left, placed.y - top};
}

absl::StatusOr<Raster> PaintPicture(const ImageContent& image, int width, int height) {
  ASSIGN_OR_RETURN(ImageFrame frame, DecodeFor(image, width, height));
  ASSIGN_OR_RETURN(DecodedImage decoded, ToImage(image.path, std::move(frame)));
  return Fitted(std::move(decoded), image.fit, width, height);
}

absl::StatusOr<PlacedPlanes> PaintPicturePlanes(const ImageContent& image, const IntRect& box) {
  ASSIGN_OR_RETURN(ImageFrame frame, DecodeFor(image, box.w, box.h));
  const bool even = ((box.x | box.y | box.w | box.h) & 1) == 0;
  if (even && image.fit != Fit::kContainBlur && IsPlainYuv(*frame.frame)) {
    return ScalePhoto(frame, image.fit, box);
  }
  ASSIGN_OR_RETURN(DecodedImage decoded, ToImage(image.path, std::move(frame)));
  ASSIGN_OR_RETURN(Raster raster, Fitted(std::move(decoded), image.fit, box.w, box.h));
  return ToPlanes(PlacedRaster{std::move(raster), box.x, box.y});
}

}  // namespace rn
