#include "pipeline/layer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "pipeline/captions.h"
#include "pipeline/cover.h"
#include "pipeline/gradient.h"

namespace rn {
namespace {

void NoteText(const RasterText& text, std::vector<std::string>* warnings) {
  for (const std::string& glyph : text.missing_glyphs) {
    warnings->push_back(absl::StrCat("missing glyph ", glyph));
  }
  if (text.overflows) {
    warnings->push_back("the text does not fit its box, even at its smallest size");
  }
}

PlacedRaster Placed(RasterText text, const Box& box, std::vector<std::string>* warnings) {
  NoteText(text, warnings);
  return {std::move(text.raster), Round(box.x) + text.x, Round(box.y) + text.y};
}

absl::StatusOr<PlacedRaster> PaintContent(const Element& element,
                                          const Draw& draw,
                                          std::vector<std::string>* warnings) {
  if (const auto* text = std::get_if<TextContent>(&element.content)) {
    ASSIGN_OR_RETURN(RasterText raster, RasteriseText(text->spec, draw.characters));
    return Placed(std::move(raster), element.box, warnings);
  }
  if (const auto* captions = std::get_if<CaptionContent>(&element.content)) {
    ASSIGN_OR_RETURN(RasterText raster,
                     RasteriseCaption(captions->spec,
                                      captions->pages[static_cast<std::size_t>(draw.page)],
                                      draw.active_word,
                                      draw.word_phase));
    return Placed(std::move(raster), element.box, warnings);
  }
  return PaintShape(std::get<ShapeContent>(element.content), element.box);
}

// The gradient cut to the shape, which Cairo draws in white, under the stroke.
absl::StatusOr<Layer> GradientShape(const ShapeContent& shape, const Box& box) {
  ShapeContent part = shape;
  part.fill.stops = {{0, {255, 255, 255, 255}}};
  part.stroke.reset();
  ASSIGN_OR_RETURN(const PlacedRaster placed, PaintShape(part, box));
  const Layer cover(ToPlanes(placed));
  const IntRect& inner = cover.bounds();
  Planes filled = PaintGradient(shape.fill, box, inner);
  if (!cover.opaque()) {
    CutToMask(&filled, inner.x, inner.y, cover.planes(), inner.x, inner.y, /*inverted=*/false);
  }
  if (!shape.stroke) return Layer(std::move(filled), inner.x, inner.y);
  part.fill.stops.clear();
  part.stroke = shape.stroke;
  ASSIGN_OR_RETURN(const PlacedRaster outline, PaintShape(part, box));
  const Layer stroke(ToPlanes(outline));
  const IntRect all = Bounds(inner, stroke.bounds());
  Planes planes;
  planes.Reset(all.w, all.h, /*new_opaque=*/false);
  const Surface surface(&planes, all.x, all.y);
  surface.Clear(all);
  surface.Blend(all, filled, inner.x, inner.y, 255);
  surface.Blend(all, stroke.planes(), stroke.bounds().x, stroke.bounds().y, 255);
  return Layer(std::move(planes), all.x, all.y);
}

}  // namespace

Layer::Layer(Planes planes, int x, int y)
    : planes_(std::make_shared<const Planes>(std::move(planes))),
      bounds_{x, y, planes_->width, planes_->height},
      pyramid_(*planes_) {}

absl::StatusOr<Layer> Layer::Rasterise(const Element& element, const Draw& draw) {
  if (const auto* shape = std::get_if<ShapeContent>(&element.content);
      shape != nullptr && shape->fill.stops.size() > 1) {
    return GradientShape(*shape, element.box);
  }
  if (const auto* image = std::get_if<ImageContent>(&element.content)) {
    ASSIGN_OR_RETURN(PlacedPlanes placed, PaintPicturePlanes(*image, NearestPixels(element.box)));
    return Layer(std::move(placed));
  }
  std::vector<std::string> warnings;
  ASSIGN_OR_RETURN(const PlacedRaster placed, PaintContent(element, draw, &warnings));
  Layer layer(ToPlanes(placed));
  layer.warnings_ = std::move(warnings);
  return layer;
}

absl::StatusOr<MovingPicture> MovingPicture::Load(const Element& element) {
  const auto& image = std::get<ImageContent>(element.content);
  MovingPicture picture;
  picture.box_ = NearestEvenPixels(element.box);
  const double scale = std::clamp(image.scale_max, 1.0, kShrinkMax);
  picture.width_ = RoundToEven(picture.box_.w * scale);
  picture.height_ = RoundToEven(picture.box_.h * scale);
  const IntRect whole{0, 0, picture.width_, picture.height_};
  ASSIGN_OR_RETURN(PlacedPlanes placed, PaintPicturePlanes(image, whole));
  if (placed.planes.width == whole.w && placed.planes.height == whole.h) {
    picture.planes_ = std::make_shared<const Planes>(std::move(placed.planes));
    return picture;
  }
  Planes planes;
  planes.Reset(whole.w, whole.h, /*new_opaque=*/false);
  const Surface surface(&planes, 0, 0);
  surface.Clear(whole);
  surface.Blend(whole, placed.planes, placed.x, placed.y, 255);
  picture.planes_ = std::make_shared<const Planes>(std::move(planes));
  return picture;
}

void MovingPicture::Paint(const Surface& surface,
                          const IntRect& rect,
                          const SourceWindow& window,
                          int dx,
                          int dy,
                          std::uint8_t opacity) const {
  const Box source{window.x * width_, window.y * height_, window.w * width_, window.h * height_};
  surface.Sample(rect, *planes_, source, {box_.x + dx, box_.y + dy, box_.w, box_.h}, opacity);
}

}  // namespace rn
