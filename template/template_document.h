// A template's text as JSON that is safe to walk: bounded in bytes, depth and strings, every key
// once.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "template/problem.h"

namespace rn {

struct TemplateLimits {
  std::size_t json_bytes_max = 1 << 20;
  int depth_max = 24;
  std::size_t string_bytes_max = 20'000;  // as SpeechEngines::kScriptBytesMax
  std::size_t key_bytes_max = 200;        // every mistake below it repeats it
  std::size_t scenes_max = 200;
  std::size_t elements_max = 1'000;
};

// Null when the text is not JSON within `limits`; the reasons are in `problems`.
nlohmann::json ParseDocument(absl::string_view text,
                             const TemplateLimits& limits,
                             std::vector<Problem>* problems);

// One step of a JSON pointer, with "~" and "/" escaped (RFC 6901).
std::string PointerStep(absl::string_view key);

}  // namespace rn
