// Whether a template, its overrides and every row of a sheet would render, as far as that shows
// without speaking, fetching and painting.
#pragma once

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"
#include "ctl/local_job.h"

namespace rn {

// What was checked, for people. InvalidArgument: every mistake at once, a line each, with the JSON
// pointer or the row and the nearest valid name. `sheet` may be empty: the template alone.
absl::StatusOr<std::string> Validate(const LocalJobArgs& args, const std::filesystem::path& sheet);

}  // namespace rn
