// Everything that a composition says, spoken.
#pragma once

#include "absl/status/statusor.h"
#include "pipeline/composition.h"
#include "pipeline/speech.h"
#include "proto/render.pb.h"

namespace rn {

// One Speech for each of composition.voices(). Errors name the element's pointer and carry
// AUDIO_GENERATION_FAILED.
absl::StatusOr<SpeechTracks> Speak(const Composition& composition,
                                   const rendernode::JobSpec& job,
                                   SpeechEngines& engines);

}  // namespace rn
