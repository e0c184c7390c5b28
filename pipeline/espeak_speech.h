// espeak-ng in-process: some 100 languages, exact word times.
//
// Voice::voice is "<language>[+<variant>]": "en-us+f3". The variant (f1…f5 female, m1…m8 male, …)
// is the timbre, the language that of the text. A run of text in another writing system is spoken
// by the same variant in the language of that system: Han → cmn, Kana → ja, Hangul → ko,
// Arabic → ar, Hebrew → he, Cyrillic → ru, … Voice::language names the one to be preferred where
// several share a system ("fa" for Persian in Arabic letters, "uk" in Cyrillic). Digits and
// punctuation go with the text before them. Emoji, arrows and bullets are not read aloud.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "pipeline/speech.h"

namespace rn {

// The library is one per process and kept warm from its first use to the process's end: instances
// share it and take turns.
class EspeakSpeech : public SpeechEngine {
 public:
  std::string name() const override { return "espeak-ng"; }
  // Besides the interface's errors, InvalidArgument: a writing system that no voice reads, kanji
  // (espeak-ng reads Japanese in kana only); FailedPrecondition: the voices' data is not installed.
  absl::StatusOr<Speech> Speak(absl::string_view text, const rendernode::Voice& voice) override;
};

}  // namespace rn
