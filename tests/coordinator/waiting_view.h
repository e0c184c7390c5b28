// What a store says of everything that waits, in one look.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/store.h"

namespace rn {

struct WaitingView : WaitingJob {
  std::vector<std::string> items;
  std::map<std::string, std::string> avoided;
};

// Jobs with up to `per_job` items each that may start at `now`; those without one are left out.
inline std::vector<WaitingView> ViewWaiting(Store& store, int per_job, absl::Time now) {
  const auto jobs = store.OpenJobs(now);
  EXPECT_TRUE(jobs.ok()) << jobs.status();
  std::vector<WaitingView> views;
  for (const WaitingJob& job : jobs.value_or(std::vector<WaitingJob>())) {
    if (job.pending == 0) {
      continue;
    }
    auto items = store.ReadyItems(job.job_id, per_job, now);
    EXPECT_TRUE(items.ok()) << items.status();
    if (items.ok() && !items->ids.empty()) {
      views.push_back({job, std::move(items->ids), std::move(items->avoided)});
    }
  }
  return views;
}

}  // namespace rn
