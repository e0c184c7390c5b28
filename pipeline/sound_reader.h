// Voice and audio elements.
#pragma once

#include <vector>

#include "pipeline/composition_model.h"
#include "pipeline/fields.h"

namespace rn {

// Appends what is to be said to `voices`. `element` has its name and pointer already.
VoiceModel ReadVoice(const Fields& fields,
                     const ElementModel& element,
                     std::vector<VoiceCue>* voices);
AudioModel ReadAudio(const Fields& fields);

}  // namespace rn
