// SHA-256 digests as text.
#pragma once

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"

namespace rn {

// 64 lower-case hex digits, and so neither a path nor a glob.
inline bool IsSha256(absl::string_view text) {
  constexpr std::size_t kHexDigits = 64;
  return text.size() == kHexDigits && std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
         });
}

}  // namespace rn
