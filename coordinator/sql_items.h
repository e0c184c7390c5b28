// The steps that every transaction of the store is made of: an item changes its state, the counts
// of its job follow, and the job ends with its last item. All run within SqlDatabase.
//
// Between transactions: the counts of a job equal the states of its items; a leased item has a row
// in leases and no other has; the items of a terminal job are terminal.
//
// Several transactions may run at once, each statement of which sees what was committed before it.
// So whoever changes a row has locked it before it decided to: a node's row for all that its
// session does, then items, leases, and at the end jobs (job_changes.h), in the order of their ids.
// What a client does to a job locks the job's row in job_requests first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "coordinator/job_changes.h"
#include "coordinator/sql_connection.h"
#include "coordinator/store.h"

namespace rn {

inline std::int64_t Millis(absl::Time time) {
  return absl::ToUnixMillis(time);
}

// Bytes as text, for a column. DataLoss: `what` cannot be read.
std::string Encoded(const std::string& bytes);
absl::StatusOr<std::string> Decoded(const std::string& text, absl::string_view what);
absl::Status Decode(const std::string& text,
                    absl::string_view what,
                    google::protobuf::MessageLite& message);

// "<job>-<row>"
struct ItemKey {
  std::string job_id;
  std::int64_t row = 0;

  std::string id() const;
  static std::optional<ItemKey> Parse(const std::string& item_id);
  auto operator<=>(const ItemKey&) const = default;
};

struct ItemRow {
  long long state = 0, fence = 0, closed_fence = 0, failures = 0, losses = 0, ready_ms = 0;
  std::string node_id, avoid_node;

  ItemState item_state() const { return static_cast<ItemState>(state); }
  bool waits() const { return item_state() == ItemState::kPending; }
  bool leased() const { return item_state() == ItemState::kLeased; }
  // Whether the node may still bring something at this fence, be the lease expired or not.
  bool OpenAt(std::uint64_t at_fence, const std::string& node) const {
    return (waits() || leased()) && at_fence != 0 &&
           static_cast<std::uint64_t>(fence) == at_fence && closed_fence != fence &&
           node_id == node;
  }
  auto Columns() {
    return std::tie(state, fence, closed_fence, failures, losses, ready_ms, node_id, avoid_node);
  }
};

// Locked until the transaction ends.
std::optional<ItemRow> LockItem(SqlConnection& sql, const ItemKey& key);
// nullopt as well where another transaction has locked it.
std::optional<ItemRow> LockItemIfFree(SqlConnection& sql, const ItemKey& key);

// At the transaction's end.
void ChangeCounts(SqlConnection& sql,
                  const std::string& job_id,
                  const CountChange& change,
                  absl::Time now);

// Items of the job were granted: it runs, if it did not. At the transaction's end.
void StartJob(SqlConnection& sql, const std::string& job_id, absl::Time now);

// What the transaction left to its end, of all jobs or of one: to be seen by a statement within it.
void SettleJobs(SqlConnection& sql);
void SettleJob(SqlConnection& sql, const std::string& job_id);

// What follows the end of a job, whichever way it ended.
void JobEnded(SqlConnection& sql, const std::string& job_id, absl::Time now);

// The job ends when nothing waits and nothing is leased: completed if any of its items is. At the
// transaction's end.
void EndJobIfDone(SqlConnection& sql, const std::string& job_id, absl::Time now);

// From `item`'s state to another: the item, its lease, the counts, the end of the job. What else
// `item` says is written as well.
void MoveItem(
    SqlConnection& sql, const ItemKey& key, const ItemRow& item, ItemState to, absl::Time now);

void AddItemError(SqlConnection& sql, const ItemKey& key, const ItemError& error);
// The error for which an item, and perhaps its job, failed. At the transaction's end.
void SetJobError(SqlConnection& sql, const std::string& job_id, const ItemError& error);

// Everything of the job that is not terminal ends so: `as` is failed or canceled. The rows.
std::vector<std::int64_t> EndOpenItems(SqlConnection& sql,
                                       const std::string& job_id,
                                       ItemState as,
                                       absl::Time now);

// The node whose newest session this is. FailedPrecondition.
absl::StatusOr<std::string> NodeOfSession(SqlConnection& sql, const std::string& session);
// And nobody else does anything in the node's name until the transaction ends.
absl::StatusOr<std::string> LockSession(SqlConnection& sql, const std::string& session);
// The same, and the node was heard of: in this state.
absl::StatusOr<std::string> RenewSession(SqlConnection& sql,
                                         const std::string& session,
                                         rendernode::NodeState state,
                                         absl::Time now);
// The same; nullopt where it is no node's newest session, and where somebody does something in its
// node's name now. Who locks many sessions waits for none of them so, and nobody for ever.
std::optional<std::string> LockSessionIfFree(SqlConnection& sql, const std::string& session);

// Others who lock the tenant wait until the transaction ends: for what its quotas allow.
void LockTenant(SqlConnection& sql, const std::string& tenant);

}  // namespace rn
