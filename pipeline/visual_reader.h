// What everything that is seen has: a place, a look, animations.
#pragma once

#include "pipeline/composition_model.h"
#include "pipeline/fields.h"

namespace rn {

void ReadVisual(const Fields& fields, ElementModel* element);

}  // namespace rn
