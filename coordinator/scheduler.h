// Who gets what: which waiting items go to which asking nodes. Pure and deterministic.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "coordinator/store.h"

namespace rn {

// A node that already holds a job's spec and assets gets that job's items first, as long as the job
// is ahead of its equals by no more than this many items under way.
inline constexpr std::int64_t kAffinityItems = 4;

// A node that waits for leases.
struct Asker {
  std::string session;
  std::string node_id;
  std::int64_t want = 0;               // At most so many.
  std::set<std::string> spec_digests;  // Of the jobs that it knows already.
};

struct Assignment {
  std::string session, node_id;
  std::vector<std::string> item_ids;  // In the order in which they should start.
};

// Higher priorities first, to the last item that anybody may take. Within a priority the next item
// is of the job with the fewest under way, then of the oldest: a large job never starves a small
// one that came later. While two jobs of one priority both wait and any node may take either, their
// items under way differ by at most kAffinityItems + 1, or by what they differed before. No item
// twice, no node more than it wants, none of a job that refuses the node nor one that avoids it.
// Askers without an item are left out; the others keep their order.
std::vector<Assignment> Schedule(const std::vector<WaitingJob>& jobs,
                                 const std::vector<Asker>& askers);

}  // namespace rn
