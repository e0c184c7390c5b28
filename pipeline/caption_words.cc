#include "pipeline/caption_words.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "pipeline/text_layout.h"
#include "template/unicode.h"

namespace rn {
namespace {

constexpr std::size_t kWordCharactersMax = 12;  // more are split where a line may break
constexpr std::size_t kPieceCharactersMin = 4;  // so that the highlight does not flicker

bool EndsWithAny(absl::string_view text, std::initializer_list<absl::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(), [&](absl::string_view ending) {
    return absl::EndsWith(text, ending);
  });
}

// `text` without the quotes, brackets and emoji that stand after a full stop.
absl::string_view WithoutClosers(absl::string_view text) {
  static constexpr std::array<absl::string_view, 12> kClosers = {
      "\"", "'", ")", "]", "”", "’", "»", "」", "』", "）", "》", "】"};
  for (bool stripped = true; stripped;) {
    const std::size_t before = text.size();
    text = WithoutTrailingEmoji(text);
    for (const absl::string_view closer : kClosers) absl::ConsumeSuffix(&text, closer);
    stripped = text.size() < before;
  }
  return text;
}

// "Dr." and "J." do not end a sentence; "vs." may, but seldom does.
bool IsAbbreviation(absl::string_view word) {
  static constexpr std::array<absl::string_view, 14> kAbbreviations = {"mr.",
                                                                       "mrs.",
                                                                       "ms.",
                                                                       "dr.",
                                                                       "prof.",
                                                                       "st.",
                                                                       "no.",
                                                                       "vs.",
                                                                       "e.g.",
                                                                       "i.e.",
                                                                       "approx.",
                                                                       "jr.",
                                                                       "sr.",
                                                                       "z.b."};
  const std::string lower = absl::AsciiStrToLower(word);
  return (word.size() == 2 && absl::ascii_isalpha(static_cast<unsigned char>(word[0]))) ||
         std::find(kAbbreviations.begin(), kAbbreviations.end(), lower) != kAbbreviations.end();
}

bool EndsSentence(absl::string_view word) {
  const absl::string_view bare = WithoutClosers(word);
  if (EndsWithAny(bare, {"!", "?", "…", "。", "！", "？", "｡", "؟", "۔", "।", "॥", "։"})) {
    return true;
  }
  return absl::EndsWith(bare, ".") && !IsAbbreviation(bare);
}

struct Piece {
  std::size_t end = 0;         // bytes
  std::size_t characters = 0;  // up to there, from the word's start
};

// Ends of pieces; the last one is the word's end.
std::vector<Piece> PiecesOf(const std::string& word, std::size_t characters) {
  std::vector<PangoLogAttr> attributes(characters + 1);
  pango_get_log_attrs(word.data(),
                      static_cast<int>(word.size()),
                      -1,
                      pango_language_get_default(),
                      attributes.data(),
                      static_cast<int>(attributes.size()));
  std::vector<Piece> pieces;
  std::size_t byte = 0;
  std::size_t taken = 0;
  const char* at = word.data();
  for (std::size_t i = 1; i < characters; ++i) {
    at = g_utf8_next_char(at);
    const auto here = static_cast<std::size_t>(at - word.data());
    const absl::string_view piece = absl::string_view(word).substr(byte, here - byte);
    if (attributes[i].is_line_break == 0) continue;
    if (i - taken < kPieceCharactersMin && !EndsClause(piece)) continue;
    pieces.push_back({here, i});
    byte = here;
    taken = i;
  }
  pieces.push_back({word.size(), characters});
  return pieces;
}

}  // namespace

bool EndsClause(absl::string_view word) {
  return EndsSentence(word) ||
         EndsWithAny(WithoutClosers(word),
                     {",", ";", ":", "—", "–", "،", "؛", "、", "，", "；", "："});
}

std::vector<SpokenWord> OnTimeline(const std::vector<SpokenWord>& words, absl::Duration offset) {
  std::vector<SpokenWord> placed;
  placed.reserve(words.size());
  absl::Duration earliest = offset;
  for (const SpokenWord& word : words) {
    if (absl::StripAsciiWhitespace(word.text).empty()) continue;
    SpokenWord copy = word;
    copy.text = std::string(absl::StripAsciiWhitespace(word.text));
    std::replace(copy.text.begin(), copy.text.end(), '\n', ' ');
    copy.begin = std::max(earliest, word.begin + offset);
    copy.end = std::max(copy.begin, word.end + offset);
    earliest = copy.begin;
    if (!placed.empty()) placed.back().end = std::min(placed.back().end, copy.begin);
    placed.push_back(std::move(copy));
  }
  return placed;
}

std::vector<SpokenWord> SplitLongWords(const std::vector<SpokenWord>& words) {
  std::vector<SpokenWord> split;
  split.reserve(words.size());
  for (const SpokenWord& word : words) {
    const std::size_t characters = CharacterCount(word.text);
    if (characters <= kWordCharactersMax) {
      split.push_back(word);
      continue;
    }
    const absl::Duration length = word.end - word.begin;
    const auto time_at = [&](std::size_t n) {
      return word.begin + length * static_cast<double>(n) / static_cast<double>(characters);
    };
    Piece from;
    for (const Piece& to : PiecesOf(word.text, characters)) {
      split.push_back({word.text.substr(from.end, to.end - from.end),
                       word.byte_begin + from.end,
                       word.byte_begin + to.end,
                       time_at(from.characters),
                       time_at(to.characters)});
      from = to;
    }
    split.back().byte_end = std::max(split.back().byte_end, word.byte_end);
  }
  return split;
}

std::vector<WordRange> SplitSentences(absl::Span<const SpokenWord> words) {
  std::vector<WordRange> sentences;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool last = i + 1 == words.size();
    if (last || EndsSentence(words[i].text) ||
        words[i + 1].begin - words[i].end >= kSentencePauseMin) {
      sentences.push_back({begin, i + 1});
      begin = i + 1;
    }
  }
  return sentences;
}

std::string JoinWords(absl::Span<const SpokenWord> words, std::vector<WordRange>* bytes) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool touches =
        i > 0 && words[i].byte_begin > 0 && words[i].byte_begin == words[i - 1].byte_end;
    if (i > 0 && !touches) text.push_back(' ');
    const std::size_t begin = text.size();
    text.append(words[i].text);
    if (bytes != nullptr) bytes->push_back({begin, text.size()});
  }
  return text;
}

}  // namespace rn
