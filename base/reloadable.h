// What a running program may take over of a configuration that it reads again (SIGHUP).
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace rn {

// Keys, and tables that end in ".". `never` are exceptions of `live`.
struct LiveKeys {
  absl::Span<const absl::string_view> live, never;
};

// `now` and `next` as ConfigReader::values(). OK when only live keys differ. FailedPrecondition:
// names every other one.
absl::Status CheckOnlyLiveKeysDiffer(const std::map<std::string, std::string>& now,
                                     const std::map<std::string, std::string>& next,
                                     const LiveKeys& keys);

}  // namespace rn
