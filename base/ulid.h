// ULIDs: 26 Crockford base-32 characters, sortable by time of creation.
#pragma once

#include <string>

#include "absl/time/time.h"

namespace rn {

// 48 bits of milliseconds, 80 random bits. Thread-safe.
std::string NewUlid(absl::Time now);

}  // namespace rn
