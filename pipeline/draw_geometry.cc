#include "pipeline/draw_geometry.h"

#include <cmath>
#include <numbers>

namespace rn {
namespace {

Box AroundCircle(double radius, const IntRect& whole) {
  return {
      whole.x + whole.w / 2.0 - radius, whole.y + whole.h / 2.0 - radius, 2 * radius, 2 * radius};
}

// Anti-aliased edges reach half a sample further, of chroma a whole pixel.
constexpr double kEdge = 1;

}  // namespace

Placement PlacementOf(const Draw& draw, const Element& element) {
  return {element.anchor_x,
          element.anchor_y,
          draw.scale_x,
          draw.scale_y,
          draw.rotation_deg,
          draw.dx,
          draw.dy};
}

Placement PlacementOf(const DrawGroup& group, const IntRect& whole) {
  return {whole.x + whole.w / 2.0,
          whole.y + whole.h / 2.0,
          group.scale,
          group.scale,
          0,
          group.dx,
          group.dy};
}

IntRect EvenAround(const Box& box) {
  return PlacedBounds(PixelsAround(box), Placement{});
}

IntRect EvenInside(const Box& box) {
  const int x = static_cast<int>(std::ceil(box.x));
  const int y = static_cast<int>(std::ceil(box.y));
  return PlacedInside({x,
                       y,
                       static_cast<int>(std::floor(box.x + box.w)) - x,
                       static_cast<int>(std::floor(box.y + box.h)) - y},
                      Placement{});
}

IntRect SeenBounds(const DrawGroup& group, const IntRect& whole) {
  IntRect seen = Intersect(whole, PlacedBounds(whole, PlacementOf(group, whole)));
  if (group.clip) seen = Intersect(seen, EvenAround(*group.clip));
  if (group.circle_px) {
    seen = Intersect(seen, EvenAround(AroundCircle(*group.circle_px + kEdge, whole)));
  }
  return seen;
}

IntRect SeenInside(const DrawGroup& group, const IntRect& whole) {
  IntRect seen = Intersect(whole, PlacedInside(whole, PlacementOf(group, whole)));
  if (group.clip) seen = Intersect(seen, EvenInside(*group.clip));
  if (group.circle_px) {
    const double half = *group.circle_px / std::numbers::sqrt2 - 2 * kEdge;
    seen = half > 0 ? Intersect(seen, EvenInside(AroundCircle(half, whole))) : IntRect{};
  }
  return seen;
}

bool IsPlain(const DrawGroup& group) {
  return group.opacity >= 1 && group.dx == 0 && group.dy == 0 && group.scale == 1 && !group.clip &&
         !group.circle_px;
}

}  // namespace rn
