// Text and captions elements.
#pragma once

#include "template/composition_model.h"
#include "template/fields.h"

namespace rn {

// `box`: the element's, which the text fits.
TextContent ReadText(const Fields& fields, const Box& box);
CaptionsModel ReadCaptions(const Fields& fields, const Box& box);

}  // namespace rn
