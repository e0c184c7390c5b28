// Elements of a template, from JSON to ElementModel.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "template/composition_model.h"
#include "template/fields.h"

namespace rn {

inline constexpr int kGroupNestingMax = 6;

// The list `elements` at `pointer` ("/scenes/0/elements"), without those whose condition is false.
// `defaults`: "defaults" objects of the style and the theme, nearest first. Problems go to the
// context; what could not be read keeps its default. Voice elements append their cue.
std::vector<ElementModel> ReadElements(const ReadContext& context,
                                       const nlohmann::json& elements,
                                       const std::string& pointer,
                                       const std::vector<FieldLayer>& defaults,
                                       std::vector<VoiceCue>* voices);

}  // namespace rn
