#include "pipeline/language_runs.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "proto/item_error.h"

namespace rn {
namespace {

struct WritingSystem {
  GUnicodeScript script;
  absl::string_view languages;  // separated by spaces; the first is the default
};

// Of the languages that espeak-ng speaks. A language in no row is written in Latin.
constexpr std::array<WritingSystem, 26> kWritingSystems = {{
    {G_UNICODE_SCRIPT_HAN, "cmn yue hak ja"},
    {G_UNICODE_SCRIPT_BOPOMOFO, "cmn"},
    {G_UNICODE_SCRIPT_HIRAGANA, "ja"},
    {G_UNICODE_SCRIPT_KATAKANA, "ja"},
    {G_UNICODE_SCRIPT_HANGUL, "ko"},
    {G_UNICODE_SCRIPT_ARABIC, "ar fa ur sd ug"},
    {G_UNICODE_SCRIPT_HEBREW, "he"},
    {G_UNICODE_SCRIPT_CYRILLIC, "ru ru-lv uk be bg mk sr kk ky tt ba cv"},
    {G_UNICODE_SCRIPT_GREEK, "el grc"},
    {G_UNICODE_SCRIPT_DEVANAGARI, "hi mr ne kok"},
    {G_UNICODE_SCRIPT_BENGALI, "bn as bpy"},
    {G_UNICODE_SCRIPT_GURMUKHI, "pa"},
    {G_UNICODE_SCRIPT_GUJARATI, "gu"},
    {G_UNICODE_SCRIPT_ORIYA, "or"},
    {G_UNICODE_SCRIPT_TAMIL, "ta"},
    {G_UNICODE_SCRIPT_TELUGU, "te"},
    {G_UNICODE_SCRIPT_KANNADA, "kn"},
    {G_UNICODE_SCRIPT_MALAYALAM, "ml"},
    {G_UNICODE_SCRIPT_SINHALA, "si"},
    {G_UNICODE_SCRIPT_THAI, "th"},
    {G_UNICODE_SCRIPT_MYANMAR, "my shn"},
    {G_UNICODE_SCRIPT_GEORGIAN, "ka"},
    {G_UNICODE_SCRIPT_ARMENIAN, "hy hyw"},
    {G_UNICODE_SCRIPT_ETHIOPIC, "am"},
    {G_UNICODE_SCRIPT_CHEROKEE, "chr-us-qaaa-x-west"},
    {G_UNICODE_SCRIPT_LATIN, "en-us"},
}};

bool Has(absl::string_view list, absl::string_view language) {
  const std::vector<absl::string_view> languages = absl::StrSplit(list, ' ');
  return std::find(languages.begin(), languages.end(), language) != languages.end();
}

bool Writes(absl::string_view language, const WritingSystem& system) {
  if (system.script != G_UNICODE_SCRIPT_LATIN) return Has(system.languages, language);
  return std::none_of(kWritingSystems.begin(), kWritingSystems.end(), [&](const WritingSystem& w) {
    return w.script != G_UNICODE_SCRIPT_LATIN && Has(w.languages, language);
  });
}

absl::Status Unreadable(const ScriptCharacter& character, absl::string_view why) {
  return WithItemError(
      absl::InvalidArgumentError(absl::StrCat("the script's character U+",
                                              absl::Hex(character.code, absl::kZeroPad4),
                                              " at byte ",
                                              character.byte,
                                              ": ",
                                              why)),
      rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
}

absl::StatusOr<std::string> LanguageOf(const ScriptCharacter& character,
                                       const std::vector<std::string>& preferred) {
  const auto system = std::find_if(
      kWritingSystems.begin(), kWritingSystems.end(), [&](const WritingSystem& candidate) {
        return candidate.script == character.writing;
      });
  if (system == kWritingSystems.end()) {
    return Unreadable(character, "no voice of espeak-ng reads this writing system");
  }
  const auto language = std::find_if(
      preferred.begin(), preferred.end(), [&](const std::string& l) { return Writes(l, *system); });
  const std::string chosen =
      language != preferred.end()
          ? *language
          : std::string(system->languages.substr(0, system->languages.find(' ')));
  if (chosen == "ja" && character.writing == G_UNICODE_SCRIPT_HAN) {
    return Unreadable(character, "espeak-ng reads Japanese in kana only, not in kanji");
  }
  return chosen;
}

bool IsKana(const ScriptCharacter& character) {
  return character.writing == G_UNICODE_SCRIPT_HIRAGANA ||
         character.writing == G_UNICODE_SCRIPT_KATAKANA;
}

}  // namespace

absl::StatusOr<std::vector<LanguageRun>> SplitByLanguage(
    absl::Span<const ScriptCharacter> characters, const std::vector<std::string>& preferred) {
  std::vector<std::string> languages = preferred;
  if (std::any_of(characters.begin(), characters.end(), IsKana)) {
    languages.insert(languages.begin(), "ja");  // Han beside kana is Japanese.
  }
  std::vector<LanguageRun> runs;
  for (std::size_t i = 0; i < characters.size(); ++i) {
    const GUnicodeScript writing = characters[i].writing;
    if (writing == G_UNICODE_SCRIPT_COMMON || writing == G_UNICODE_SCRIPT_INHERITED) continue;
    ASSIGN_OR_RETURN(std::string language, LanguageOf(characters[i], languages));
    if (runs.empty() || runs.back().language != language) {
      if (!runs.empty()) runs.back().end = i;
      runs.push_back({std::move(language), runs.empty() ? 0 : i, 0});
    }
  }
  if (runs.empty()) {
    runs.push_back({preferred.empty() ? "en-us" : preferred.front(), 0, 0});
  }
  runs.back().end = characters.size();
  return runs;
}

}  // namespace rn
