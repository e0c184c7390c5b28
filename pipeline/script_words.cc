#include "pipeline/script_words.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "proto/item_error.h"

namespace rn {
namespace {

absl::Status Unspeakable(absl::string_view why) {
  return WithItemError(absl::InvalidArgumentError(absl::StrCat("the script ", why)),
                       rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
}

bool IsVariationSelector(gunichar c) {
  return (c >= 0xFE00 && c <= 0xFE0F) || (c >= 0xE0000 && c <= 0xE01EF) || c == 0x20E3;
}

// Joiners shape the letters of some languages; every other format character is for the eye.
bool IsJoiner(gunichar c) {
  return c == 0x200C || c == 0x200D;
}

// Drawn, not read aloud. Below the arrows are signs that have a name (©, ™, °, ℃).
bool IsPictogram(gunichar c) {
  constexpr gunichar kArrows = 0x2190;
  constexpr gunichar kBullets[] = {0x2022, 0x2023, 0x2043, 0x00B7, 0x25E6};
  if (std::find(std::begin(kBullets), std::end(kBullets), c) != std::end(kBullets)) return true;
  if (c < kArrows || (c >= 0x3200 && c <= 0x33FF)) return false;  // enclosed CJK: ㈱, ㎏
  switch (g_unichar_type(c)) {
    case G_UNICODE_OTHER_SYMBOL:
    case G_UNICODE_MODIFIER_SYMBOL:
      return true;
    case G_UNICODE_MATH_SYMBOL:
      return c < 0x2200 || (c >= 0x2300 && c < 0x2A00) || (c >= 0x2B00 && c < 0x2C00);
    default:
      return false;
  }
}

ScriptCharacter Classify(gunichar code, std::size_t byte, std::size_t bytes) {
  ScriptCharacter character{.code = code, .byte = byte, .bytes = bytes};
  constexpr gunichar kZeroWidthSpace = 0x200B;
  character.space =
      g_unichar_isspace(code) != 0 || g_unichar_iscntrl(code) != 0 || code == kZeroWidthSpace;
  if (character.space) return character;
  const GUnicodeType type = g_unichar_type(code);
  character.silent = IsPictogram(code) || IsVariationSelector(code) ||
                     type == G_UNICODE_PRIVATE_USE || type == G_UNICODE_UNASSIGNED ||
                     (type == G_UNICODE_FORMAT && !IsJoiner(code));
  character.letter = !character.silent && g_unichar_isalnum(code) != 0;
  if (character.letter) character.writing = g_unichar_get_script(code);
  return character;
}

absl::StatusOr<std::vector<ScriptCharacter>> CharactersOf(absl::string_view text) {
  std::vector<ScriptCharacter> characters;
  characters.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const char* here = text.data() + at;
    gunichar code = 0;
    if (*here != '\0') {
      code = g_utf8_get_char_validated(here, static_cast<gssize>(text.size() - at));
    }
    if (code == static_cast<gunichar>(-1) || code == static_cast<gunichar>(-2)) {
      return Unspeakable(absl::StrCat("is not UTF-8 at byte ", at));
    }
    const std::size_t bytes = static_cast<std::size_t>(g_utf8_next_char(here) - here);
    ScriptCharacter character = Classify(code, at, bytes);
    if (character.letter && character.writing == G_UNICODE_SCRIPT_COMMON &&
        g_unichar_isdigit(code) == 0 && !characters.empty()) {
      character.writing = characters.back().writing;  // the long-vowel sign of kana
    }
    characters.push_back(character);
    at += bytes;
  }
  return characters;
}

// Styles and pauses, from bytes to characters.
void Mark(const MarkedScript& marked, Script& script) {
  std::size_t run = 0;
  for (ScriptCharacter& character : script.characters) {
    while (run + 1 < marked.runs.size() && marked.runs[run + 1].byte_begin <= character.byte) ++run;
    const ScriptStyle& style = marked.runs[run].style;
    const auto known = std::find(script.styles.begin(), script.styles.end(), style);
    character.style = static_cast<std::size_t>(known - script.styles.begin());
    if (known == script.styles.end()) script.styles.push_back(style);
  }
  for (const MarkedScript::Pause& pause : marked.pauses) {
    const auto before = std::partition_point(
        script.characters.begin(), script.characters.end(), [&](const ScriptCharacter& c) {
          return c.byte < pause.byte;
        });
    script.pauses.push_back(
        {static_cast<std::size_t>(before - script.characters.begin()), pause.length});
  }
}

bool Opens(const ScriptCharacter& character) {
  const GUnicodeType type = g_unichar_type(character.code);
  return type == G_UNICODE_OPEN_PUNCTUATION || type == G_UNICODE_INITIAL_PUNCTUATION;
}

// A written word: [begin, end) of the characters.
struct Written {
  std::size_t begin = 0, end = 0;
  bool letters = false;
  std::optional<absl::Duration> onset;
  absl::Duration heard_until = absl::InfiniteDuration();  // as the engine says
};

// Indices where a word starts inside [begin, end) of a script that does not space its words.
std::vector<std::size_t> UnspacedStarts(absl::Span<const ScriptCharacter> characters,
                                        std::size_t begin,
                                        std::size_t end,
                                        const std::vector<bool>& has_onset) {
  std::vector<std::size_t> starts;
  std::size_t word_begin = begin;
  const ScriptCharacter* last_letter = nullptr;
  for (std::size_t i = begin; i < end; ++i) {
    const ScriptCharacter& character = characters[i];
    if (!character.letter) continue;
    const bool unspaced = IsWrittenWithoutSpaces(character);
    if (last_letter != nullptr &&
        (unspaced != IsWrittenWithoutSpaces(*last_letter) || (unspaced && has_onset[i]))) {
      std::size_t start = i;
      while (start > word_begin + 1 && Opens(characters[start - 1])) --start;
      starts.push_back(start);
      word_begin = start;
    }
    last_letter = &character;
  }
  return starts;
}

std::vector<Written> WrittenWords(absl::Span<const ScriptCharacter> characters,
                                  const std::vector<bool>& has_onset) {
  std::vector<Written> words;
  const auto add = [&](std::size_t begin, std::size_t end) {
    const bool letters = std::any_of(characters.begin() + static_cast<std::ptrdiff_t>(begin),
                                     characters.begin() + static_cast<std::ptrdiff_t>(end),
                                     [](const ScriptCharacter& c) { return c.letter; });
    words.push_back({.begin = begin, .end = end, .letters = letters});
  };
  for (std::size_t begin = 0; begin < characters.size();) {
    std::size_t end = begin;
    while (end < characters.size() && !characters[end].space) ++end;
    std::size_t from = begin;
    for (const std::size_t start : UnspacedStarts(characters, begin, end, has_onset)) {
      add(from, start);
      from = start;
    }
    if (end > from) add(from, end);
    begin = end + 1;
  }
  return words;
}

// Gives each word the time of the first thing heard of it, in the words' order.
void AssignOnsets(absl::Span<const Onset> onsets, std::vector<Written>& words) {
  for (const Onset& onset : onsets) {
    auto word = std::upper_bound(
        words.begin(), words.end(), onset.character, [](std::size_t character, const Written& w) {
          return character < w.end;
        });
    if (word == words.end() || onset.character < word->begin) continue;
    word->heard_until =
        word->onset.has_value() ? std::max(word->heard_until, onset.end) : onset.end;
    word->onset = std::min(word->onset.value_or(onset.at), onset.at);
  }
  absl::Duration earliest;
  for (Written& word : words) {
    if (!word.onset.has_value()) continue;
    word.onset = earliest = std::max(earliest, *word.onset);
  }
}

// Words that are not heard apart join: signs with the word before them; before the first word,
// with it.
std::vector<Written> JoinUnheard(const std::vector<Written>& words) {
  std::vector<Written> joined;
  std::optional<std::size_t> waiting;
  for (const Written& word : words) {
    if (word.onset.has_value() || (word.letters && !joined.empty())) {
      joined.push_back(word);
      joined.back().begin = waiting.value_or(word.begin);
      waiting.reset();
    } else if (!joined.empty()) {
      joined.back().end = word.end;
    } else if (!waiting.has_value()) {
      waiting = word.begin;
    }
  }
  return joined;
}

}  // namespace

bool IsWrittenWithoutSpaces(const ScriptCharacter& character) {
  switch (character.writing) {
    case G_UNICODE_SCRIPT_HAN:
    case G_UNICODE_SCRIPT_HIRAGANA:
    case G_UNICODE_SCRIPT_KATAKANA:
    case G_UNICODE_SCRIPT_BOPOMOFO:
    case G_UNICODE_SCRIPT_THAI:
    case G_UNICODE_SCRIPT_LAO:
    case G_UNICODE_SCRIPT_KHMER:
    case G_UNICODE_SCRIPT_MYANMAR:
      return true;
    default:
      return false;
  }
}

absl::StatusOr<Script> ReadScript(absl::string_view given) {
  if (given.size() > SpeechEngines::kScriptBytesMax) {
    return Unspeakable(absl::StrCat(
        "has ", given.size(), " bytes; at most ", SpeechEngines::kScriptBytesMax, " are spoken"));
  }
  Script script;
  if (!IsSsml(given)) {
    script.text = std::string(given);
    ASSIGN_OR_RETURN(script.characters, CharactersOf(given));
  } else {
    RETURN_IF_ERROR(CharactersOf(given).status());  // UTF-8, before anything else is said of it
    absl::StatusOr<MarkedScript> marked = ReadSsml(given);
    if (!marked.ok()) return Unspeakable(absl::StrCat("is wrong: ", marked.status().message()));
    ASSIGN_OR_RETURN(script.characters, CharactersOf(marked->text));
    Mark(*marked, script);
    script.text = std::move(marked->text);
  }
  if (std::none_of(script.characters.begin(), script.characters.end(), [](const auto& c) {
        return c.letter;
      })) {
    return Unspeakable(given.empty() ? "is empty" : "has no letter or digit to speak");
  }
  return script;
}

std::vector<ScriptPiece> PiecesOf(const Script& script) {
  std::vector<ScriptPiece> pieces;
  std::size_t begin = 0;
  const auto add = [&](std::size_t end, absl::Duration pause) {
    const bool heard = std::any_of(script.characters.begin() + static_cast<std::ptrdiff_t>(begin),
                                   script.characters.begin() + static_cast<std::ptrdiff_t>(end),
                                   [](const ScriptCharacter& c) { return c.letter; });
    if (heard) {
      pieces.push_back({begin, end, pause});
      begin = end;
    } else if (!pieces.empty()) {
      pieces.back().end = end;
      pieces.back().pause_after = std::max(pieces.back().pause_after, pause);
      begin = end;
    }
  };
  for (const ScriptPause& pause : script.pauses) add(pause.before, pause.length);
  add(script.characters.size(), absl::ZeroDuration());
  if (!pieces.empty()) pieces.back().pause_after = absl::ZeroDuration();
  return pieces;
}

std::vector<SpokenWord> PlaceWords(
    absl::string_view script,
    absl::Span<const ScriptCharacter> characters,
    absl::Span<const Onset> onsets,
    absl::Duration length,
    absl::FunctionRef<absl::Duration(absl::Duration, absl::Duration)> sound_end) {
  std::vector<bool> has_onset(characters.size());
  for (const Onset& onset : onsets) has_onset[onset.character] = true;
  std::vector<Written> words = WrittenWords(characters, has_onset);
  AssignOnsets(onsets, words);
  words = JoinUnheard(words);

  std::vector<SpokenWord> spoken;
  spoken.reserve(words.size());
  for (std::size_t first = 0; first < words.size();) {
    std::size_t last = first + 1;  // one past those that share the first one's onset
    while (last < words.size() && !words[last].onset.has_value()) ++last;
    const absl::Duration begin = *words[first].onset;
    const absl::Duration next = last < words.size() ? *words[last].onset : length;
    const absl::Duration heard_until = words[first].heard_until;
    const absl::Duration end = heard_until < absl::InfiniteDuration()
                                   ? std::clamp(heard_until, begin, std::max(begin, next))
                                   : sound_end(begin, std::max(begin, next));
    const auto letters = static_cast<double>(words[last - 1].end - words[first].begin);
    const auto time_at = [&](std::size_t character) {
      return begin +
             (end - begin) * (static_cast<double>(character - words[first].begin) / letters);
    };
    for (std::size_t i = first; i < last; ++i) {
      const ScriptCharacter& final = characters[words[i].end - 1];
      const std::size_t byte_begin = characters[words[i].begin].byte;
      const std::size_t byte_end = final.byte + final.bytes;
      spoken.push_back({std::string(script.substr(byte_begin, byte_end - byte_begin)),
                        byte_begin,
                        byte_end,
                        i == first ? begin : time_at(words[i].begin),
                        i + 1 == last ? end : time_at(words[i + 1].begin)});
    }
    first = last;
  }
  return spoken;
}

}  // namespace rn
