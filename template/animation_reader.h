// Entrances and exits, and the transitions between scenes.
#pragma once

#include <vector>

#include "template/composition_model.h"
#include "template/fields.h"

namespace rn {

// "animations" of an element that rests in `box`.
std::vector<AnimationModel> ReadAnimations(const Fields& fields, const Box& box);

// `fields`: of the "transition" itself.
TransitionModel ReadTransition(const Fields& fields);

}  // namespace rn
