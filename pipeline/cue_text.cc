#include "pipeline/cue_text.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "pipeline/caption_words.h"
#include "pipeline/subtitle_time.h"
#include "template/unicode.h"

namespace rn {
namespace {

// Tags that SubRip files use, as names without "<" and "/".
bool IsSubRipTag(absl::string_view name) {
  static constexpr std::array<absl::string_view, 6> kTags = {"b", "i", "u", "s", "font", "c"};
  return std::any_of(kTags.begin(), kTags.end(), [&](absl::string_view tag) {
    return absl::EqualsIgnoreCase(name, tag);
  });
}

struct Entity {
  absl::string_view name, character;
};
constexpr std::array<Entity, 7> kEntities = {{{"&amp;", "&"},
                                              {"&lt;", "<"},
                                              {"&gt;", ">"},
                                              {"&quot;", "\""},
                                              {"&nbsp;", "\u00A0"},
                                              {"&lrm;", "\u200E"},
                                              {"&rlm;", "\u200F"}}};

}  // namespace

std::size_t CueText::Skip(absl::string_view line) {
  if (absl::StartsWith(line, "{\\")) {
    const std::size_t end = line.find('}');
    return end == absl::string_view::npos ? 0 : end + 1;
  }
  const std::size_t end = line.find('>');
  if (line[0] != '<' || end == absl::string_view::npos) return 0;
  absl::string_view name = line.substr(1, end - 1);
  if (vtt_) {
    if (const auto time = ParseSubtitleTime(name)) {
      EndWord();
      time_ = time;
    }
    return end + 1;
  }
  if (absl::StartsWith(name, "/")) name.remove_prefix(1);
  return IsSubRipTag(name.substr(0, name.find_first_of(" ="))) ? end + 1 : 0;
}

void CueText::AddLine(absl::string_view line) {
  space_ = true;
  line_ = !words_.empty();
  while (!line.empty()) {
    if (const std::size_t skipped = Skip(line); skipped > 0) {
      line.remove_prefix(skipped);
      continue;
    }
    if (absl::ascii_isspace(static_cast<unsigned char>(line[0]))) {
      EndWord();
      space_ = true;
      line.remove_prefix(1);
      continue;
    }
    const auto entity = std::find_if(kEntities.begin(), kEntities.end(), [&](const Entity& e) {
      return absl::StartsWith(line, e.name);
    });
    if (vtt_ && entity != kEntities.end()) {
      Add(entity->character);
      line.remove_prefix(entity->name.size());
    } else {
      Add(line.substr(0, 1));
      line.remove_prefix(1);
    }
  }
  EndWord();
}

void CueText::Add(absl::string_view character) {
  if (word_.text.empty()) {
    word_.touches = !space_ && !words_.empty();
    word_.begins_line = line_;
    word_.begin = std::exchange(time_, std::nullopt);
    space_ = line_ = false;
  }
  word_.text.append(character.data(), character.size());
}

void CueText::EndWord() {
  if (!word_.text.empty()) words_.push_back(std::exchange(word_, Word()));
}

SubtitleCue CueText::Timed(absl::Duration begin, absl::Duration end, bool* estimated) const {
  SubtitleCue cue{begin, end, {}, {}};
  std::size_t byte = 0;
  // Words up to the next one that has a time of its own.
  for (std::size_t first = 0; first < words_.size();) {
    std::size_t last = first + 1;
    while (last < words_.size() && !words_[last].begin.has_value()) ++last;
    const absl::Duration from = std::clamp(words_[first].begin.value_or(begin), begin, end);
    const absl::Duration to =
        last < words_.size() ? std::clamp(*words_[last].begin, from, end) : end;
    double whole = 0;
    for (std::size_t i = first; i < last; ++i) {
      whole += static_cast<double>(CharacterCount(words_[i].text)) + 1;
    }
    if (last - first > 1) *estimated = true;
    double before = 0;
    for (std::size_t i = first; i < last; ++i) {
      const Word& word = words_[i];
      if (word.begins_line) cue.line_begins.push_back(cue.words.size());
      const std::size_t word_begin = byte + (word.touches ? 0 : 1);
      byte = word_begin + word.text.size();
      const double share = static_cast<double>(CharacterCount(word.text)) + 1;
      cue.words.push_back({word.text,
                           word_begin,
                           byte,
                           from + (to - from) * (before / whole),
                           from + (to - from) * ((before + share) / whole)});
      before += share;
    }
    first = last;
  }
  return cue;
}

}  // namespace rn
