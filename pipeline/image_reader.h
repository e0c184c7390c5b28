// Image elements.
#pragma once

#include "pipeline/composition_model.h"
#include "pipeline/fields.h"

namespace rn {

ImageModel ReadImage(const Fields& fields);

}  // namespace rn
