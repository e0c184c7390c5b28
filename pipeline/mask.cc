#include "pipeline/mask.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/status.h"
#include "pipeline/picture.h"

namespace rn {
namespace {

ShapeContent WhiteShape(const Mask& mask) {
  ShapeContent shape;
  shape.kind =
      mask.kind == Mask::Kind::kEllipse ? ShapeContent::Kind::kEllipse : ShapeContent::Kind::kRect;
  shape.radius_px = mask.radius_px;
  shape.fill.stops = {{0, {255, 255, 255, 255}}};
  return shape;
}

// Brightness becomes alpha; what is transparent is dark. BT.709's luma of sRGB values, as CSS.
void LuminanceToAlpha(Raster* raster) {
  for (std::size_t i = 0; i + 3 < raster->pixels.size(); i += 4) {
    const std::uint8_t* pixel = raster->pixels.data() + i;
    const double luma = 0.0722 * pixel[0] + 0.7152 * pixel[1] + 0.2126 * pixel[2];
    raster->pixels[i + 3] = static_cast<std::uint8_t>(std::lround(std::min(luma, 255.0)));
  }
}

absl::StatusOr<PlacedRaster> PaintMask(const Mask& mask, const Box& box) {
  switch (mask.kind) {
    case Mask::Kind::kRect:
    case Mask::Kind::kEllipse:
      return PaintShape(WhiteShape(mask), box);
    case Mask::Kind::kAlpha:
    case Mask::Kind::kLuminance:
      break;
  }
  const IntRect pixels = NearestPixels(box);
  ImageContent image;
  image.path = mask.path;
  image.fit = Fit::kFill;
  ASSIGN_OR_RETURN(Raster raster, PaintPicture(image, pixels.w, pixels.h));
  if (mask.kind == Mask::Kind::kLuminance) LuminanceToAlpha(&raster);
  return PlacedRaster{std::move(raster), pixels.x, pixels.y};
}

}  // namespace

absl::StatusOr<Layer> RasteriseMask(const Mask& mask, const Box& box) {
  ASSIGN_OR_RETURN(const PlacedRaster placed, PaintMask(mask, box));
  return Layer(ToPlanes(placed));
}

}  // namespace rn
