// Logging set-up. Call sites use spdlog directly: SPDLOG_INFO("lease granted item={} fence={}", …).
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/log_format.h"

namespace rn {

// Lines on stderr, as base/log_format.h says. Level: trace … error.
// Messages are `what happened key=value …`, so that journald and grep both serve.
absl::Status InitLogging(absl::string_view program,
                         absl::string_view level,
                         LogFormat format = LogFormat::kText);

// Another level from now on. Precondition: InitLogging takes it.
void SetLogLevel(absl::string_view level);
// The latest lines, oldest first: at most kRecentLinesMax, none before InitLogging.
inline constexpr std::size_t kRecentLinesMax = 1000;
std::vector<std::string> RecentLog();

}  // namespace rn
