// What the paths of the API have in common: "/api/v1/things/{id}/action".
#pragma once

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace rn {

// Whether `path` has the form of `pattern`; `id` is then what stands for "{id}", "" without one.
bool MatchesPath(absl::string_view pattern, absl::string_view path, std::string& id);

// 1 to `chars_max` letters, digits, '_' and '-'. Whatever else is asked for, nobody has.
bool IsPlausibleId(absl::string_view id, std::size_t chars_max);

}  // namespace rn
