// The work of the whole farm that is not done yet, as the scheduler knows it, kept true to the
// store.
//
// The store is the authority: it leases only what still waits. What is decided here on an old view
// costs a try in vain and a new look, no more. So the store is not asked who waits for each grant,
// but once something changed that was not seen here, and while nodes ask at least every
// `look_interval`: other coordinators change things, too, and back-offs end without a noise. Items
// are read a page at a time, when their job's turn comes.
//
// Each coordinator of a farm has a backlog of its own: beside others, what tenants were given, and
// how fast nodes are, is what this one gave and saw.
// A restart loses nothing but what was learned of speeds, and who had how much of the farm before.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "coordinator/scheduler.h"
#include "coordinator/store.h"

namespace rn {

struct BacklogOptions {
  SchedulerOptions scheduler;
  absl::Duration look_interval = absl::Milliseconds(500);  // While nodes ask.
  int items_per_page = 512;                                // Of one job.
  // In one transaction, or a few more: bounds how long commits wait for it.
  std::int64_t items_per_grant = 256;
};

// Thread-safe; HandOut() is for one thread at a time.
class Backlog {
 public:
  // The references outlive us.
  Backlog(Store& store, Clock& clock, BacklogOptions options);

  // Leases the items in the store, all in one transaction; how many still waited. An error ends
  // HandOut(), which passes it on.
  using Grant =
      absl::FunctionRef<absl::StatusOr<std::int64_t>(absl::Span<const Assignment> assignments)>;

  // Until nobody wants anything or nothing waits, or for about `look_interval`: then the rest is
  // for the next call, which NextLook() asks for soon, and those who were served are not kept
  // waiting. Blocks on the store, also when nobody asks.
  absl::Status HandOut(std::vector<Asker> askers, Grant grant);

  // How long until HandOut() should be called even if nobody asks anew. Does not block.
  absl::Duration NextLook() const;

  // The store was changed, and not by a Commit() that ended well or a grant. Does not block.
  void Changed();

  // As Scheduler::HasWork.
  bool HasWork() const;

  // As Store::Commit, of what `node_id` holds.
  absl::StatusOr<rendernode::CommitItemResponse::Verdict> Commit(
      const rendernode::CommitItemRequest& request, const std::string& node_id);

  void SetNode(const FarmNode& node);
  void ForgetNode(const std::string& node_id);
  // Those of the configuration; what operators set for a tenant in the store goes before.
  void SetShares(TenantShares shares);

  // As Scheduler::Foretell.
  std::optional<Forecast> Foretell(const std::string& job_id) const;

 private:
  absl::StatusOr<std::int64_t> GrantAll(absl::Span<const Assignment> assignments,
                                        Grant grant) const;
  absl::Status RefreshIfDue(bool asked);
  absl::Status Refresh();
  absl::Status LearnShares();
  const std::vector<std::uint64_t>& AssetsOf(const std::string& spec_digest);
  absl::Status Load(const std::vector<std::string>& job_ids, std::int64_t wanted);

  Store& store_;
  Clock& clock_;
  const BacklogOptions options_;

  mutable Mutex changes_;
  bool changed_ ABSL_GUARDED_BY(changes_) = true;
  absl::Duration refreshed_at_ ABSL_GUARDED_BY(changes_) = -absl::InfiniteDuration();
  // Reading takes time; a store that changes all the time is not read all the time.
  absl::Duration spacing_ ABSL_GUARDED_BY(changes_);

  mutable Mutex scheduling_;
  TenantShares configured_ ABSL_GUARDED_BY(scheduling_);
  Scheduler scheduler_ ABSL_GUARDED_BY(scheduling_);
  // By job: commits of which the store may know already and the scheduler does not.
  std::map<std::string, std::int64_t> committing_ ABSL_GUARDED_BY(scheduling_);

  // HandOut()'s alone. By spec, of the jobs that there are.
  std::map<std::string, std::vector<std::uint64_t>> assets_;
};

}  // namespace rn
