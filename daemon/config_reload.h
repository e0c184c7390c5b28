// What a running daemon may change about itself (SIGHUP).
#pragma once

#include "absl/status/status.h"
#include "daemon/config.h"

namespace rn {

// OK when a daemon that runs with `now` can go on with `next`. FailedPrecondition: names every
// changed key that only a restart brings into effect; then nothing is changed.
absl::Status CheckReloadable(const DaemonConfig& now, const DaemonConfig& next);

}  // namespace rn
