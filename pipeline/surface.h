// What is painted on: a frame, or planes of our own that are transparent where nothing was painted.
#pragma once

#include <cstdint>

#include "pipeline/blend.h"
#include "pipeline/geometry.h"

namespace rn {

// A view of someone's pixels, who outlives it. Everything is in frame pixels, wherever the
// surface's own corner is; rectangles and places are even.
class Surface {
 public:
  // The frame itself; nothing can be seen through it.
  explicit Surface(const Nv12View& frame) : color_(frame) {}
  // `planes` with their corner at (x, y); they must not be opaque.
  Surface(Planes* planes, int x, int y);

  IntRect bounds() const { return {x_, y_, color_.width, color_.height}; }
  bool has_alpha() const { return alpha_.y != nullptr; }
  const Nv12View& color() const { return color_; }
  const Nv12View& alpha() const { return alpha_; }
  // `rect` in pixels of color() and alpha().
  IntRect Local(const IntRect& rect) const { return {rect.x - x_, rect.y - y_, rect.w, rect.h}; }

  // Transparent; only where there is alpha.
  void Clear(const IntRect& rect) const;
  // Opaque: the colour's own alpha is ignored.
  void Fill(const IntRect& rect, const Rgba& color) const;
  void Blend(
      const IntRect& rect, const PlanesView& planes, int x, int y, std::uint8_t opacity) const;
  // As SamplePlanes.
  void Sample(const IntRect& rect,
              const PlanesView& planes,
              const Box& source,
              const IntRect& box,
              std::uint8_t opacity) const;

 private:
  Nv12View color_;
  Nv12View alpha_;  // chroma's alpha stands once for U, once for V
  int x_ = 0, y_ = 0;
};

}  // namespace rn
