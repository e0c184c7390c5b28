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
                                          const Draw& draw,
                                          std::vector<std::string>* warnings) {
  if (const auto* text = std::get_if<TextContent>(&element.content)) {
    ASSIGN_OR_RETURN(RasterText raster, RasteriseText(text->spec));
    return Placed(std::move(raster), element.box, warnings);
  }
  if (const auto* captions = std::get_if<CaptionContent>(&element.content)) {
    ASSIGN_OR_RETURN(RasterText raster,
                     RasteriseCaption(captions->spec,
                                      captions->pages[static_cast<std::size_t>(draw.page)],
                                      draw.active_word));
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

Layer::Layer(Planes planes, int x, int y)
    : planes_(std::move(planes)), bounds_{x, y, planes_.width, planes_.height}, pyramid_(planes_) {}

absl::StatusOr<Layer> Layer::Rasterise(const Element& element, const Draw& draw) {
  std::vector<std::string> warnings;
  ASSIGN_OR_RETURN(const PlacedRaster placed, PaintContent(element, draw, &warnings));
  const int left = placed.x & 1;
  const int top = placed.y & 1;
  Layer layer(ToPlanes(placed.raster, left, top), placed.x - left, placed.y - top);
  layer.warnings_ = std::move(warnings);
  return layer;
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

void MovingPicture::Paint(const Surface& surface,
                          const IntRect& rect,
                          const SourceWindow& window,
                          int dx,
                          int dy,
                          std::uint8_t opacity) const {
  const Box source{window.x * width_, window.y * height_, window.w * width_, window.h * height_};
  surface.Sample(rect, planes_, source, {box_.x + dx, box_.y + dy, box_.w, box_.h}, opacity);
}

}  // namespace rn
