#include "pipeline/surface.h"

namespace rn {
namespace {

constexpr Yuv kFullAlpha{255, 255, 255};
constexpr Yuv kNoAlpha{0, 0, 0};

// An alpha covers what is below it as a colour of its own value does.
PlanesView AlphaAsColor(const PlanesView& planes) {
  PlanesView alpha = planes;
  alpha.y = planes.y_alpha;
  alpha.uv = planes.uv_alpha;
  return alpha;
}

}  // namespace

Surface::Surface(Planes* planes, int x, int y)
    : color_(planes->view()), alpha_(planes->alpha_view()), x_(x), y_(y) {}

void Surface::Clear(const IntRect& rect) const {
  FillRect(color_, Local(rect), kNoAlpha);
  if (has_alpha()) FillRect(alpha_, Local(rect), kNoAlpha);
}

void Surface::Fill(const IntRect& rect, const Rgba& color) const {
  FillRect(color_, Local(rect), ToYuv(color));
  if (has_alpha()) FillRect(alpha_, Local(rect), kFullAlpha);
}

void Surface::Blend(
    const IntRect& rect, const PlanesView& planes, int x, int y, std::uint8_t opacity) const {
  BlendPlanes(color_, Local(rect), planes, x - x_, y - y_, opacity);
  if (!has_alpha()) return;
  if (planes.opaque()) {
    CoverRect(
        alpha_, Intersect(Local(rect), {x - x_, y - y_, planes.width, planes.height}), opacity);
  } else {
    BlendPlanes(alpha_, Local(rect), AlphaAsColor(planes), x - x_, y - y_, opacity);
  }
}

void Surface::Sample(const IntRect& rect,
                     const PlanesView& planes,
                     const Box& source,
                     const IntRect& box,
                     std::uint8_t opacity) const {
  SamplePlanes(color_, Local(rect), planes, source, Local(box), opacity);
  if (!has_alpha()) return;
  if (planes.opaque()) {
    CoverRect(alpha_, Intersect(Local(rect), Local(box)), opacity);
  } else {
    SamplePlanes(alpha_, Local(rect), AlphaAsColor(planes), source, Local(box), opacity);
  }
}

}  // namespace rn
