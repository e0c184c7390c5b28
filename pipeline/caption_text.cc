#include "pipeline/caption_text.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "template/unicode.h"

namespace rn {
namespace {

// One size for all pages: text that grows and shrinks from page to page cannot be read.
double CaptionFontSize(const CaptionSpec& spec) {
  if (!spec.style.auto_fit) return spec.style.font_size_px;
  const double filling = spec.box_h / (spec.max_lines * spec.style.line_height);
  return std::clamp(filling, spec.style.font_size_min_px, spec.style.font_size_max_px);
}

std::string LinesAsGiven(const CaptionSpec& spec,
                         const CaptionPage& page,
                         std::vector<WordRange>* bytes) {
  constexpr absl::string_view kLineSeparator = "\u2028";  // within one paragraph
  std::string text;
  const absl::Span<const SpokenWord> words(page.words);
  for (std::size_t line = 0; line <= page.line_begins.size(); ++line) {
    const std::size_t begin = line == 0 ? 0 : page.line_begins[line - 1];
    const std::size_t end = line < page.line_begins.size() ? page.line_begins[line] : words.size();
    if (line > 0) absl::StrAppend(&text, kLineSeparator);
    std::vector<WordRange> in_line;
    const std::string shown = ShownText(spec, words.subspan(begin, end - begin), &in_line);
    for (const WordRange& word : in_line) {
      bytes->push_back({text.size() + word.begin, text.size() + word.end});
    }
    absl::StrAppend(&text, shown);
  }
  return text;
}

}  // namespace

std::string ShownText(const CaptionSpec& spec,
                      absl::Span<const SpokenWord> words,
                      std::vector<WordRange>* bytes) {
  if (spec.letter_case == LetterCase::kAsWritten) return JoinWords(words, bytes);
  std::vector<SpokenWord> cased(words.begin(), words.end());
  for (SpokenWord& word : cased) {
    word.text = InCase(word.text, spec.letter_case, spec.style.language, nullptr);
  }
  return JoinWords(cased, bytes);
}

TextSpec CaptionTextSpec(const CaptionSpec& spec, std::string text, double width) {
  TextSpec result;
  result.text = std::move(text);
  result.style = spec.style;
  result.style.auto_fit = false;
  result.style.font_size_px = CaptionFontSize(spec);
  result.box_w = width;
  result.box_h = spec.box_h;
  return result;
}

TextSpec PageTextSpec(const CaptionSpec& spec,
                      const CaptionPage& page,
                      std::vector<WordRange>* bytes) {
  bytes->clear();
  std::string text =
      page.lines_given ? LinesAsGiven(spec, page, bytes) : ShownText(spec, page.words, bytes);
  const double width = page.wrap_w > 0 ? std::min(page.wrap_w, spec.box_w) : spec.box_w;
  return CaptionTextSpec(spec, std::move(text), width);
}

absl::Status CheckCaptionSpec(const CaptionSpec& spec) {
  if (spec.max_lines < 1 || !(spec.box_w >= 1)) {
    return absl::InvalidArgumentError(absl::StrCat("captions of ",
                                                   spec.max_lines,
                                                   " lines in a box ",
                                                   spec.box_w,
                                                   " pixels wide; at least 1 line and 1 pixel"));
  }
  return absl::OkStatus();
}

}  // namespace rn
