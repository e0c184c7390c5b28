// A mistake in a template or in what fills it.
#pragma once

#include <string>

namespace rn {

struct Problem {
  std::string pointer;  // JSON pointer into the template, or "row 7: image_url"
  std::string message;  // what is wrong and what would be valid
};

}  // namespace rn
