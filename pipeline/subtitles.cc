#include "pipeline/subtitles.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status.h"
#include "pipeline/cue_text.h"
#include "pipeline/subtitle_time.h"
#include "template/unicode.h"

namespace rn {
namespace {

// Less is a slip of whoever timed the file: the first cue ends where the next begins.
constexpr absl::Duration kOverlapMin = absl::Milliseconds(200);
constexpr std::size_t kTogetherMax = 8;  // cues at once; more are no captions

struct Times {
  absl::Duration begin, end;
  bool has_settings = false;
};

class SubtitleReader {
 public:
  explicit SubtitleReader(absl::string_view bytes) : lines_(LinesOf(bytes)) {
    vtt_ = IsVttHeader(lines_.front());
  }

  absl::StatusOr<Subtitles> Read() {
    if (vtt_) SkipBlock();
    while (SkipBlank()) {
      if (vtt_ && SkipUnused()) continue;
      RETURN_IF_ERROR(ReadCue());
    }
    if (result_.cues.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "subtitles without a single cue; a cue is ", Example(), " and lines of text under it"));
    }
    return std::move(result_);
  }

 private:
  static std::vector<absl::string_view> LinesOf(absl::string_view bytes) {
    absl::ConsumePrefix(&bytes, "\xEF\xBB\xBF");
    std::vector<absl::string_view> lines;
    while (true) {
      const std::size_t end = bytes.find_first_of("\r\n");
      lines.push_back(bytes.substr(0, end));
      if (end == absl::string_view::npos) return lines;
      const bool crlf = absl::StartsWith(bytes.substr(end), "\r\n");
      bytes.remove_prefix(end + (crlf ? 2 : 1));
    }
  }

  static bool IsVttHeader(absl::string_view line) {
    return absl::ConsumePrefix(&line, "WEBVTT") &&
           (line.empty() || line[0] == ' ' || line[0] == '\t');
  }

  bool AtBlank() const { return absl::StripAsciiWhitespace(lines_[at_]).empty(); }

  bool SkipBlank() {
    while (at_ < lines_.size() && AtBlank()) ++at_;
    return at_ < lines_.size();
  }

  void SkipBlock() {
    while (at_ < lines_.size() && !AtBlank()) ++at_;
  }

  // Blocks of WebVTT that are no cues.
  bool SkipUnused() {
    const absl::string_view line = lines_[at_];
    for (const absl::string_view block : {"NOTE", "STYLE", "REGION"}) {
      if (line != block && !absl::StartsWith(line, absl::StrCat(block, " "))) continue;
      if (block != "NOTE") WarnOnce(block, "is not used: captions look as the template has them");
      SkipBlock();
      return true;
    }
    return false;
  }

  void WarnOnce(absl::string_view what, absl::string_view why) {
    if (warned_.insert(std::string(what)).second) {
      result_.warnings.push_back(absl::StrCat("line ", at_ + 1, ": ", what, " ", why));
    }
  }

  const char* Example() const {
    return vtt_ ? "\"00:01:02.500 --> 00:01:04.000\"" : "\"00:01:02,500 --> 00:01:04,000\"";
  }

  absl::Status Mistake(absl::string_view message) const {
    return absl::InvalidArgumentError(absl::StrCat("line ", at_ + 1, ": ", message));
  }

  absl::StatusOr<Times> ReadTimes() const {
    const absl::string_view line = lines_[at_];
    const std::size_t arrow = line.find("-->");
    const absl::string_view before =
        absl::StripAsciiWhitespace(line.substr(0, std::min(arrow, line.size())));
    absl::string_view after =
        arrow == absl::string_view::npos ? "" : absl::StripAsciiWhitespace(line.substr(arrow + 3));
    const std::size_t end = after.find_first_of(" \t");
    const auto from = ParseSubtitleTime(before);
    const auto to = ParseSubtitleTime(after.substr(0, end));
    if (!from || !to) {
      return Mistake(
          absl::StrCat("expected a cue's times, ", Example(), "; got \"", Shown(line), "\""));
    }
    if (*to <= *from) {
      return Mistake(absl::StrCat("the cue ends no later than it begins: \"", Shown(line), "\""));
    }
    return Times{*from, *to, end != absl::string_view::npos};
  }

  static absl::string_view Shown(absl::string_view line) {
    constexpr std::size_t kShownMax = 60;
    std::size_t end = std::min(line.size(), kShownMax);
    while (end > 0 && end < line.size() && (line[end] & 0xC0) == 0x80) --end;
    return line.substr(0, end);
  }

  absl::Status ReadCue() {
    // A number in SubRip, any text in WebVTT.
    const bool named = !absl::StrContains(lines_[at_], "-->") && at_ + 1 < lines_.size() &&
                       absl::StrContains(lines_[at_ + 1], "-->");
    const bool numbered = absl::StripAsciiWhitespace(lines_[at_]).find_first_not_of("0123456789") ==
                          absl::string_view::npos;
    if (named && (vtt_ || numbered)) ++at_;
    ASSIGN_OR_RETURN(const Times times, ReadTimes());
    if (times.has_settings) {
      WarnOnce("the cue's settings", "are not used: captions stand where the template has them");
    }
    if (result_.cues.size() >= kSubtitleCuesMax) {
      return Mistake(absl::StrCat("more than ", kSubtitleCuesMax, " cues"));
    }
    ++at_;
    CueText text(vtt_);
    std::size_t bytes = 0;
    for (; at_ < lines_.size() && !AtBlank(); ++at_) {
      bytes += lines_[at_].size();
      if (bytes > kCueBytesMax) {
        return Mistake(absl::StrCat("a cue of more than ", kCueBytesMax, " bytes"));
      }
      text.AddLine(lines_[at_]);
    }
    SubtitleCue cue = text.Timed(times.begin, times.end, &result_.words_estimated);
    if (!cue.words.empty()) result_.cues.push_back(std::move(cue));
    return absl::OkStatus();
  }

  const std::vector<absl::string_view> lines_;
  bool vtt_ = false;
  std::size_t at_ = 0;
  Subtitles result_;
  std::set<std::string> warned_;
};

// What is on screen together from `begin` to `end`: the cues' lines, the earlier above the later.
SubtitleCue Together(const std::vector<const SubtitleCue*>& cues,
                     absl::Duration begin,
                     absl::Duration end) {
  SubtitleCue together{begin, end, {}, {}};
  std::size_t byte = 0;
  for (const SubtitleCue* cue : cues) {
    const std::size_t first = together.words.size();
    if (first > 0) together.line_begins.push_back(first);
    for (const std::size_t line : cue->line_begins) together.line_begins.push_back(first + line);
    for (std::size_t i = 0; i < cue->words.size(); ++i) {
      SpokenWord word = cue->words[i];
      const bool touches = i > 0 && word.byte_begin == cue->words[i - 1].byte_end;
      const std::size_t length = word.byte_end - word.byte_begin;
      word.byte_begin = byte + (touches ? 0 : 1);
      byte = word.byte_end = word.byte_begin + length;
      word.begin = std::clamp(word.begin, begin, end);
      word.end = std::clamp(word.end, begin, end);
      together.words.push_back(std::move(word));
    }
  }
  return together;
}

// The same screen at every moment, told by cues that do not overlap.
absl::StatusOr<std::vector<SubtitleCue>> WithoutOverlap(std::vector<SubtitleCue> cues) {
  std::stable_sort(cues.begin(), cues.end(), [](const SubtitleCue& a, const SubtitleCue& b) {
    return a.begin < b.begin;
  });
  for (std::size_t i = 0; i + 1 < cues.size(); ++i) {
    const absl::Duration next = cues[i + 1].begin;
    if (cues[i].end > next && cues[i].end - next < kOverlapMin && next > cues[i].begin) {
      cues[i].end = next;
    }
  }
  std::vector<absl::Duration> changes;
  for (const SubtitleCue& cue : cues) {
    changes.push_back(cue.begin);
    changes.push_back(cue.end);
  }
  std::sort(changes.begin(), changes.end());
  changes.erase(std::unique(changes.begin(), changes.end()), changes.end());
  std::vector<SubtitleCue> result;
  std::vector<const SubtitleCue*> shown;
  std::size_t next = 0;
  for (std::size_t i = 0; i + 1 < changes.size(); ++i) {
    const absl::Duration now = changes[i];
    shown.erase(
        std::remove_if(
            shown.begin(), shown.end(), [&](const SubtitleCue* cue) { return cue->end <= now; }),
        shown.end());
    for (; next < cues.size() && cues[next].begin <= now; ++next) shown.push_back(&cues[next]);
    if (shown.size() > kTogetherMax) {
      return absl::InvalidArgumentError(absl::StrCat("more than ",
                                                     kTogetherMax,
                                                     " cues at once, ",
                                                     absl::FormatDuration(now),
                                                     " into the subtitles"));
    }
    if (!shown.empty()) result.push_back(Together(shown, now, changes[i + 1]));
  }
  return result;
}

}  // namespace

absl::StatusOr<Subtitles> ParseSubtitles(absl::string_view bytes) {
  if (bytes.size() > kSubtitleBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "subtitles of ", bytes.size(), " bytes; the limit is ", kSubtitleBytesMax, " bytes"));
  }
  if (absl::StartsWith(bytes, "\xFF\xFE") || absl::StartsWith(bytes, "\xFE\xFF")) {
    return absl::InvalidArgumentError("subtitles in UTF-16; save the file as UTF-8");
  }
  if (const std::size_t broken = ValidPrefix(bytes); broken < bytes.size()) {
    const auto lines =
        std::count(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(broken), '\n');
    return absl::InvalidArgumentError(
        absl::StrCat("line ", lines + 1, ": not UTF-8; save the file as UTF-8"));
  }
  ASSIGN_OR_RETURN(Subtitles subtitles, SubtitleReader(bytes).Read());
  ASSIGN_OR_RETURN(subtitles.cues, WithoutOverlap(std::move(subtitles.cues)));
  return subtitles;
}

absl::StatusOr<Subtitles> ReadSubtitles(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, kSubtitleBytesMax));
  return ParseSubtitles(bytes);
}

}  // namespace rn
