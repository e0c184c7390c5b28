// Everything that a composition says, spoken.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "pipeline/speech.h"
#include "pipeline/speech_audio.h"
#include "proto/render.pb.h"
#include "proto/worker.pb.h"
#include "template/composition.h"

namespace rn {

// One Speech for each of composition.voices(). What an engine outside this process spoke before is
// in `speech_paths` (Utterance.key -> path). Errors name the element's pointer and carry
// AUDIO_GENERATION_FAILED; one is a narration longer than `length_max` in all.
absl::StatusOr<SpeechTracks> Speak(const Composition& composition,
                                   const rendernode::JobSpec& job,
                                   SpeechEngines& engines,
                                   const std::map<std::string, std::string>& speech_paths = {},
                                   absl::Duration length_max = kNarrationMax);

// What engines that are not in `engines` have to say before. Errors as above.
absl::StatusOr<rendernode::Utterances> SpokenElsewhere(const Composition& composition,
                                                       const rendernode::JobSpec& job,
                                                       const SpeechEngines& engines);

}  // namespace rn
