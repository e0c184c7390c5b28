// A script to be spoken: its characters, and its written words placed on the times that an engine
// reports.
#pragma once

#include <glib.h>

#include <cstddef>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "pipeline/speech.h"

namespace rn {

struct ScriptCharacter {
  gunichar code = 0;
  std::size_t byte = 0;  // where it begins in the script
  std::size_t bytes = 0;
  bool space = false;   // between words: white space, control characters
  bool silent = false;  // engines do not get it: emoji, arrows, bullets, invisible marks
  bool letter = false;  // or digit: must be heard
  GUnicodeScript writing = G_UNICODE_SCRIPT_COMMON;
};

// Of a writing system without spaces between words: Chinese, kana, Thai …
bool IsWrittenWithoutSpaces(const ScriptCharacter& character);

// InvalidArgument, with ITEM_ERROR_AUDIO_GENERATION_FAILED: not UTF-8, beyond
// SpeechEngines::kScriptBytesMax, or nothing in it that can be spoken.
absl::StatusOr<std::vector<ScriptCharacter>> ReadScript(absl::string_view script);

// Something is heard from `at` on; it is written at `character`.
struct Onset {
  std::size_t character = 0;  // index into the ScriptCharacters
  absl::Duration at;
  absl::Duration end = absl::InfiniteDuration();  // infinite: the engine does not say
};

// Every written word once, in order: what white space separates, and in writing without spaces
// (Chinese, Thai …) what the engine announces as a word. Punctuation and emoji go with the word
// that they touch, alone with the word before them (the first: after). Words without an onset of
// their own share their predecessor's time by length ("of the", which engines say as one).
// `sound_end(from, to)`: where the sound that begins at `from` ends, at `to` at the latest; asked
// where the engine does not say.
std::vector<SpokenWord> PlaceWords(
    absl::string_view script,
    absl::Span<const ScriptCharacter> characters,
    absl::Span<const Onset> onsets,
    absl::Duration length,
    absl::FunctionRef<absl::Duration(absl::Duration, absl::Duration)> sound_end);

}  // namespace rn
