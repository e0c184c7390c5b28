// What Unicode knows about characters, through ICU: what a reader counts as one, letter case,
// emoji. All texts are UTF-8; bytes that are not count as U+FFFD.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace rn {

// How many bytes from the beginning are UTF-8; all of them where the text is.
std::size_t ValidPrefix(absl::string_view text);

// Code points.
std::size_t CharacterCount(absl::string_view text);

// A character as a reader counts it: "é" of two code points and "👩‍🚀" of three are one
// each.
std::size_t GraphemeCount(absl::string_view text);
// One past each grapheme's last byte, in order.
std::vector<std::size_t> GraphemeEnds(absl::string_view text);

// The text without the emoji, and the blanks between them, at its end.
absl::string_view WithoutTrailingEmoji(absl::string_view text);

enum class LetterCase { kAsWritten, kUpper, kLower, kCapitalized };

// Where a text came from: bytes from `from` on became bytes from `to` on.
struct CaseStep {
  std::size_t from = 0, to = 0;
};

// As the language writes it ("tr": "i" becomes "İ"; "": no language's special rules). Capitalized:
// the first letter of each word, the others as written. `steps` (may be null): in order, from
// {0, 0} to the two lengths.
std::string InCase(absl::string_view text,
                   LetterCase letter_case,
                   const std::string& language,
                   std::vector<CaseStep>* steps);

}  // namespace rn
