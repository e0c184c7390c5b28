// Cutting pictures to a shape: their planes multiplied by how much of each pixel the shape covers.
#pragma once

#include "pipeline/blend.h"
#include "pipeline/geometry.h"

namespace rn {

// `planes` have their corner at frame pixel (x, y), even. Opaque ones get alphas.

// Edges between pixels are anti-aliased.
void CutToBox(Planes* planes, int x, int y, const Box& box);
void CutToCircle(Planes* planes, int x, int y, double centre_x, double centre_y, double radius);
// To the alphas of `mask`, which stands at (mask_x, mask_y), even; beyond it there is none.
// `inverted`: to what those leave.
void CutToMask(
    Planes* planes, int x, int y, const PlanesView& mask, int mask_x, int mask_y, bool inverted);

}  // namespace rn
