// Times as subtitle files write them.
#pragma once

#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace rn {

// "[hh:]mm:ss,mmm" of SubRip; WebVTT has a point. Both are taken in both. Nothing: it is no time.
std::optional<absl::Duration> ParseSubtitleTime(absl::string_view text);

}  // namespace rn
