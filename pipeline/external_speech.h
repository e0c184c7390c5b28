// Speech of engines outside this process (commands, HTTP): made before the render, one WAV file for
// each utterance.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "pipeline/speech.h"
#include "proto/worker.pb.h"

namespace rn {

inline constexpr absl::Duration kUtteranceMax = absl::Minutes(30);

// What an engine is asked for to speak a script: its pieces between pauses, as plain text. Spelt
// parts are written out; a piece's rate and pitch are those that it begins with. InvalidArgument as
// SpeechEngine::Speak.
absl::StatusOr<std::vector<rendernode::Utterance>> UtterancesOf(absl::string_view script,
                                                                const rendernode::Voice& voice);

// The script out of the files (Utterance.key -> path) of its utterances. Word times are estimated:
// by the length of the words, within where the sound is. NotFound: the files are not all there.
absl::StatusOr<Speech> SpeakFromFiles(absl::string_view script,
                                      const rendernode::Voice& voice,
                                      const std::map<std::string, std::string>& paths);

}  // namespace rn
