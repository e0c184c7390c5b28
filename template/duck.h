// A sound that makes room for others.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace rn {

// Turn down while any of the named sounds is heard.
struct Duck {
  std::vector<std::string> under;  // elements' names
  double depth_db = -10;
  absl::Duration attack = absl::Milliseconds(150);
  absl::Duration hold = absl::Milliseconds(200);
  absl::Duration release = absl::Milliseconds(500);
};

}  // namespace rn
