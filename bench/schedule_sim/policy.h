// Who gets what next, as the simulated farm asks it: the scheduler itself, and what it is held
// against.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "bench/schedule_sim/workload.h"

namespace rn::sim {

// How a job stands.
struct JobState {
  std::int64_t pending = 0, leased = 0;
};

inline constexpr std::size_t kSpecsPerNode = 8;  // That a node keeps, and the scheduler knows of.

// Jobs and nodes are named by their places in the workload.
class Policy {
 public:
  virtual ~Policy() = default;

  // The states of all jobs, after some came or ended.
  virtual void SetJobs(const std::vector<JobState>& states, Seconds now) = 0;
  // Node and job, of those among `idle` that get an item; each at most one.
  virtual std::vector<std::pair<int, int>> Assign(const std::vector<int>& idle, Seconds now) = 0;
  virtual void Ended(int job, int node, Seconds took) = 0;
  virtual std::optional<Seconds> Foretell(int job, Seconds now) const = 0;
};

// `load` outlives them.
std::unique_ptr<Policy> MakeScheduler(const Workload& load);
// The oldest job first, to whoever asks. It keeps the tenants' limits, too.
std::unique_ptr<Policy> MakeFifo(const Workload& load);

}  // namespace rn::sim
