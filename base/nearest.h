// "did you mean": the nearest valid name to a misspelt one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace rn {

// The candidate with the fewest edits (insert, delete, replace, swap), if close enough to help.
std::optional<std::string> Nearest(absl::string_view name,
                                   const std::vector<std::string>& candidates);

// `unknown style "modren"; did you mean "modern"? Valid: casual, modern, premium`.
std::string UnknownName(absl::string_view kind,
                        absl::string_view name,
                        const std::vector<std::string>& valid);

}  // namespace rn
