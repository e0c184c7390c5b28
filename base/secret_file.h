// Files that hold a secret: a private key, a token.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rn {

// OK for a file that its owner and group may read and only its owner may write. PermissionDenied
// says which modes would do; NotFound: no such file.
absl::Status CheckSecretFile(const std::filesystem::path& path);

// The file's text without white space at its ends. As above, and InvalidArgument when it is empty.
absl::StatusOr<std::string> ReadSecret(const std::filesystem::path& path, std::int64_t bytes_max);

}  // namespace rn
