// Secrets that must be used as they are, kept so that the store alone gives none away: AES-256-GCM
// under a key that is not in the store.
//
//   "gcm1:" base64(nonce: 12 bytes, the secret encrypted, tag: 16 bytes)
#pragma once

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rn {

// Immutable, hence thread-safe.
class SecretBox {
 public:
  // The file holds 64 hex digits. PermissionDenied: others may read it. InvalidArgument: it holds
  // something else.
  static absl::StatusOr<SecretBox> Load(const std::filesystem::path& path);

  // Opens under the same key for the same `owner` alone: nobody's secret can be put in another's
  // place.
  std::string Seal(absl::string_view secret, absl::string_view owner) const;

  // DataLoss: sealed under another key, for another owner, or damaged.
  absl::StatusOr<std::string> Open(absl::string_view sealed, absl::string_view owner) const;

  // Whether `text` is what Seal() makes.
  static bool IsSealed(absl::string_view text);

 private:
  explicit SecretBox(std::string key) : key_(std::move(key)) {}
  std::string key_;
};

}  // namespace rn
