// What a running coordinator may change about itself (SIGHUP).
#pragma once

#include "absl/status/status.h"
#include "coordinator/config.h"

namespace rn {

// OK when a coordinator that runs with `now` can go on with `next`. FailedPrecondition: names every
// changed key that only a restart brings into effect; then nothing is changed.
absl::Status CheckReloadable(const CoordinatorConfig& now, const CoordinatorConfig& next);

}  // namespace rn
