// flite in-process: one American English voice, "slt" (female), more natural than espeak-ng's.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "pipeline/speech.h"

namespace rn {

// Speaks Latin letters as English; accents are dropped. Its voice lives as long as the process:
// instances share it and take turns.
class FliteSpeech : public SpeechEngine {
 public:
  std::string name() const override { return "flite"; }
  // Besides the interface's errors, InvalidArgument: letters that are not Latin, a language other
  // than English.
  absl::StatusOr<Speech> Speak(absl::string_view text, const rendernode::Voice& voice) override;
};

}  // namespace rn
