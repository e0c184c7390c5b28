// The scenes of golden_test.cc: every element and effect of the template language at least once.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace rn {

// At 320 × 180, 30 frames a second. "asset:clip" is there too: the photograph, wandering.
struct Golden {
  std::string name;  // of golden/<name>.png
  std::int64_t frame = 0;
  std::string body;                               // of the template, after "output"
  std::string aspect = {};                        // a variant
  std::map<std::string, std::string> looks = {};  // "style", "color_scheme"
};

std::vector<Golden> Goldens();

}  // namespace rn
