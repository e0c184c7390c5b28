// How an element meets what is below it: blending, shadow, mask.
#pragma once

#include <optional>

#include "template/box.h"
#include "template/content.h"
#include "template/fields.h"

namespace rn {

BlendMode ReadBlendMode(const Fields& fields);

// Of an element with this box; nothing unless a shadow's property stands somewhere.
std::optional<Shadow> ReadShadow(const Fields& fields, const Box& box);

// "mask", or the rounded corners of what has no corners of its own.
std::optional<Mask> ReadMask(const Fields& fields, const Box& box);

}  // namespace rn
