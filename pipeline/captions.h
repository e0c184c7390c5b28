// Captions: words with times → pages on screen, their pixels, and the SRT/VTT sidecars.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pipeline/speech.h"
#include "pipeline/subtitles.h"
#include "pipeline/text.h"
#include "template/caption_spec.h"
#include "template/unicode.h"

namespace rn {

// Pages stand for at least kPageShownMin where the speech leaves the room; silence of up to
// kGapKeptMax between two pages keeps the first on screen, a longer one leaves it empty.
inline constexpr absl::Duration kGapKeptMax = absl::Milliseconds(800);
inline constexpr absl::Duration kPageShownMin = absl::Seconds(1);

// What stands on screen at once. Times are on the timeline (not from the speech's start).
struct CaptionPage {
  absl::Duration begin, end;  // [begin, end); pages never overlap
  std::vector<SpokenWord> words;
  std::vector<std::size_t> line_begins;  // words that begin a line, the first one left out
  double wrap_w = 0;  // pixels: the narrowest width that keeps the lines few; 0: the whole box
  bool lines_given = false;  // lines break at `line_begins` and nowhere else
  bool operator==(const CaptionPage&) const = default;
};

// Breaks at sentence ends and pauses first, then where max_lines are full (pages of like length,
// at commas where that costs little). A word too long to be one (text without spaces) is split
// where a line may break, its time in proportion. `offset`: when the speech starts.
// InvalidArgument: as RasteriseText.
absl::StatusOr<std::vector<CaptionPage>> PaginateCaptions(const std::vector<SpokenWord>& words,
                                                          absl::Duration offset,
                                                          const CaptionSpec& spec);

// A page for each cue, for as long as the cue is, its lines as the file breaks them where they fit;
// a cue that does not fit is several pages. Errors as above.
absl::StatusOr<std::vector<CaptionPage>> PaginateCues(const std::vector<SubtitleCue>& cues,
                                                      absl::Duration offset,
                                                      const CaptionSpec& spec);

// The page while its `active_word`-th word is spoken (−1: none yet), `word_phase` of the way into
// it. Lines never reflow within a page.
absl::StatusOr<RasterText> RasteriseCaption(const CaptionSpec& spec,
                                            const CaptionPage& page,
                                            int active_word,
                                            double word_phase = 0);

// The phase that stands for all those that look like `phase` in a word of so many graphemes:
// frames that look the same say the same.
double VisiblePhase(CaptionEffect effect, double phase, std::size_t graphemes);

// Sidecars: UTF-8, times to the millisecond, the lines as on screen.
std::string ToSrt(const std::vector<CaptionPage>& pages);
std::string ToVtt(const std::vector<CaptionPage>& pages);

}  // namespace rn
