// Pictures scaled, turned and moved: where they end up, and their pixels there, at the accuracy of
// 1/256 of a pixel.
#pragma once

#include <map>
#include <utility>

#include "pipeline/blend.h"
#include "pipeline/geometry.h"

namespace rn {

// Scaled, then turned clockwise, both about the anchor, then moved. In frame pixels.
struct Placement {
  double anchor_x = 0, anchor_y = 0;
  double scale_x = 1, scale_y = 1;  // negative: mirrored
  double rotation_deg = 0;
  double dx = 0, dy = 0;

  // Moved by whole chroma samples at most: its planes can be copied as they are.
  bool IsEvenMove() const;
  // Not moved nor anything else.
  bool IsRest() const { return dx == 0 && dy == 0 && !Transforms(); }
  bool Transforms() const { return scale_x != 1 || scale_y != 1 || rotation_deg != 0; }
};

// All that a picture touches that rests at `rest`, on even pixels. A picture is at most
// kPlacedSideMax away from the frame's corner: what is further is cut off.
inline constexpr int kPlacedSideMax = 1 << 20;
IntRect PlacedBounds(const IntRect& rest, const Placement& placement);

// Somewhere inside, with even sides: every pixel of it is covered by the picture in full.
IntRect PlacedInside(const IntRect& rest, const Placement& placement);

// A picture and what is made of it when it is shrunk: itself at half, a quarter … of its width and
// height, each made when it is first asked for.
class Pyramid {
 public:
  // `planes` outlive the pyramid.
  explicit Pyramid(const PlanesView& planes) : base_(planes) {}
  // Halved `across` and `down` times.
  PlanesView At(int across, int down);
  std::size_t bytes() const { return bytes_; }

 private:
  PlanesView base_;
  std::map<std::pair<int, int>, Planes> levels_;
  std::size_t bytes_ = 0;
};

// The part inside `area` (even) of a picture at rest at `rest` (even), placed: in `out`, whose
// corner is the area's. Bilinear where it is enlarged, the mean of what a pixel covers where it is
// shrunk, its edges anti-aliased. `out` keeps its memory from call to call, and is opaque where the
// picture is and covers the area, unless `with_alpha`: opaque pictures that are faded round
// otherwise, and how a picture is faded must not depend on where it is cut.
void PlacePlanes(Pyramid* pyramid,
                 const IntRect& rest,
                 const Placement& placement,
                 const IntRect& area,
                 bool with_alpha,
                 Planes* out);

}  // namespace rn
