// Looks of parts of a text, written into it: "<b>Now</b> only <color=$accent>€9</color>".
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "template/palette.h"
#include "template/text_style.h"
#include "template/unicode.h"

namespace rn {

struct MarkedText {
  std::string text;
  std::vector<TextRange> ranges;  // as TextSpec has them
};

// <b>, <i>, <u>, <s>, <color=…>, <span color="…" font="…" weight="700" style="italic" size="150%">,
// each closed by its own, and <br>. Sizes are those of the text times 10% to 500%; colours and
// fonts as elsewhere in a template. "<" begins a tag where a letter or "/" follows; "&lt;" "&gt;"
// "&amp;"
// "&quot;" "&apos;" "&nbsp;" are characters. InvalidArgument: what is wrong at which character, and
// what would be valid.
absl::StatusOr<MarkedText> ParseMarkup(absl::string_view markup, const Palette& palette);

// With its ranges around the same letters.
MarkedText InCase(const MarkedText& marked, LetterCase letter_case, const std::string& language);

}  // namespace rn
