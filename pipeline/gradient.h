// Gradients as planes, computed in floating point and dithered: no bands where colours change by
// less than a level over many pixels.
#pragma once

#include "pipeline/blend.h"
#include "pipeline/geometry.h"
#include "pipeline/scene.h"

namespace rn {

// What `fill` paints on `box`, in the pixels of `area` (even), beyond the box too. As CSS has it:
// stops in order, colours mixed multiplied by alpha. Radial ones are ellipses that reach the
// corners. Opaque where every stop is. The dither depends on the place in the frame alone.
Planes PaintGradient(const Fill& fill, const Box& box, const IntRect& area);

}  // namespace rn
