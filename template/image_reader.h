// Image elements.
#pragma once

#include "template/composition_model.h"
#include "template/fields.h"

namespace rn {

ImageModel ReadImage(const Fields& fields);

}  // namespace rn
