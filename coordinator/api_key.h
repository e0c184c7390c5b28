// API keys as clients hold them, and what the store keeps of them.
//
//   rn_live_<id: 12><secret: 43><check: 6>      letters and digits
//
// The id may be shown; the store finds the key by it. The secret is 256 random bits. The check is
// of all that is before it: a key that was mistyped or cut is known without asking anybody, and
// scanners for leaked secrets can tell one for sure.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rn {

struct NewApiKey {
  std::string id;
  std::string text;  // The whole key.
};

NewApiKey MakeApiKey();

// The id in a key of this form; nothing for any other text.
std::optional<std::string> ApiKeyId(absl::string_view text);

// "rn_live_<id>": how a key is called in lists and logs.
std::string ApiKeyName(absl::string_view id);

// 16 MiB and some 50 ms for one hash.
struct ScryptCost {
  int log2_n = 14;
  int r = 8;
  int p = 1;
};

// scrypt with a random salt, as "$scrypt$ln=14,r=8,p=1$<salt>$<hash>" (base64). Slow on purpose.
std::string HashApiKey(absl::string_view text, const ScryptCost& cost = {});

// As slow as HashApiKey with the cost that `hash` names. DataLoss: `hash` is none.
absl::StatusOr<bool> ApiKeyMatches(absl::string_view text, absl::string_view hash);

}  // namespace rn
