// The rules that every store keeps, whatever database is behind it.
#pragma once

#include "absl/time/time.h"
#include "coordinator/store.h"

namespace rn {

struct StoreLimits {
  RetryLimits retry;
  LeaseLimits lease;
  absl::Duration busy_timeout = absl::Seconds(5);  // SQLite: another process has the file.
  absl::Duration audit_kept = absl::Hours(24 * 400);
};

}  // namespace rn
