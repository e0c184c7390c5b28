#include "pipeline/layer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "pipeline/captions.h"
#include "pipeline/picture.h"

namespace rn {
namespace {

int Round(double x) {
  return static_cast<int>(std::lround(x));
}

int RoundToEven(double x) {
  return 2 * static_cast<int>(std::lround(x / 2));
}

IntRect NearestPixels(const Box& box) {
  const int x = Round(box.x);
  const int y = Round(box.y);
  return {x, y, std::max(1, Round(box.x + box.w) - x), std::max(1, Round(box.y + box.h) - y)};
}

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
                                          int page,
                                          int active_word,
                                          std::vector<std::string>* warnings) {
  if (const auto* text = std::get_if<TextContent>(&element.content)) {
    ASSIGN_OR_RETURN(RasterText raster, RasteriseText(text->spec));
    return Placed(std::move(raster), element.box, warnings);
  }
  if (const auto* captions = std::get_if<CaptionContent>(&element.content)) {
    ASSIGN_OR_RETURN(
        RasterText raster,
        RasteriseCaption(
            captions->spec, captions->pages[static_cast<std::size_t>(page)], active_word));
    return Placed(std::move(raster), element.box, warnings);
  }
  if (const auto* shape = std::get_if<ShapeContent>(&element.content)) {
    return PaintShape(*shape, element.box);
  }
  const IntRect box = NearestPixels(element.box);
  ASSIGN_OR_RETURN(Raster raster,
                   PaintPicture(std::get<ImageContent>(element.content), box.w, box.h));
  return PlacedRaster{std::move(raster), box.x, box.y};
}

}  // namespace

absl::StatusOr<Layer> Layer::Rasterise(const Element& element, int page, int active_word) {
  Layer layer;
  ASSIGN_OR_RETURN(PlacedRaster placed, PaintContent(element, page, active_word, &layer.warnings_));
  layer.raster_ = std::move(placed.raster);
  layer.bounds_ = {placed.x, placed.y, layer.raster_.width, layer.raster_.height};
  layer.left_ = placed.x & 1;
  layer.top_ = placed.y & 1;
  layer.planes_ = ToPlanes(layer.raster_, layer.left_, layer.top_);
  layer.opaque_ = layer.planes_.opaque;
  return layer;
}

void Layer::Paint(
    const Nv12View& frame, const IntRect& rect, int dx, int dy, std::uint8_t opacity) {
  if (Intersect(rect, BoundsAt(dx, dy)).empty()) return;
  const int x = bounds_.x + dx;
  const int y = bounds_.y + dy;
  if ((x & 1) != left_ || (y & 1) != top_) {
    left_ = x & 1;
    top_ = y & 1;
    planes_ = ToPlanes(raster_, left_, top_);
  }
  BlendPlanes(frame, rect, planes_, x - left_, y - top_, opacity);
}

absl::StatusOr<MovingPicture> MovingPicture::Load(const Element& element) {
  const auto& image = std::get<ImageContent>(element.content);
  MovingPicture picture;
  const int x = RoundToEven(element.box.x);
  const int y = RoundToEven(element.box.y);
  picture.box_ = {x,
                  y,
                  std::max(2, RoundToEven(element.box.x + element.box.w) - x),
                  std::max(2, RoundToEven(element.box.y + element.box.h) - y)};
  const double scale = std::clamp(image.scale_max, 1.0, kShrinkMax);
  picture.width_ = RoundToEven(picture.box_.w * scale);
  picture.height_ = RoundToEven(picture.box_.h * scale);
  ASSIGN_OR_RETURN(const Raster raster, PaintPicture(image, picture.width_, picture.height_));
  picture.planes_ = ToPlanes(raster, 0, 0);
  return picture;
}

IntRect MovingPicture::BoundsAt(int dx, int dy) const {
  return {box_.x + RoundToEven(dx), box_.y + RoundToEven(dy), box_.w, box_.h};
}

void MovingPicture::Paint(const Nv12View& frame,
                          const IntRect& rect,
                          const SourceWindow& window,
                          int dx,
                          int dy,
                          std::uint8_t opacity) const {
  const Box source{window.x * width_, window.y * height_, window.w * width_, window.h * height_};
  SamplePlanes(frame, rect, planes_, source, BoundsAt(dx, dy), opacity);
}

}  // namespace rn
