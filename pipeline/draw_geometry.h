// Where draws and groups of them end up on the frame.
#pragma once

#include "pipeline/geometry.h"
#include "pipeline/placement.h"
#include "pipeline/scene.h"

namespace rn {

Placement PlacementOf(const Draw& draw, const Element& element);
// `whole`: the frame.
Placement PlacementOf(const DrawGroup& group, const IntRect& whole);

// The smallest even rectangle around a box; boxes that end where a pixel does reach no further.
IntRect EvenAround(const Box& box);
// The largest even rectangle inside it.
IntRect EvenInside(const Box& box);

// The pixels of the frame that the group may change, moved and cut as it is: even.
IntRect SeenBounds(const DrawGroup& group, const IntRect& whole);
// Pixels that it is sure to show, nothing of them cut away: even.
IntRect SeenInside(const DrawGroup& group, const IntRect& whole);
// Neither moved nor cut nor faded: its draws can be painted onto what is below.
bool IsPlain(const DrawGroup& group);

}  // namespace rn
