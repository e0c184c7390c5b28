// A mistake in a template or in what fills it.
#pragma once

#include <cstddef>
#include <string>

namespace rn {

struct Problem {
  std::string pointer;  // JSON pointer into the template, or "row 7: image_url"
  std::string message;  // what is wrong and what would be valid
};

// More help nobody. Lists end soon after: a hostile template must not buy a long answer.
inline constexpr std::size_t kProblemsMax = 100;

}  // namespace rn
