// A farm in virtual time: nodes render what a policy gives them, and somebody takes notes.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "bench/schedule_sim/policy.h"
#include "bench/schedule_sim/workload.h"

namespace rn::sim {

struct Outcome {
  std::int64_t items_done = 0, items_missed = 0;  // Those that ended with their job's deadline.
  std::int64_t jobs_with_deadline = 0, jobs_missed = 0;
  // Of the time of all nodes while anything waited that might start: how much they were busy, and
  // how much of that was for items that were finished and not for what a node had to fetch first.
  double utilisation = 0, useful = 0;
  // Of what each tenant was entitled to by weight while the farm was too small for all that was
  // wanted, how much it got: Jain's index over all of them, and the least.
  double jain = 0, worst_share = 0;
  double spec_hits = 0;    // Items given to a node that had its job's spec.
  double mean_wait_s = 0;  // Of a job, until all of it is done.
  Seconds ends_at = 0;
  std::vector<double> eta_errors;   // Factors, 1 and above: at a quarter of each job.
  double decisions_per_second = 0;  // Of the machine that simulates.
};

// Internal: items were lost or given twice, or a tenant had more than its limit.
absl::StatusOr<Outcome> Simulate(const Workload& load, Policy& policy, unsigned seed);

}  // namespace rn::sim
