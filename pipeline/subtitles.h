// Subtitle files in, SubRip (.srt) and WebVTT (.vtt): cues of words with times.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pipeline/speech.h"

namespace rn {

inline constexpr std::size_t kSubtitleBytesMax = 4 << 20;
inline constexpr std::size_t kSubtitleCuesMax = 20'000;
inline constexpr std::size_t kCueBytesMax = 2'000;  // of one cue's text

// What stands on screen at once. Words within have the file's own times where it has some
// ("<00:01.500>" in WebVTT), else the cue's time in proportion to their characters.
struct SubtitleCue {
  absl::Duration begin, end;             // from the file's start
  std::vector<SpokenWord> words;         // never empty
  std::vector<std::size_t> line_begins;  // words that begin a line, the first one left out
};

struct Subtitles {
  std::vector<SubtitleCue> cues;      // in order of time; no two overlap
  bool words_estimated = false;       // the words of some cue are spread by length
  std::vector<std::string> warnings;  // "line 12: …": what the file asks for in vain
};

// Tags and cue settings are left out; cues that overlap become cues of what is on screen together.
// InvalidArgument: "line 12: …", what is wrong and what would be valid.
absl::StatusOr<Subtitles> ParseSubtitles(absl::string_view bytes);
absl::StatusOr<Subtitles> ReadSubtitles(const std::string& path);

}  // namespace rn
