// Video elements.
#pragma once

#include "template/composition_model.h"
#include "template/fields.h"

namespace rn {

VideoModel ReadVideo(const Fields& fields);

}  // namespace rn
