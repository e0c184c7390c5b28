// Opening a file that somebody untrusted named, if it lies where it may.
#pragma once

#include <filesystem>
#include <vector>

#include "absl/status/statusor.h"
#include "base/file.h"

namespace rn {

// The regular file at `path`, open for reading. What counts is where the opened file really is,
// after all symbolic links: PermissionDenied unless that is inside one of `folders`. NotFound and
// other errors of opening; InvalidArgument: not absolute, or no regular file.
absl::StatusOr<UniqueFd> OpenWithin(const std::filesystem::path& path,
                                    const std::vector<std::filesystem::path>& folders);

}  // namespace rn
