// What may leave the machine in a support bundle: text without the secrets that could be in it.
#pragma once

#include <map>
#include <string>

#include "absl/strings/string_view.h"

namespace rn {

// Stands where a secret stood.
inline constexpr char kRemoved[] = "(removed)";

// Without PEM blocks, "Bearer …" and "Basic …", user:password@ of URLs, and what a URL carries
// after its "?" (signatures, API keys).
std::string Redacted(absl::string_view text);

// A configuration by key. Values of keys that sound like a secret (password, secret, token,
// api_key, credential) go, but for paths: "…_file" stays; of an `environment` only the names stay;
// the rest as above.
std::map<std::string, std::string> RedactedConfig(const std::map<std::string, std::string>& values);

}  // namespace rn
