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
#include "pipeline/ssml.h"

namespace rn {

struct ScriptCharacter {
  gunichar code = 0;
  std::size_t byte = 0;  // where it begins in the script
  std::size_t bytes = 0;
  bool space = false;   // between words: white space, control characters
  bool silent = false;  // engines do not get it: emoji, arrows, bullets, invisible marks
  bool letter = false;  // or digit: must be heard
  GUnicodeScript writing = G_UNICODE_SCRIPT_COMMON;
  std::size_t style = 0;  // index into Script::styles
};

struct ScriptPause {
  std::size_t before = 0;  // index into Script::characters
  absl::Duration length;
};

// What an engine is to say.
struct Script {
  std::string text;  // as captions show it
  std::vector<ScriptCharacter> characters;
  std::vector<ScriptStyle> styles = {{}};  // the first is plain
  std::vector<ScriptPause> pauses;         // in order, between characters

  const ScriptStyle& StyleOf(std::size_t character) const {
    return styles[characters[character].style];
  }
};

// Of a writing system without spaces between words: Chinese, kana, Thai …
bool IsWrittenWithoutSpaces(const ScriptCharacter& character);

// Plain text, or SSML (see ssml.h). InvalidArgument, with ITEM_ERROR_AUDIO_GENERATION_FAILED: not
// UTF-8, beyond SpeechEngines::kScriptBytesMax, wrong SSML, or nothing in it that can be spoken.
absl::StatusOr<Script> ReadScript(absl::string_view script);

// A part that is said without a pause of the script's own inside: [begin, end) of the characters.
struct ScriptPiece {
  std::size_t begin = 0, end = 0;
  absl::Duration pause_after;
};

// All characters, in order; each piece has a letter or digit. Pauses before the first and after the
// last are nobody's: a speech begins and ends with sound.
std::vector<ScriptPiece> PiecesOf(const Script& script);

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
