// What everything that is seen has: a place, a look, animations.
#pragma once

#include "template/composition_model.h"
#include "template/fields.h"

namespace rn {

void ReadVisual(const Fields& fields, ElementModel* element);

}  // namespace rn
