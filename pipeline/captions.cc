#include "pipeline/captions.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "pipeline/caption_words.h"
#include "pipeline/text_layout.h"

namespace rn {
namespace {

// One size for all pages: text that grows and shrinks from page to page cannot be read.
double CaptionFontSize(const CaptionSpec& spec) {
  if (!spec.style.auto_fit) return spec.style.font_size_px;
  const double filling = spec.box_h / (spec.max_lines * spec.style.line_height);
  return std::clamp(filling, spec.style.font_size_min_px, spec.style.font_size_max_px);
}

TextSpec TextOf(const CaptionSpec& spec, std::string text, double width) {
  TextSpec result;
  result.text = std::move(text);
  result.style = spec.style;
  result.style.auto_fit = false;
  result.style.font_size_px = CaptionFontSize(spec);
  result.box_w = width;
  result.box_h = spec.box_h;
  return result;
}

UniqueLayout LayOutWords(const CaptionSpec& spec, std::string text, double width) {
  const TextSpec text_spec = TextOf(spec, std::move(text), width);
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
    return JoinWords({words_.data() + range.begin, range.end - range.begin}, nullptr);
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
    const TextSpec spec = TextOf(spec_, text, spec_.box_w);
    const double size = spec.style.font_size_px;
    const UniqueLayout layout = LayOut(spec, size, Breaking::kAnywhere);
    const bool overfull = pango_layout_get_line_count(layout.get()) > spec_.max_lines;
    return overfull ? spec_.box_w : NarrowestWidth(spec, size);
  }

  std::vector<std::size_t> LineBegins(const CaptionPage& page) const {
    std::vector<WordRange> bytes;
    const UniqueLayout layout = LayOutWords(spec_, JoinWords(page.words, &bytes), page.wrap_w);
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

absl::Status CheckSpec(const CaptionSpec& spec) {
  if (spec.max_lines < 1 || !(spec.box_w >= 1)) {
    return absl::InvalidArgumentError(absl::StrCat("captions of ",
                                                   spec.max_lines,
                                                   " lines in a box ",
                                                   spec.box_w,
                                                   " pixels wide; at least 1 line and 1 pixel"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<CaptionPage>> PaginateCaptions(const std::vector<SpokenWord>& words,
                                                          absl::Duration offset,
                                                          const CaptionSpec& spec) {
  RETURN_IF_ERROR(CheckSpec(spec));
  for (const SpokenWord& word : words) {
    RETURN_IF_ERROR(CheckText(TextOf(spec, word.text, spec.box_w)));
  }
  Paginator paginator(spec, SplitLongWords(OnTimeline(words, offset)));
  std::vector<CaptionPage> pages = paginator.Paginate();
  StretchPages(&pages);
  return pages;
}

absl::StatusOr<RasterText> RasteriseCaption(const CaptionSpec& spec,
                                            const CaptionPage& page,
                                            int active_word) {
  RETURN_IF_ERROR(CheckSpec(spec));
  std::vector<WordRange> bytes;
  std::string text = JoinWords(page.words, &bytes);
  const double width = page.wrap_w > 0 ? std::min(page.wrap_w, spec.box_w) : spec.box_w;
  const TextSpec text_spec = TextOf(spec, std::move(text), width);
  RETURN_IF_ERROR(CheckText(text_spec));
  std::optional<ColoredRange> colored;
  if (spec.effect == CaptionEffect::kHighlight && active_word >= 0 &&
      active_word < static_cast<int>(bytes.size())) {
    const WordRange& word = bytes[static_cast<std::size_t>(active_word)];
    colored = ColoredRange{word.begin, word.end, spec.active};
  }
  const double size = text_spec.style.font_size_px;
  const UniqueLayout layout = LayOut(text_spec, size, Breaking::kAnywhere, colored);
  ASSIGN_OR_RETURN(RasterText raster, PaintLayout(layout.get(), text_spec, size));
  raster.x += OffsetOf(layout.get(), spec.style.align, spec.box_w - width);
  return raster;
}

}  // namespace rn
