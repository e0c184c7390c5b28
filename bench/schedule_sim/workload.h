// A farm and what its tenants want of it, made up from a seed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "coordinator/scheduler.h"

namespace rn::sim {

// Seconds of virtual time from the beginning.
using Seconds = double;

struct SimNode {
  double speed = 1;
};

struct SimTenant {
  std::string name;
  TenantShare share;
};

struct SimJob {
  int tenant = 0;
  JobPriority priority = JobPriority::kNormal;
  Seconds arrives = 0;
  Seconds deadline = 0;  // 0: none.
  std::int64_t items = 0;
  Seconds work = 0;         // Of an item, on a node of speed 1.
  std::vector<int> assets;  // That all of its items need.
};

struct Workload {
  std::vector<SimNode> nodes;
  std::vector<SimTenant> tenants;
  std::vector<SimJob> jobs;  // In order of arrival.
  int assets = 0;
};

struct WorkloadSize {
  int nodes = 10'000;
  std::int64_t items = 1'000'000;
  unsigned seed = 1;
};

// Nodes of three generations, the newest four times as fast as the oldest. Eight tenants of
// different weights, of which some want far more than their share and some less; one may only use a
// part of the farm. Jobs of 10 to 10,000 items; half have a deadline, some of them too tight. They
// come over the time in which the farm could do them at 85 %, but two thirds of the time evenly and
// else in bursts, in which a tenant brings many at once.
Workload MakeWorkload(const WorkloadSize& size);

}  // namespace rn::sim
