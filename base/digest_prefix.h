// The first bytes of a digest, where a mistake costs nothing but a little speed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"

namespace rn {

// The first 16 hex digits of a SHA-256. Nothing: not that many, or no hex digits.
inline std::optional<std::uint64_t> DigestPrefix(absl::string_view sha256) {
  constexpr std::size_t kHexDigits = 16;
  std::uint64_t prefix = 0;
  if (sha256.size() < kHexDigits || !absl::SimpleHexAtoi(sha256.substr(0, kHexDigits), &prefix)) {
    return std::nullopt;
  }
  return prefix;
}

}  // namespace rn
