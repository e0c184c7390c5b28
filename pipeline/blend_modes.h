// CSS's mix-blend-mode: how a picture's colours and those below it make a third. On sRGB values,
// as CSS has it: what is below is taken from the frame's planes to RGB and back.
#pragma once

#include <cstdint>

#include "pipeline/blend.h"
#include "pipeline/scene.h"
#include "pipeline/surface.h"

namespace rn {

// As Surface::Blend, with a mode. Where the picture is transparent nothing changes, not even by a
// rounding. All instruction sets give the same bytes.
void BlendWithMode(BlendMode mode,
                   const Surface& surface,
                   const IntRect& rect,
                   const PlanesView& planes,
                   int x,
                   int y,
                   std::uint8_t opacity);

}  // namespace rn
