// Video elements.
#pragma once

#include "pipeline/composition_model.h"
#include "pipeline/fields.h"

namespace rn {

VideoModel ReadVideo(const Fields& fields);

}  // namespace rn
