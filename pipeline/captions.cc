#include "pipeline/captions.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "pipeline/caption_text.h"
#include "pipeline/caption_words.h"
#include "pipeline/text_layout.h"

namespace rn {
namespace {

UniqueLayout LayOutWords(const CaptionSpec& spec, std::string text, double width) {
  const TextSpec text_spec = CaptionTextSpec(spec, std::move(text), width);
  return LayOut(text_spec, text_spec.style.font_size_px, Breaking::kAnywhere);
}

// Words of one sentence cut into pages: the fewest, then the most even ones.
class Paginator {
 public:
  Paginator(const CaptionSpec& spec, std::vector<SpokenWord> words)
      : spec_(spec), words_(std::move(words)) {
    chars_.reserve(words_.size() + 1);
    chars_.push_back(0);
    for (const SpokenWord& word : words_) {
      chars_.push_back(chars_.back() + static_cast<double>(CharacterCount(word.text)) + 1);
    }
  }

  std::vector<CaptionPage> PaginateAsOne() {
    std::vector<CaptionPage> pages;
    for (const WordRange& range : Break({0, words_.size()})) pages.push_back(MakePage(range));
    return pages;
  }

  std::vector<CaptionPage> Paginate() {
    std::vector<CaptionPage> pages;
    const std::vector<WordRange> sentences = MergeShort(SplitSentences(words_));
    for (const WordRange& sentence : sentences) {
      for (const WordRange& range : Break(sentence)) pages.push_back(MakePage(range));
    }
    return pages;
  }

 private:
  bool FitsPage(const WordRange& range) const {
    const UniqueLayout layout = LayOutWords(spec_, TextBetween(range), spec_.box_w);
    return pango_layout_get_line_count(layout.get()) <= spec_.max_lines;
  }

  std::string TextBetween(const WordRange& range) const {
    return ShownText(spec_, {words_.data() + range.begin, range.end - range.begin}, nullptr);
  }

  // "Fast. Simple. Yours." is one page, not three flashes.
  std::vector<WordRange> MergeShort(const std::vector<WordRange>& sentences) const {
    std::vector<WordRange> merged;
    for (const WordRange& sentence : sentences) {
      if (!merged.empty()) {
        const WordRange both{merged.back().begin, sentence.end};
        const absl::Duration shown =
            words_[sentence.begin].begin - words_[merged.back().begin].begin;
        const absl::Duration pause = words_[sentence.begin].begin - words_[sentence.begin - 1].end;
        if (shown < kPageShownMin && pause < kSentencePauseMin && FitsPage(both)) {
          merged.back() = both;
          continue;
        }
      }
      merged.push_back(sentence);
    }
    return merged;
  }

  // reach[i]: one past the last word of the longest page that begins with the i-th.
  std::vector<std::size_t> Reach(const WordRange& sentence) const {
    std::vector<std::size_t> reach(sentence.end - sentence.begin);
    std::size_t end = sentence.begin;
    for (std::size_t i = sentence.begin; i < sentence.end; ++i) {
      end = std::max(end, i + 1);  // A word alone is a page even where it does not fit.
      while (end < sentence.end && FitsPage({i, end + 1})) ++end;
      reach[i - sentence.begin] = end;
    }
    return reach;
  }

  std::vector<WordRange> Break(const WordRange& sentence) const {
    if (FitsPage(sentence)) return {sentence};
    const std::vector<std::size_t> reach = Reach(sentence);
    const std::size_t count = reach.size();
    double fullest = 0;
    for (std::size_t i = 0; i < count; ++i) {
      fullest = std::max(fullest, Characters({sentence.begin + i, reach[i]}));
    }
    // More than any evenness can save: the fewest pages win.
    const double page_cost = std::pow(Characters(sentence), 2) + 1;
    constexpr double kBrokenPhrase = 0.4;  // of a full page: what a break within a phrase may cost
    const double phrase_cost = std::pow(kBrokenPhrase * fullest, 2);
    std::vector<double> cost(count + 1, 0);
    std::vector<std::size_t> next(count, count);
    for (std::size_t i = count; i-- > 0;) {
      cost[i] = HUGE_VAL;
      for (std::size_t j = i + 1; j <= reach[i] - sentence.begin; ++j) {
        const WordRange page{sentence.begin + i, sentence.begin + j};
        const bool broken = j < count && !EndsClause(words_[page.end - 1].text);
        const double total =
            page_cost + std::pow(Characters(page), 2) + (broken ? phrase_cost : 0) + cost[j];
        if (total < cost[i]) {
          cost[i] = total;
          next[i] = j;
        }
      }
    }
    std::vector<WordRange> pages;
    for (std::size_t i = 0; i < count; i = next[i]) {
      pages.push_back({sentence.begin + i, sentence.begin + next[i]});
    }
    return pages;
  }

  double Characters(const WordRange& range) const {
    return chars_[range.end] - chars_[range.begin];
  }

  CaptionPage MakePage(const WordRange& range) const {
    CaptionPage page;
    page.words.assign(words_.begin() + static_cast<std::ptrdiff_t>(range.begin),
                      words_.begin() + static_cast<std::ptrdiff_t>(range.end));
    page.begin = page.words.front().begin;
    page.end = page.words.back().end;
    page.wrap_w = WidthFor(TextBetween(range));
    page.line_begins = LineBegins(page);
    return page;
  }

  // Two lines of like length instead of a full one and a single word.
  double WidthFor(const std::string& text) const {
    const TextSpec spec = CaptionTextSpec(spec_, text, spec_.box_w);
    const double size = spec.style.font_size_px;
    const UniqueLayout layout = LayOut(spec, size, Breaking::kAnywhere);
    const bool overfull = pango_layout_get_line_count(layout.get()) > spec_.max_lines;
    return overfull ? spec_.box_w : NarrowestWidth(spec, size);
  }

  std::vector<std::size_t> LineBegins(const CaptionPage& page) const {
    std::vector<WordRange> bytes;
    const UniqueLayout layout =
        LayOutWords(spec_, ShownText(spec_, page.words, &bytes), page.wrap_w);
    std::vector<std::size_t> begins;
    for (const GSList* line = pango_layout_get_lines_readonly(layout.get()); line != nullptr;
         line = line->next) {
      const auto start =
          static_cast<std::size_t>(static_cast<const PangoLayoutLine*>(line->data)->start_index);
      const auto word = std::find_if(
          bytes.begin(), bytes.end(), [&](const WordRange& b) { return b.begin == start; });
      if (start > 0 && word != bytes.end()) {
        begins.push_back(static_cast<std::size_t>(word - bytes.begin()));
      }
    }
    return begins;
  }

  const CaptionSpec& spec_;
  const std::vector<SpokenWord> words_;
  std::vector<double> chars_;  // before each word
};

// Extends each page to the next one, or for as long as it takes to read it.
void StretchPages(std::vector<CaptionPage>* pages) {
  for (std::size_t i = 0; i < pages->size(); ++i) {
    CaptionPage& page = (*pages)[i];
    const absl::Duration next =
        i + 1 < pages->size() ? (*pages)[i + 1].begin : absl::InfiniteDuration();
    page.end = next - page.end < kGapKeptMax
                   ? next
                   : std::min(next, std::max(page.end, page.begin + kPageShownMin));
  }
}

// The cue as one page with the file's own lines; nothing where they do not fit.
std::optional<CaptionPage> PageAsGiven(const SubtitleCue& cue,
                                       absl::Duration offset,
                                       const CaptionSpec& spec) {
  if (cue.line_begins.empty() ||
      cue.line_begins.size() >= static_cast<std::size_t>(spec.max_lines)) {
    return std::nullopt;
  }
  CaptionPage page;
  page.lines_given = true;
  const std::vector<SpokenWord> words = OnTimeline(cue.words, offset);
  if (words.size() != cue.words.size()) return std::nullopt;  // Some had nothing in them.
  std::size_t begin = 0;
  for (std::size_t line = 0; line <= cue.line_begins.size(); ++line) {
    const std::size_t end = line < cue.line_begins.size() ? cue.line_begins[line] : words.size();
    if (line > 0) page.line_begins.push_back(page.words.size());
    const auto at = [&](std::size_t i) { return words.begin() + static_cast<std::ptrdiff_t>(i); };
    const std::vector<SpokenWord> split = SplitLongWords({at(begin), at(end)});
    page.words.insert(page.words.end(), split.begin(), split.end());
    begin = end;
  }
  std::vector<WordRange> bytes;
  const TextSpec text = PageTextSpec(spec, page, &bytes);
  const UniqueLayout layout = LayOut(text, text.style.font_size_px, Breaking::kAnywhere);
  const auto lines = static_cast<std::size_t>(pango_layout_get_line_count(layout.get()));
  if (lines > cue.line_begins.size() + 1) return std::nullopt;
  return page;
}

}  // namespace

absl::StatusOr<std::vector<CaptionPage>> PaginateCues(const std::vector<SubtitleCue>& cues,
                                                      absl::Duration offset,
                                                      const CaptionSpec& spec) {
  RETURN_IF_ERROR(CheckCaptionSpec(spec));
  std::vector<CaptionPage> pages;
  for (const SubtitleCue& cue : cues) {
    for (const SpokenWord& word : cue.words) {
      RETURN_IF_ERROR(CheckText(CaptionTextSpec(spec, word.text, spec.box_w)));
    }
    std::vector<CaptionPage> of_cue;
    if (auto given = PageAsGiven(cue, offset, spec)) {
      of_cue.push_back(*std::move(given));
    } else {
      Paginator paginator(spec, SplitLongWords(OnTimeline(cue.words, offset)));
      of_cue = paginator.PaginateAsOne();
    }
    for (std::size_t i = 0; i < of_cue.size(); ++i) {
      CaptionPage& page = of_cue[i];
      page.begin = i == 0 ? cue.begin + offset : page.words.front().begin;
      page.end = i + 1 < of_cue.size() ? of_cue[i + 1].words.front().begin : cue.end + offset;
      pages.push_back(std::move(page));
    }
  }
  return pages;
}

absl::StatusOr<std::vector<CaptionPage>> PaginateCaptions(const std::vector<SpokenWord>& words,
                                                          absl::Duration offset,
                                                          const CaptionSpec& spec) {
  RETURN_IF_ERROR(CheckCaptionSpec(spec));
  for (const SpokenWord& word : words) {
    RETURN_IF_ERROR(CheckText(CaptionTextSpec(spec, word.text, spec.box_w)));
  }
  Paginator paginator(spec, SplitLongWords(OnTimeline(words, offset)));
  std::vector<CaptionPage> pages = paginator.Paginate();
  StretchPages(&pages);
  return pages;
}

}  // namespace rn
