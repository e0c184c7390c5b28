#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace rn {

// HMAC-SHA256 of `data`: 32 bytes, as they are.
std::string HmacSha256(absl::string_view key, absl::string_view data);

}  // namespace rn
