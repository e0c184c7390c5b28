// Which language speaks which part of a script, by writing system.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "pipeline/script_words.h"

namespace rn {

// [begin, end) of the characters. Languages as espeak-ng names them.
struct LanguageRun {
  std::string language;
  std::size_t begin = 0, end = 0;
};

// All characters, in order. `preferred`: languages to be taken for the writing systems that they
// use, the first first. InvalidArgument, with ITEM_ERROR_AUDIO_GENERATION_FAILED: a writing system
// without a language.
absl::StatusOr<std::vector<LanguageRun>> SplitByLanguage(
    absl::Span<const ScriptCharacter> characters, const std::vector<std::string>& preferred);

}  // namespace rn
