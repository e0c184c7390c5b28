// The operators' first key, in a file on the coordinator's machine: with it they make all others.
#pragma once

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"

namespace rn {

// The key in the file. Where there is no file, one is made first, of mode 0600, with a new key.
// PermissionDenied: others may read it. InvalidArgument: what it holds is too short to be a key, or
// holds blanks.
absl::StatusOr<std::string> LoadOrMakeAdminKey(const std::filesystem::path& path);

}  // namespace rn
