// What waits to be rendered, as the store tells it and the scheduler weighs it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace rn {

enum class JobPriority { kLow = 0, kNormal = 1, kHigh = 2 };

// A job with items that wait or are leased.
struct WaitingJob {
  std::string job_id, tenant;
  JobPriority priority = JobPriority::kNormal;
  absl::Time created_at;
  absl::Time deadline_at = absl::InfiniteFuture();
  std::string spec_digest;
  std::int64_t pending = 0;  // Items that may be leased, some of them only after a back-off.
  std::int64_t leased = 0;
  std::set<std::string> refused_nodes;
  std::vector<std::uint64_t> assets;  // Files that all its items need, by DigestPrefix().
};

// The next items of a job that may start now, in order of row.
struct WaitingItems {
  std::vector<std::string> ids;
  std::map<std::string, std::string> avoided;  // By item: the node that must not get it now.
  bool more = false;                           // There are others behind these.
};

}  // namespace rn
