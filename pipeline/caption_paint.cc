// Caption pages to pixels: the effects. RasteriseCaption and VisiblePhase of captions.h.
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/status.h"
#include "pipeline/caption_text.h"
#include "pipeline/captions.h"
#include "pipeline/text_layout.h"
#include "pipeline/text_paint.h"
#include "template/unicode.h"

namespace rn {
namespace {

// Of the time that its word takes, a pop grows until kPopPeak and is at rest from kPopRest on.
constexpr double kPopPeak = 0.25;
constexpr double kPopRest = 0.7;
constexpr double kPopGrowth = 0.14;  // × its size, at the peak
// A word grows by this many letters at most: half of it on each side is less than a blank.
constexpr double kPopLetters = 0.6;

double PopGrowth(std::size_t graphemes) {
  return std::min(kPopGrowth,
                  kPopLetters / static_cast<double>(std::max<std::size_t>(1, graphemes)));
}

double PopScale(double phase, double growth) {
  if (phase <= 0 || phase >= kPopRest) return 1;
  if (phase < kPopPeak) {
    const double left = 1 - phase / kPopPeak;
    return 1 + growth * (1 - left * left);
  }
  const double t = (phase - kPopPeak) / (kPopRest - kPopPeak);
  return 1 + growth * (1 - t * t * (3 - 2 * t));
}

// Graphemes of a word of `count` that are typed at `phase`: each takes an equal share of the time
// and is there from the share's beginning on.
std::size_t Typed(double phase, std::size_t count) {
  constexpr double kExact = 1e-9;  // so that a share's beginning belongs to it
  const auto begun = static_cast<std::size_t>(phase * static_cast<double>(count) + kExact);
  return std::min(count, begun + 1);
}

class PageParts {
 public:
  PageParts(const CaptionSpec& spec, const TextSpec& text, const std::vector<WordRange>& words)
      : spec_(spec), text_(text), words_(words) {}

  std::vector<TextPart> At(int active_word, double phase) {
    const int last = static_cast<int>(words_.size()) - 1;
    const std::size_t end = text_.text.size();
    if (active_word > last) active_word = last;
    if (spec_.effect == CaptionEffect::kNone || active_word < 0) {
      // What types itself has typed nothing yet.
      if (spec_.effect != CaptionEffect::kTypewriter) Add(0, end);
      return std::move(parts_);
    }
    const WordRange& word = words_[static_cast<std::size_t>(active_word)];
    switch (spec_.effect) {
      case CaptionEffect::kNone:
        break;
      case CaptionEffect::kHighlight:
      case CaptionEffect::kPop:
        Add(0, word.begin);
        Add(word.begin, word.end).fill = spec_.active;
        if (spec_.effect == CaptionEffect::kPop) {
          const absl::string_view letters =
              absl::string_view(text_.text).substr(word.begin, word.end - word.begin);
          const double growth = PopGrowth(GraphemeCount(letters));
          parts_.back().scale = PopScale(phase, growth);
          parts_.back().room = 1 + growth;
        }
        Add(word.end, end);
        break;
      case CaptionEffect::kKaraoke:
        AddKaraoke(word, phase);
        break;
      case CaptionEffect::kTypewriter: {
        const std::vector<std::size_t> graphemes =
            GraphemeEnds(absl::string_view(text_.text).substr(word.begin, word.end - word.begin));
        if (graphemes.empty()) break;
        Add(0, word.begin + graphemes[Typed(phase, graphemes.size()) - 1]);
        break;
      }
    }
    return std::move(parts_);
  }

 private:
  TextPart& Add(std::size_t begin, std::size_t end) {
    parts_.push_back({.begin = begin, .end = end});
    return parts_.back();
  }

  void AddKaraoke(const WordRange& word, double phase) {
    const bool sung = phase >= 1;
    const std::size_t coloured_end = sung ? word.end : word.begin;
    if (coloured_end > 0) Add(0, coloured_end).fill = spec_.active;
    if (!sung) {
      TextPart& singing = Add(word.begin, word.end);
      if (phase > 0) {
        singing.swept = spec_.active;
        singing.sweep = phase;
      }
    }
    Add(word.end, text_.text.size());
  }

  const CaptionSpec& spec_;
  const TextSpec& text_;
  const std::vector<WordRange>& words_;
  std::vector<TextPart> parts_;
};

}  // namespace

double VisiblePhase(CaptionEffect effect, double phase, std::size_t graphemes) {
  phase = std::clamp(phase, 0.0, 1.0);
  switch (effect) {
    case CaptionEffect::kNone:
    case CaptionEffect::kHighlight:
      return 0;
    case CaptionEffect::kKaraoke:
      return phase;
    case CaptionEffect::kPop:
      return phase >= kPopRest ? 1 : phase;
    case CaptionEffect::kTypewriter:
      if (graphemes == 0) return 1;
      return static_cast<double>(Typed(phase, graphemes) - 1) / static_cast<double>(graphemes);
  }
  return 0;
}

absl::StatusOr<RasterText> RasteriseCaption(const CaptionSpec& spec,
                                            const CaptionPage& page,
                                            int active_word,
                                            double word_phase) {
  RETURN_IF_ERROR(CheckCaptionSpec(spec));
  std::vector<WordRange> bytes;
  const TextSpec text = PageTextSpec(spec, page, &bytes);
  RETURN_IF_ERROR(CheckText(text));
  const SetText& set = SetInBox(text);
  const std::vector<TextPart> parts = PageParts(spec, text, bytes).At(active_word, word_phase);
  ASSIGN_OR_RETURN(RasterText raster, PaintText(set, parts));
  raster.x += OffsetOf(set.layout.get(), spec.style.align, spec.box_w - text.box_w);
  return raster;
}

}  // namespace rn
