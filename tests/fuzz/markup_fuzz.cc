// Looks written into texts and captions.
#include <cstddef>
#include <cstdint>

#include "base/status.h"
#include "template/text_markup.h"
#include "template/unicode.h"

namespace rn {
namespace {

const Palette& TestPalette() {
  static const auto& palette = *new Palette{{{"accent", {255, 0, 0, 255}}}, {{"title", "Inter"}}};
  return palette;
}

void CheckRanges(const MarkedText& marked) {
  CHECK(ValidPrefix(marked.text) == marked.text.size());
  std::size_t end = 0;
  for (const TextRange& range : marked.ranges) {
    CHECK(range.begin >= end && range.begin < range.end && range.end <= marked.text.size());
    CHECK(ValidPrefix(absl::string_view(marked.text).substr(0, range.begin)) == range.begin);
    CHECK(ValidPrefix(absl::string_view(marked.text).substr(0, range.end)) == range.end);
    CHECK(range.size > 0);
    end = range.end;
  }
}

}  // namespace
}  // namespace rn

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const absl::string_view markup(reinterpret_cast<const char*>(data), size);
  // Texts are UTF-8 before they come here.
  if (rn::ValidPrefix(markup) != markup.size()) return 0;
  const auto marked = rn::ParseMarkup(markup, rn::TestPalette());
  if (!marked.ok()) {
    CHECK(!marked.status().message().empty());
    return 0;
  }
  rn::CheckRanges(*marked);
  for (const rn::LetterCase letter_case :
       {rn::LetterCase::kUpper, rn::LetterCase::kLower, rn::LetterCase::kCapitalized}) {
    rn::CheckRanges(rn::InCase(*marked, letter_case, size % 2 == 0 ? "" : "tr"));
  }
  return 0;
}
