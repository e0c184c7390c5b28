// The "output" of a template, apart from the frame's size, which a variant or a job may replace.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "template/composition_model.h"
#include "template/fields.h"

namespace rn {

// `output` is the template's own; an empty object where it has none. `model` has the frame's size.
void ReadOutputSettings(const ReadContext& context,
                        const nlohmann::json& output,
                        Composition::Model* model);

}  // namespace rn
