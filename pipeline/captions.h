// Captions: words with times → pages on screen, their pixels, and the SRT/VTT sidecars.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pipeline/speech.h"
#include "pipeline/text.h"

namespace rn {

enum class CaptionEffect { kNone, kHighlight };

struct CaptionSpec {
  TextStyle style;
  CaptionEffect effect = CaptionEffect::kNone;
  Rgba active{255, 255, 255, 255};  // fill of the spoken word under kHighlight
  int max_lines = 2;
  double box_w = 0, box_h = 0;  // pixels
};

// What stands on screen at once. Times are on the timeline (not from the speech's start).
struct CaptionPage {
  absl::Duration begin, end;  // [begin, end); pages never overlap
  std::vector<SpokenWord> words;
};

// Breaks at sentence ends and pauses first, then where max_lines are full; a page stays until the
// next begins when the gap is below `kGapKeptMax`. `offset`: when the speech starts.
absl::StatusOr<std::vector<CaptionPage>> PaginateCaptions(const std::vector<SpokenWord>& words,
                                                          absl::Duration offset,
                                                          const CaptionSpec& spec);

// The page with its `active_word`-th word highlighted; −1: none. Lines never reflow between words.
absl::StatusOr<RasterText> RasteriseCaption(const CaptionSpec& spec,
                                            const CaptionPage& page,
                                            int active_word);

std::string ToSrt(const std::vector<CaptionPage>& pages);
std::string ToVtt(const std::vector<CaptionPage>& pages);

}  // namespace rn
