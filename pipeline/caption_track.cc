#include "pipeline/caption_track.h"

#include <algorithm>

#include "pipeline/caption_text.h"
#include "pipeline/timeline.h"
#include "template/unicode.h"

namespace rn {

CaptionTrack::CaptionTrack(const CaptionSpec& spec,
                           const std::vector<CaptionPage>& pages,
                           FrameRate rate)
    : effect_(spec.effect) {
  pages_.reserve(pages.size());
  for (const CaptionPage& page : pages) {
    Page placed;
    placed.frames = {NearestFrame(page.begin, rate), NearestFrame(page.end, rate)};
    if (effect_ != CaptionEffect::kNone) {
      for (const SpokenWord& word : page.words) {
        placed.words.push_back({NearestFrame(word.begin, rate),
                                NearestFrame(word.end, rate),
                                GraphemeCount(ShownText(spec, {&word, 1}, nullptr))});
      }
    }
    pages_.push_back(std::move(placed));
  }
}

bool CaptionTrack::TurnTo(std::int64_t n, Draw* draw) const {
  const auto after =
      std::upper_bound(pages_.begin(), pages_.end(), n, [](std::int64_t at, const Page& page) {
        return at < page.frames.begin;
      });
  if (after == pages_.begin() || !std::prev(after)->frames.Contains(n)) return false;
  const auto page = std::prev(after);
  draw->page = static_cast<int>(page - pages_.begin());
  const auto next = std::upper_bound(
      page->words.begin(), page->words.end(), n, [](std::int64_t at, const Word& word) {
        return at < word.begin;
      });
  draw->active_word = static_cast<int>(next - page->words.begin()) - 1;
  if (draw->active_word < 0) return true;
  const Word& word = *std::prev(next);
  const double phase = n >= word.end ? 1
                                     : static_cast<double>(n - word.begin) /
                                           static_cast<double>(word.end - word.begin);
  draw->word_phase = VisiblePhase(effect_, phase, word.graphemes);
  return true;
}

}  // namespace rn
