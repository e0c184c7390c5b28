// Drop shadows: a picture's own shape, moved, blurred and coloured, under it.
#pragma once

#include "pipeline/blend.h"
#include "pipeline/geometry.h"
#include "pipeline/scene.h"

namespace rn {

// How far a picture at `rest` (even) reaches with its shadow: even.
IntRect WithShadowBounds(const IntRect& rest, const Shadow& shadow);

// The shadow alone of a picture at `rest`, as large as WithShadowBounds says; never opaque.
Planes PaintShadow(const Planes& planes, const IntRect& rest, const Shadow& shadow);

// The picture over it.
Planes WithShadow(const Planes& planes, const IntRect& rest, const Shadow& shadow);

}  // namespace rn
