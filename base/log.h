// Logging set-up. Call sites use spdlog directly: SPDLOG_INFO("lease granted item={} fence={}", …).
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rn {

// Lines on stderr: "<RFC 3339 time> <level> <program> <message>". Level: trace … error.
// Messages are `what happened key=value …`, so that journald and grep both serve.
absl::Status InitLogging(absl::string_view program, absl::string_view level);

// Another level from now on. Precondition: InitLogging takes it.
void SetLogLevel(absl::string_view level);

}  // namespace rn
