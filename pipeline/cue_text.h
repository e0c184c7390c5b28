// The text of one subtitle cue: lines with tags in, words with times out.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pipeline/subtitles.h"

namespace rn {

class CueText {
 public:
  // In WebVTT all that stands in "<…>" is a tag and "&amp;" a character; in SubRip a few tags are,
  // and what "{\…}" holds.
  explicit CueText(bool vtt) : vtt_(vtt) {}

  void AddLine(absl::string_view line);

  // Words without times of their own share what is left by their characters; `estimated` then
  // becomes true.
  SubtitleCue Timed(absl::Duration begin, absl::Duration end, bool* estimated) const;

 private:
  struct Word {
    std::string text;
    bool touches = false;  // the word before it, without a space
    bool begins_line = false;
    std::optional<absl::Duration> begin;  // from a time in the text
  };

  // How many bytes of markup the line begins with; a time among it is kept.
  std::size_t Skip(absl::string_view line);
  void Add(absl::string_view character);
  void EndWord();

  const bool vtt_;
  std::vector<Word> words_;
  Word word_;                           // being read
  std::optional<absl::Duration> time_;  // of what is read next
  bool space_ = true;                   // before what is read next
  bool line_ = false;                   // what is read next begins one
};

}  // namespace rn
