#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "pipeline/caption_words.h"
#include "pipeline/captions.h"

namespace rn {
namespace {

std::int64_t Milliseconds(absl::Duration t) {
  return (t + absl::Microseconds(500)) / absl::Milliseconds(1);
}

// "00:01:02,345"; the two formats differ in the separator alone.
std::string Timestamp(std::int64_t ms, char separator) {
  return absl::StrFormat("%02d:%02d:%02d%c%03d",
                         ms / 3'600'000,
                         ms / 60'000 % 60,
                         ms / 1000 % 60,
                         separator,
                         ms % 1000);
}

std::string Lines(const CaptionPage& page) {
  std::string lines;
  std::size_t begin = 0;
  const absl::Span<const SpokenWord> words(page.words);
  for (const std::size_t end : page.line_begins) {
    absl::StrAppend(&lines, JoinWords(words.subspan(begin, end - begin), nullptr), "\n");
    begin = end;
  }
  return absl::StrCat(lines, JoinWords(words.subspan(begin), nullptr), "\n");
}

// "begin --> end" of a cue that a player would show at all.
std::string Times(const CaptionPage& page, char separator) {
  const std::int64_t begin = std::max<std::int64_t>(0, Milliseconds(page.begin));
  return absl::StrCat(Timestamp(begin, separator),
                      " --> ",
                      Timestamp(std::max(begin + 1, Milliseconds(page.end)), separator),
                      "\n");
}

}  // namespace

std::string ToSrt(const std::vector<CaptionPage>& pages) {
  std::string srt;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    // SRT has no escapes, and an arrow at the start of a line would read as a time.
    const std::string lines = absl::StrReplaceAll(Lines(pages[i]), {{"-->", "→"}});
    absl::StrAppend(&srt, i + 1, "\n", Times(pages[i], ','), lines, "\n");
  }
  return srt;
}

std::string ToVtt(const std::vector<CaptionPage>& pages) {
  std::string vtt = "WEBVTT\n\n";
  for (const CaptionPage& page : pages) {
    const std::string lines =
        absl::StrReplaceAll(Lines(page), {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}});
    absl::StrAppend(&vtt, Times(page, '.'), lines, "\n");
  }
  return vtt;
}

}  // namespace rn
