// Voice and audio elements.
#pragma once

#include <string>
#include <vector>

#include "template/composition_model.h"
#include "template/fields.h"

namespace rn {

// Appends what is to be said to `voices`. `pointer`: of the element.
VoiceModel ReadVoice(const Fields& fields,
                     const std::string& pointer,
                     std::vector<VoiceCue>* voices);
AudioModel ReadAudio(const Fields& fields);
// What an audio element and a clip's sound have in common; the file is still to come.
AudioModel ReadSound(const Fields& fields);

}  // namespace rn
