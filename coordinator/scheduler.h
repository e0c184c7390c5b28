// Who gets what next: which waiting items go to which asking nodes, and when each job will be done.
//
// 1. Tenants share the farm by weight: the next item is of the tenant that was given the least work
//    for its weight (start-time fair queueing). Who had nothing to do comes back without claims.
//    Clients choose their own priorities and deadlines, so these order a tenant's own jobs only.
// 2. Of one tenant: the higher priority first; within a priority the earliest deadline; after those
//    with a deadline the others, that with the fewest items under way first, then the oldest: a
//    large job does not starve a small one that came later. What could only end after its deadline
//    goes last.
// 3. Jobs that were given nothing for `starvation_after`, those that waited longest first, get one
//    of each `starving_turn` items of their tenant, whatever their priority.
// 4. A node that has a job's spec or files gets that job's items first, within bounds that
//    `affinity_items` names, A below.
//
// What it keeps to, whatever nodes ask and jobs wait:
//  - no item twice, no node more than it wants, no tenant above its `items_running_max`, nothing to
//    a node that the job refuses or the item avoids; and nothing waits beside a node that could
//    take it unless for that limit;
//  - while two tenants both have items that any node may take, and neither is at its limit, the
//    work that each was given, divided by its weight, differs by at most A + 1 items' of the one
//    that is ahead;
//  - affinity puts a job with a deadline behind others of its tenant at most A times in its life;
//    two jobs without one, of one tenant and priority, differ by at most A + 1 items under way, or
//    by what they differed before;
//  - the same calls give the same decisions.
//
// Work is in seconds on a node of speed 1: what items of the job took on the nodes that rendered
// them, times their speeds, which are learned from how long they take for the same jobs.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "coordinator/waiting_job.h"

namespace rn {

struct TenantShare {
  double weight = 1;                                                          // Above 0.
  std::int64_t items_running_max = std::numeric_limits<std::int64_t>::max();  // Leases at once.
};

struct TenantShares {
  TenantShare others;  // Of whoever is not named.
  std::map<std::string, TenantShare> named;
};

struct SchedulerOptions {
  TenantShares shares;
  std::int64_t affinity_items = 4;
  absl::Duration starvation_after = absl::Minutes(10);
  std::int64_t starving_turn = 8;
  std::size_t specs_per_node = 64;     // Remembered, the latest.
  std::size_t assets_per_node = 1024;  // Remembered, of those that it named and was given.
};

// A node as it describes itself. Said again, it replaces what was said, but not what was learned.
struct FarmNode {
  std::string node_id;
  std::int64_t slots = 0;            // Items that it renders at once; 0: takes no work.
  double frames_per_second = 0;      // Of its renders; 0: unknown.
  std::vector<std::string> specs;    // Digests of job specs that it keeps.
  std::vector<std::uint64_t> files;  // That it keeps, by DigestPrefix().
};

// A node that waits for leases.
struct Asker {
  std::string session;
  std::string node_id;
  std::int64_t want = 0;  // At most so many.
};

struct Assignment {
  std::string session, node_id;
  std::vector<std::string> item_ids;  // In the order in which they should start.
};

struct Decisions {
  std::vector<Assignment> assignments;  // In the order of the askers; none is empty.
  // Jobs whose turn it is, or will be soon, but whose items are not known: after SetItems() for
  // each of them, Decide() goes on with what the askers still want. Until then nothing passes the
  // first.
  std::vector<std::string> unknown;
};

// Why a job will not be done by its deadline, or nobody knows when.
enum class Delay {
  kNone,
  kNoNodes,      // No node takes work.
  kDeadline,     // The whole farm could not do it in time.
  kTenantLimit,  // The tenant's items_running_max.
  kTenantShare,  // The tenant's share of the farm, beside the others.
  kEarlierJobs,  // What the tenant wants done first.
};

struct Forecast {
  std::optional<absl::Duration> left;  // Until the last item is done. None: nobody can tell.
  Delay delay = Delay::kNone;          // Set when that is after the deadline.
};

// Not thread-safe. No I/O, no clock.
class Scheduler {
 public:
  explicit Scheduler(SchedulerOptions options);
  ~Scheduler();

  void SetShares(TenantShares shares);

  // All jobs that there are; what is not named is gone. The items that were known are not any
  // more, and what is leased is as said here. Tenants' claims and what was learned are kept.
  void SetJobs(std::vector<WaitingJob> jobs, absl::Time now);

  // The next items of a job; none: it has none that may start until SetJobs() is called again.
  void SetItems(const std::string& job_id, WaitingItems items);

  void SetNode(const FarmNode& node);
  void ForgetNode(const std::string& node_id);

  // Whether items wait of a tenant that may have more, as far as is known.
  bool HasWork() const;

  // What is decided counts as leased from here on; what then was not, the next SetJobs() says.
  Decisions Decide(const std::vector<Asker>& askers, absl::Time now);

  // A lease ended; `took`, of one that ended well: how long the node rendered.
  void Ended(const std::string& job_id,
             const std::string& node_id,
             std::optional<absl::Duration> took);

  // Nothing: the job is unknown here, or no item was ever finished to foretell from.
  std::optional<Forecast> Foretell(const std::string& job_id, absl::Time now) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rn
