// Rectangles and colours. Pixels of the output frame; x right, y down.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "hwaccel/frame.h"
#include "template/box.h"
#include "template/rgba.h"

namespace rn {

inline IntRect Intersect(const IntRect& a, const IntRect& b) {
  const int x = std::max(a.x, b.x);
  const int y = std::max(a.y, b.y);
  return {x,
          y,
          std::max(0, std::min(a.right(), b.right()) - x),
          std::max(0, std::min(a.bottom(), b.bottom()) - y)};
}

// The smallest rectangle around both; an empty one counts for nothing.
inline IntRect Bounds(const IntRect& a, const IntRect& b) {
  if (a.empty()) return b;
  if (b.empty()) return a;
  const int x = std::min(a.x, b.x);
  const int y = std::min(a.y, b.y);
  return {x, y, std::max(a.right(), b.right()) - x, std::max(a.bottom(), b.bottom()) - y};
}

// What of `outer` is not in `inner`: disjoint, above, below, left and right of it; empty ones too.
inline std::array<IntRect, 4> Around(const IntRect& outer, const IntRect& inner) {
  const IntRect hole = Intersect(outer, inner);
  if (hole.empty()) return {outer, IntRect{}, IntRect{}, IntRect{}};
  return {IntRect{outer.x, outer.y, outer.w, hole.y - outer.y},
          IntRect{outer.x, hole.bottom(), outer.w, outer.bottom() - hole.bottom()},
          IntRect{outer.x, hole.y, hole.x - outer.x, hole.h},
          IntRect{hole.right(), hole.y, outer.right() - hole.right(), hole.h}};
}

inline int Round(double x) {
  return static_cast<int>(std::lround(x));
}
inline int RoundToEven(double x) {
  return 2 * Round(x / 2);
}
// 0…1 as 0…255.
inline std::uint8_t ToByte(double share) {
  return static_cast<std::uint8_t>(std::lround(std::clamp(share, 0.0, 1.0) * 255));
}

// Where a box is painted that has to stand on whole pixels: the nearest ones, at least one a side;
// or on whole chroma samples, at least one a side.
inline IntRect NearestPixels(const Box& box) {
  const int x = Round(box.x);
  const int y = Round(box.y);
  return {x, y, std::max(1, Round(box.x + box.w) - x), std::max(1, Round(box.y + box.h) - y)};
}
inline IntRect NearestEvenPixels(const Box& box) {
  const int x = RoundToEven(box.x);
  const int y = RoundToEven(box.y);
  return {x,
          y,
          std::max(2, RoundToEven(box.x + box.w) - x),
          std::max(2, RoundToEven(box.y + box.h) - y)};
}
// All pixels that a box touches.
inline IntRect PixelsAround(const Box& box) {
  const int x = static_cast<int>(std::floor(box.x));
  const int y = static_cast<int>(std::floor(box.y));
  return {x,
          y,
          static_cast<int>(std::ceil(box.x + box.w)) - x,
          static_cast<int>(std::ceil(box.y + box.h)) - y};
}

}  // namespace rn
