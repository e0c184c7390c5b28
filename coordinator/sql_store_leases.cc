// What nodes ask for: sessions, leases, and what came of them.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "coordinator/sql_items.h"
#include "coordinator/sql_store.h"
#include "coordinator/trace.h"

namespace rn {
namespace {

using rendernode::CommitItemResponse;
using rendernode::ItemResult;
using rendernode::LeaseRef;

// Nodes come and go under new names; one that was away for so long opens a session anew.
constexpr absl::Duration kNodeKept = absl::Hours(24);
// A copy of a daemon's state that is older than that is told from the daemon by nobody.
constexpr absl::Duration kJournalKept = absl::Hours(24 * 90);

struct HeldRow {
  std::string job_id;
  long long row = 0, fence = 0, phase = 0, permille = 0;

  auto Columns() { return std::tie(job_id, row, fence, phase, permille); }
};

// Nobody else ends one of them until the transaction ends.
std::map<ItemKey, HeldRow> LockLeasesOf(SqlConnection& sql, const std::string& node_id) {
  std::map<ItemKey, HeldRow> leases;
  for (HeldRow& lease : sql.All<HeldRow>("SELECT job_id, sheet_row, fence, phase, permille "
                                         "FROM leases WHERE node_id = :node FOR UPDATE",
                                         node_id)) {
    ItemKey key{lease.job_id, lease.row};
    leases.emplace(std::move(key), std::move(lease));
  }
  return leases;
}

// At once, whatever the wall clock does next.
constexpr absl::Time kAtOnce = absl::UnixEpoch();

// The item waits again, from `ready` on, for any node but `avoid`.
void Requeue(SqlConnection& sql,
             const ItemKey& key,
             ItemRow item,
             absl::Time ready,
             absl::Time now,
             const std::string& avoid = "") {
  item.ready_ms = Millis(ready);
  item.avoid_node = avoid;
  MoveItem(sql, key, item, ItemState::kPending, now);
}

void FailItem(SqlConnection& sql,
              const ItemKey& key,
              const ItemRow& item,
              const ItemError& error,
              absl::Time now) {
  SetJobError(sql, key.job_id, error);
  MoveItem(sql, key, item, ItemState::kFailed, now);
}

// Whether who held them may still bring something.
enum class Holder { kMayReturn, kIsNoMore };

// Leases whose holder is gone without having said anything about the item.
void ReturnAll(SqlConnection& sql,
               const std::map<ItemKey, HeldRow>& leases,
               Holder holder,
               absl::Time now) {
  for (const auto& [key, lease] : leases) {
    std::optional<ItemRow> item = LockItem(sql, key);
    if (!item.has_value() || !item->leased() || item->fence != lease.fence) {
      continue;
    }
    if (holder == Holder::kIsNoMore) {
      item->closed_fence = item->fence;
    }
    Requeue(sql, key, *item, kAtOnce, now);
  }
}

// ---------------------------------------------------------------- whose journal it is

struct JournalRow {
  std::string journal_id;
  long long incarnation = 0;

  auto Columns() { return std::tie(journal_id, incarnation); }
};

// Whether the node has another journal than it had. FailedPrecondition: a later start of the daemon
// was seen; this one is a copy of the past.
absl::StatusOr<bool> SettleJournal(SqlConnection& sql,
                                   const rendernode::OpenSessionRequest& request,
                                   absl::Time now) {
  if (request.journal_id().empty()) {  // A daemon of before there were names.
    return false;
  }
  const auto incarnation = static_cast<long long>(request.incarnation());
  const auto seen = sql.One<JournalRow>(
      "SELECT journal_id, incarnation FROM node_journals WHERE node_id = :node", request.node_id());
  const bool known = seen.has_value() && seen->journal_id == request.journal_id();
  if (known && incarnation < seen->incarnation) {
    return absl::FailedPreconditionError(absl::StrCat(
        "node ",
        request.node_id(),
        " opens start ",
        incarnation,
        " of its journal, but start ",
        seen->incarnation,
        " was seen: an older copy of the daemon's state folder is in use; stop the other "
        "daemon, or let this one start with an empty folder"));
  }
  sql.Run(
      "INSERT INTO node_journals(node_id, journal_id, incarnation, opened_ms) "
      "VALUES(:node, :journal, :incarnation, :now) ON CONFLICT(node_id) DO UPDATE SET "
      "journal_id = excluded.journal_id, incarnation = excluded.incarnation, "
      "opened_ms = excluded.opened_ms",
      request.node_id(),
      request.journal_id(),
      incarnation,
      Millis(now));
  return seen.has_value() && !known;
}

// Rows of leases: job_id, sheet_row, fence, node_id, renewed_ms, progressed_ms, phase, permille. Of
// one that is there already, only when and what was last heard of it changes.
using LeaseRows = std::vector<std::tuple<std::string,
                                         long long,
                                         long long,
                                         std::string,
                                         long long,
                                         long long,
                                         long long,
                                         long long>>;
constexpr RowsStatement kPutLeases = {
    "INSERT INTO leases(job_id, sheet_row, fence, node_id, renewed_ms, progressed_ms, phase, "
    "permille) VALUES",
    "(?, ?, ?, ?, ?, ?, ?, ?)",
    " ON CONFLICT(job_id, sheet_row) DO UPDATE SET renewed_ms = excluded.renewed_ms, "
    "phase = excluded.phase, permille = excluded.permille, progressed_ms = CASE "
    "WHEN leases.phase = excluded.phase AND leases.permille = excluded.permille "
    "THEN leases.progressed_ms ELSE excluded.progressed_ms END"};

long long PermilleOf(const rendernode::HeldLease& held) {
  return std::min(held.progress_permille(), 1000U);
}

// The item, whose lease has expired, is the node's again, as long as nobody else got it.
bool Readopt(SqlConnection& sql,
             const std::string& node_id,
             const ItemKey& key,
             std::uint64_t fence,
             absl::Time now) {
  const std::optional<ItemRow> item = LockItem(sql, key);
  if (!item.has_value() || !item->OpenAt(fence, node_id)) {
    return false;
  }
  MoveItem(sql, key, *item, ItemState::kLeased, now);
  return true;
}

// Which of what it says to hold the node holds from now on: as before, or again after the lease
// expired and before anybody else got the item.
std::vector<bool> KeepAll(SqlConnection& sql,
                          const std::string& node_id,
                          const std::map<ItemKey, HeldRow>& leases,
                          const google::protobuf::RepeatedPtrField<rendernode::HeldLease>& held,
                          absl::Time now) {
  std::vector<bool> kept;
  LeaseRows rows;
  std::set<ItemKey> seen;
  for (const rendernode::HeldLease& one : held) {
    const std::optional<ItemKey> key = ItemKey::Parse(one.ref().item_id());
    const auto lease = key.has_value() ? leases.find(*key) : leases.end();
    const bool on_record = lease != leases.end();
    kept.push_back(on_record
                       ? static_cast<std::uint64_t>(lease->second.fence) == one.ref().fence()
                       : key.has_value() && Readopt(sql, node_id, *key, one.ref().fence(), now));
    if (!kept.back() || !seen.insert(*key).second) {
      continue;
    }
    if (!on_record || lease->second.phase != one.phase() ||
        lease->second.permille != PermilleOf(one)) {
      sql.news().changed.insert(key->job_id);
    }
    rows.emplace_back(key->job_id,
                      key->row,
                      static_cast<long long>(one.ref().fence()),
                      node_id,
                      Millis(now),
                      Millis(now),
                      static_cast<long long>(one.phase()),
                      PermilleOf(one));
  }
  sql.RunForAll(kPutLeases, rows);
  return kept;
}

// The node's own word that it will not render the item: nothing is held against the item.
bool Release(SqlConnection& sql, const std::string& node_id, const LeaseRef& ref, absl::Time now) {
  const std::optional<ItemKey> key = ItemKey::Parse(ref.item_id());
  std::optional<ItemRow> item = key.has_value() ? LockItem(sql, *key) : std::nullopt;
  if (!item.has_value() || !item->leased() || !item->OpenAt(ref.fence(), node_id)) {
    return false;  // Said before, or taken back, or somebody else's by now.
  }
  item->closed_fence = item->fence;
  Requeue(sql, *key, *item, kAtOnce, now);
  return true;
}

// ---------------------------------------------------------------- what came of an attempt

absl::Duration Backoff(const RetryLimits& limits, std::int64_t attempt) {
  absl::Duration wait = limits.backoff_min;
  for (std::int64_t i = 1; i < attempt && wait < limits.backoff_max; ++i) {
    wait *= 2;
  }
  return std::min(wait, limits.backoff_max);
}

void PutResult(SqlConnection& sql, const ItemKey& key, const ItemResult& result) {
  sql.Run(
      "INSERT INTO item_results(job_id, sheet_row, result) VALUES(:job, :row, :result) "
      "ON CONFLICT(job_id, sheet_row) DO UPDATE SET result = excluded.result",
      key.job_id,
      key.row,
      Encoded(result.SerializeAsString()));
}

void CountNodeFailure(SqlConnection& sql, const ItemKey& key, const std::string& node_id) {
  sql.Run(
      "INSERT INTO node_failures(job_id, node_id, failures) VALUES(:job, :node, 1) "
      "ON CONFLICT(job_id, node_id) DO UPDATE SET failures = node_failures.failures + 1",
      key.job_id,
      node_id);
}

// One message of a full store is enough, however long it stays full.
void PutQuotaError(SqlConnection& sql, const ItemKey& key, const ItemError& error) {
  sql.Run("DELETE FROM item_errors WHERE job_id = :job AND sheet_row = :row AND code = :code",
          key.job_id,
          key.row,
          static_cast<int>(error.code));
  AddItemError(sql, key, error);
}

void CommitSuccess(SqlConnection& sql,
                   const ItemKey& key,
                   const ItemRow& item,
                   const ItemResult& result,
                   absl::Time now) {
  PutResult(sql, key, result);
  sql.Run("DELETE FROM node_failures WHERE job_id = :job AND node_id = :node",
          key.job_id,
          item.node_id);
  MoveItem(sql, key, item, ItemState::kCompleted, now);
}

void CommitFailure(SqlConnection& sql,
                   const RetryLimits& limits,
                   const ItemKey& key,
                   ItemRow item,
                   const ItemResult& result,
                   absl::Time now) {
  const ItemError error{result.error_code(), result.error_message()};
  if (error.code == rendernode::ITEM_ERROR_QUOTA_EXCEEDED) {
    PutQuotaError(sql, key, error);
    return Requeue(sql, key, item, now + limits.backoff_max, now);
  }
  AddItemError(sql, key, error);
  const bool infrastructure =
      result.infrastructure() || result.outcome() == rendernode::OUTCOME_UNSPECIFIED;
  bool again = false;
  std::int64_t attempt = 0;
  if (infrastructure) {
    attempt = ++item.losses;
    again = attempt < limits.losses_max;
  } else {
    attempt = ++item.failures;
    again = result.retryable() && attempt < limits.failures_max;
  }
  if (infrastructure || result.retryable()) {
    CountNodeFailure(sql, key, item.node_id);
  }
  if (again) {
    return Requeue(sql, key, item, now + Backoff(limits, attempt), now, item.node_id);
  }
  PutResult(sql, key, result);
  FailItem(sql, key, item, error, now);
}

void CommitResult(SqlConnection& sql,
                  const RetryLimits& limits,
                  const ItemKey& key,
                  const ItemRow& item,
                  const ItemResult& result,
                  absl::Time now) {
  switch (result.outcome()) {
    case rendernode::SUCCEEDED:
      return CommitSuccess(sql, key, item, result, now);
    case rendernode::INTERRUPTED:
    case rendernode::CANCELED:  // By the node: a job that is canceled has no open items.
      return Requeue(sql, key, item, kAtOnce, now);
    default:
      return CommitFailure(sql, limits, key, item, result, now);
  }
}

// Has a session, had one, or is drained; with whichever coordinator that was.
bool IsKnown(SqlConnection& sql, const std::string& node_id) {
  return sql
      .One<std::tuple<std::string>>(
          "SELECT node_id FROM nodes WHERE node_id = :node "
          "UNION SELECT node_id FROM node_journals WHERE node_id = :of_journal "
          "UNION SELECT node_id FROM node_drains WHERE node_id = :drained",
          node_id,
          node_id,
          node_id)
      .has_value();
}

// ---------------------------------------------------------------- granting

struct JobToGrant {
  long long state = 0, priority = 0, deadline_ms = 0;
  std::string digest, bucket, correlation_id;
  std::int64_t granted = 0;

  auto Columns() { return std::tie(state, priority, deadline_ms, digest, bucket, correlation_id); }
  bool Grants(absl::Time now) const {
    const auto job_state = static_cast<JobState>(state);
    return (job_state == JobState::kPending || job_state == JobState::kRunning) &&
           (deadline_ms == 0 || deadline_ms > Millis(now));
  }
};

rendernode::Lease LeaseOf(const ItemKey& key,
                          const ItemRow& item,
                          const JobToGrant& job,
                          absl::Time now) {
  rendernode::Lease lease;
  lease.mutable_ref()->set_item_id(key.id());
  lease.mutable_ref()->set_fence(static_cast<std::uint64_t>(item.fence));
  lease.set_job_id(key.job_id);
  lease.set_job_spec_digest(job.digest);
  lease.set_priority(static_cast<int>(job.priority));
  if (job.deadline_ms != 0) {
    const std::int64_t left = job.deadline_ms - Millis(now);
    lease.set_remaining_deadline_ms(static_cast<std::uint32_t>(
        std::min<std::int64_t>(left, std::numeric_limits<std::uint32_t>::max())));
  }
  lease.set_output_prefix(absl::StrCat(
      job.bucket, job.bucket.empty() ? "" : "/", key.job_id, "/", key.id(), "/", item.fence, "/"));
  auto& trace = *lease.mutable_trace_context();
  trace["traceparent"] = TraceParent(key.job_id, lease.ref());
  if (!job.correlation_id.empty()) {
    trace["correlation_id"] = job.correlation_id;
  }
  return lease;
}

// No back-off is longer than the longest: beyond it, the wall clock was set back meanwhile.
bool IsReady(const RetryLimits& limits, std::int64_t ready_ms, absl::Time now) {
  return ready_ms <= Millis(now) || ready_ms > Millis(now + limits.backoff_max);
}

struct GrantRow {
  ItemRow item;
  std::string spec;

  auto Columns() { return std::tuple_cat(item.Columns(), std::tie(spec)); }
};

// Of rows that are there: job_id, sheet_row, fence, node_id, updated_ms
using GrantedItems =
    std::vector<std::tuple<std::string, long long, long long, std::string, long long>>;
constexpr RowsStatement kLeaseItems = {
    "INSERT INTO items(job_id, sheet_row, fence, node_id, updated_ms, state, closed_fence, "
    "ready_ms, failures, losses) VALUES",
    "(?, ?, ?, ?, ?, 1, 0, 0, 0, 0)",
    " ON CONFLICT(job_id, sheet_row) DO UPDATE SET state = 1, fence = excluded.fence, "
    "node_id = excluded.node_id, updated_ms = excluded.updated_ms"};

// Locks the item; what is granted is written by who called. Nullopt: the item does not wait (any
// more), or another transaction is at it.
absl::StatusOr<std::optional<rendernode::Lease>> Grant(SqlConnection& sql,
                                                       const RetryLimits& limits,
                                                       const ItemKey& key,
                                                       const JobToGrant& job,
                                                       absl::Time now) {
  std::optional<GrantRow> row = sql.One<GrantRow>(
      "SELECT i.state, i.fence, i.closed_fence, i.failures, i.losses, i.ready_ms, i.node_id, "
      "i.avoid_node, s.spec FROM items i "
      "JOIN item_specs s ON s.job_id = i.job_id AND s.sheet_row = i.sheet_row "
      "WHERE i.job_id = :job AND i.sheet_row = :row FOR UPDATE OF i SKIP LOCKED",
      key.job_id,
      key.row);
  if (!row.has_value() || !row->item.waits() || !IsReady(limits, row->item.ready_ms, now)) {
    return std::nullopt;
  }
  ++row->item.fence;
  rendernode::Lease lease = LeaseOf(key, row->item, job, now);
  RETURN_IF_ERROR(Decode(row->spec, "spec of item " + key.id(), *lease.mutable_item()));
  return std::optional(std::move(lease));
}

// Read once, and kept in `jobs`.
JobToGrant& JobFor(SqlConnection& sql,
                   const std::string& job_id,
                   std::map<std::string, JobToGrant>& jobs) {
  const auto [job, first] = jobs.try_emplace(job_id);
  if (first) {
    job->second = sql.One<JobToGrant>(
                         "SELECT j.state, j.priority, j.deadline_ms, j.spec_digest, "
                         "j.output_bucket, r.correlation_id FROM jobs j JOIN job_requests r "
                         "ON r.job_id = j.id WHERE j.id = :job",
                         job_id)
                      .value_or(JobToGrant{.state = static_cast<int>(JobState::kCanceled)});
  }
  return job->second;
}

void NoteGrants(SqlConnection& sql, const std::map<std::string, JobToGrant>& jobs, absl::Time now) {
  for (const auto& [job_id, job] : jobs) {
    if (job.granted > 0) {
      ChangeCounts(sql, job_id, {.pending = -job.granted, .leased = job.granted}, now);
      StartJob(sql, job_id, now);
    }
  }
}

// ---------------------------------------------------------------- who should not get what

// The nodes that take work now, and those that failed too often at a job.
class NodeChoice {
 public:
  NodeChoice(SqlConnection& sql, int failures_max, absl::Duration silence, absl::Time now) {
    for (const auto& [node_id] : sql.All<std::tuple<std::string>>(
             "SELECT node_id FROM nodes WHERE renewed_ms > :limit AND state NOT IN (:not_ready, "
             ":draining)",
             Millis(now - silence),
             static_cast<int>(rendernode::NOT_READY),
             static_cast<int>(rendernode::DRAINING))) {
      live_.insert(node_id);
    }
    for (const auto& [job_id, node_id] : sql.All<std::tuple<std::string, std::string>>(
             "SELECT job_id, node_id FROM node_failures WHERE failures >= :limit", failures_max)) {
      refused_[job_id].insert(node_id);
    }
  }

  // Where that leaves no node that takes work, none is refused: the attempts of each item are
  // counted anyway.
  std::set<std::string> RefusedBy(const std::string& job_id) const {
    const auto found = refused_.find(job_id);
    return found != refused_.end() && HasAnother("", found->second) ? found->second
                                                                    : std::set<std::string>();
  }

  // A node that takes work, neither `but` nor one of `refused`.
  bool HasAnother(const std::string& but, const std::set<std::string>& refused) const {
    return std::any_of(live_.begin(), live_.end(), [&](const std::string& node) {
      return node != but && refused.count(node) == 0;
    });
  }

 private:
  std::set<std::string> live_;
  std::map<std::string, std::set<std::string>> refused_;  // By job.
};

struct OpenJobRow {
  std::string id, tenant, digest;
  long long state = 0, priority = 0, created_ms = 0, deadline_ms = 0, pending = 0, leased = 0;

  auto Columns() {
    return std::tie(id, tenant, state, priority, created_ms, deadline_ms, digest, pending, leased);
  }
};

WaitingJob JobOf(OpenJobRow row, absl::Time now) {
  const bool rests = static_cast<JobState>(row.state) == JobState::kPaused ||
                     (row.deadline_ms != 0 && row.deadline_ms <= Millis(now));
  return {.job_id = std::move(row.id),
          .tenant = std::move(row.tenant),
          .priority = static_cast<JobPriority>(row.priority),
          .created_at = absl::FromUnixMillis(row.created_ms),
          .deadline_at =
              row.deadline_ms == 0 ? absl::InfiniteFuture() : absl::FromUnixMillis(row.deadline_ms),
          .spec_digest = std::move(row.digest),
          .pending = rests ? 0 : row.pending,
          .leased = row.leased};
}

// ---------------------------------------------------------------- time that passed

std::vector<LostLease> ExpireLeases(SqlConnection& sql, const StoreLimits& limits, absl::Time now) {
  const absl::Duration silence = limits.lease.ttl + limits.lease.reassign_grace;
  // The wall clock was set back: count from now, else these would live too long. Other
  // coordinators' clocks may be a little ahead of ours.
  sql.Run("UPDATE leases SET renewed_ms = :now WHERE renewed_ms > :later",
          Millis(now),
          Millis(now + limits.lease.reassign_grace));
  // A lease that somebody is renewing or ending, and be it another coordinator, is not lost.
  const auto expired = sql.All<std::tuple<std::string, long long, long long>>(
      "SELECT job_id, sheet_row, fence FROM leases WHERE renewed_ms <= :limit "
      "FOR UPDATE SKIP LOCKED",
      Millis(now - silence));
  std::vector<LostLease> lost;
  for (const auto& [job_id, row, fence] : expired) {
    const ItemKey key{job_id, row};
    std::optional<ItemRow> item = LockItemIfFree(sql, key);
    if (!item.has_value() || !item->leased() || item->fence != fence) {
      continue;
    }
    const ItemError error{rendernode::ITEM_ERROR_VIDEO_ENCODING_ERROR,
                          absl::StrCat("node ",
                                       item->node_id,
                                       " was not heard of for ",
                                       absl::FormatDuration(silence),
                                       " while it held the item")};
    AddItemError(sql, key, error);
    LostLease lease{.node_id = item->node_id, .again = ++item->losses < limits.retry.losses_max};
    lease.ref.set_item_id(key.id());
    lease.ref.set_fence(static_cast<std::uint64_t>(item->fence));
    if (lease.again) {
      Requeue(sql, key, *item, kAtOnce, now);
    } else {
      FailItem(sql, key, *item, error, now);
    }
    lost.push_back(std::move(lease));
  }
  return lost;
}

void EndJobAtDeadline(SqlConnection& sql, const std::string& job_id, absl::Time now) {
  const ItemError error{rendernode::ITEM_ERROR_VIDEO_ENCODING_ERROR,
                        "the job's processing deadline passed before the item was finished"};
  const std::vector<std::int64_t> rows = EndOpenItems(sql, job_id, ItemState::kFailed, now);
  if (rows.empty()) {
    return;  // Ended meanwhile.
  }
  for (const std::int64_t row : rows) {
    AddItemError(sql, {job_id, row}, error);
  }
  SetJobError(sql, job_id, error);
  EndJobIfDone(sql, job_id, now);
}

}  // namespace

absl::StatusOr<SessionInfo> SqlStore::OpenSession(const rendernode::OpenSessionRequest& request,
                                                  const std::string& session,
                                                  absl::Time now) {
  if (request.node_id().empty() || session.empty()) {
    return absl::InvalidArgumentError("a session needs a name and the id of its node");
  }
  return Write([&](SqlConnection& sql) -> absl::StatusOr<SessionInfo> {
    const std::string& node_id = request.node_id();
    // First of all: from here on we are alone with the node.
    sql.Run(
        "INSERT INTO nodes(node_id, session, boot_id, incarnation, version, state, opened_ms, "
        "renewed_ms) VALUES(:node, :session, :boot, :incarnation, :version, 0, :opened, :renewed) "
        "ON CONFLICT(node_id) DO UPDATE SET session = excluded.session, "
        "boot_id = excluded.boot_id, incarnation = excluded.incarnation, "
        "version = excluded.version, state = 0, opened_ms = excluded.opened_ms, "
        "renewed_ms = excluded.renewed_ms",
        node_id,
        session,
        request.boot_id(),
        request.incarnation(),
        request.version(),
        Millis(now),
        Millis(now));
    ASSIGN_OR_RETURN(const bool new_journal, SettleJournal(sql, request, now));
    SessionInfo info{.session = session, .new_journal = new_journal};
    std::map<ItemKey, HeldRow> leases = LockLeasesOf(sql, node_id);
    if (new_journal) {
      ReturnAll(sql, std::exchange(leases, {}), Holder::kIsNoMore, now);
    }
    std::set<std::string> kept;
    const std::vector<bool> keeps = KeepAll(sql, node_id, leases, request.held(), now);
    for (int i = 0; i < request.held_size(); ++i) {
      const LeaseRef& ref = request.held(i).ref();
      if (keeps[static_cast<std::size_t>(i)]) {
        info.adopt.push_back(ref);
        kept.insert(ref.item_id());
      } else {
        info.drop.push_back(ref);
      }
    }
    // What the node had begun would be in its journal: it does not know of these.
    for (auto lease = leases.begin(); lease != leases.end();) {
      lease = kept.count(lease->first.id()) > 0 ? leases.erase(lease) : std::next(lease);
    }
    ReturnAll(sql, leases, Holder::kMayReturn, now);
    return info;
  });
}

absl::StatusOr<SyncOutcome> SqlStore::Sync(const rendernode::SyncRequest& request, absl::Time now) {
  return WriteInTurn(request.session(), [&](SqlConnection& sql) -> absl::StatusOr<SyncOutcome> {
    ASSIGN_OR_RETURN(const std::string node_id,
                     RenewSession(sql, request.session(), request.state(), now));
    SyncOutcome outcome;
    for (const LeaseRef& ref : request.released()) {
      outcome.freed |= Release(sql, node_id, ref, now);
    }
    const std::vector<bool> keeps =
        KeepAll(sql, node_id, LockLeasesOf(sql, node_id), request.held(), now);
    for (int i = 0; i < request.held_size(); ++i) {
      (keeps[static_cast<std::size_t>(i)] ? outcome.renewed : outcome.cancel)
          .push_back(request.held(i).ref());
    }
    return outcome;
  });
}

absl::StatusOr<std::vector<WaitingJob>> SqlStore::OpenJobs(absl::Time now) {
  return Read([&](SqlConnection& sql) -> absl::StatusOr<std::vector<WaitingJob>> {
    const NodeChoice choice(sql, limits_.retry.node_failures_max, silence(), now);
    std::vector<WaitingJob> jobs;
    for (OpenJobRow& row : sql.All<OpenJobRow>(
             "SELECT id, tenant, state, priority, created_ms, deadline_ms, spec_digest, "
             "items_pending, items_leased FROM jobs WHERE state IN (0, 1, 2) "
             "AND (items_pending > 0 OR items_leased > 0) "
             "ORDER BY priority DESC, created_ms, id")) {
      WaitingJob job = JobOf(std::move(row), now);
      job.refused_nodes = choice.RefusedBy(job.job_id);
      jobs.push_back(std::move(job));
    }
    return jobs;
  });
}

absl::StatusOr<WaitingItems> SqlStore::ReadyItems(const std::string& job_id,
                                                  int limit,
                                                  absl::Time now) {
  return Read([&](SqlConnection& sql) -> absl::StatusOr<WaitingItems> {
    const auto rows = sql.All<std::tuple<long long, long long, std::string>>(
        "SELECT sheet_row, ready_ms, avoid_node FROM items WHERE job_id = :job "
        "AND state = 0 AND (ready_ms <= :now OR ready_ms > :longest) "
        "ORDER BY sheet_row LIMIT :limit",
        job_id,
        Millis(now),
        Millis(now + limits_.retry.backoff_max),
        limit);
    std::optional<NodeChoice> choice;  // Few items avoid a node.
    WaitingItems items;
    for (const auto& [row, ready_ms, avoid_node] : rows) {
      items.ids.push_back(ItemKey{job_id, row}.id());
      if (avoid_node.empty() || now >= absl::FromUnixMillis(ready_ms) + limits_.retry.avoid_for) {
        continue;
      }
      if (!choice.has_value()) {
        choice.emplace(sql, limits_.retry.node_failures_max, silence(), now);
      }
      if (choice->HasAnother(avoid_node, choice->RefusedBy(job_id))) {
        items.avoided[items.ids.back()] = avoid_node;
      }
    }
    items.more = static_cast<int>(rows.size()) == limit;
    return items;
  });
}

absl::StatusOr<std::vector<Store::Leases>> SqlStore::AssignAll(const std::vector<ItemsFor>& wanted,
                                                               absl::Time now) {
  return Write([&](SqlConnection& sql) -> absl::StatusOr<std::vector<Leases>> {
    std::map<std::string, JobToGrant> jobs;
    std::set<ItemKey> taken;  // Not yet to be seen in the database.
    GrantedItems items;
    LeaseRows leased;
    std::vector<Leases> granted;
    for (const auto& [session, item_ids] : wanted) {
      const std::optional<std::string> node_id = LockSessionIfFree(sql, session);
      if (!node_id.has_value()) {
        const absl::Status known = NodeOfSession(sql, session).status();
        granted.push_back(known.ok() ? Leases(std::vector<rendernode::Lease>()) : Leases(known));
        continue;
      }
      std::vector<rendernode::Lease>& leases =
          *granted.emplace_back(std::vector<rendernode::Lease>());
      for (const std::string& item_id : item_ids) {
        const std::optional<ItemKey> key = ItemKey::Parse(item_id);
        if (!key.has_value() || taken.count(*key) > 0) {
          continue;
        }
        JobToGrant& job = JobFor(sql, key->job_id, jobs);
        if (!job.Grants(now)) {
          continue;
        }
        ASSIGN_OR_RETURN(auto lease, Grant(sql, limits_.retry, *key, job, now));
        if (!lease.has_value()) {
          continue;
        }
        const auto fence = static_cast<long long>(lease->ref().fence());
        items.emplace_back(key->job_id, key->row, fence, *node_id, Millis(now));
        leased.emplace_back(key->job_id, key->row, fence, *node_id, Millis(now), Millis(now), 0, 0);
        leases.push_back(*std::move(lease));
        taken.insert(*key);
        ++job.granted;
      }
    }
    sql.RunForAll(kLeaseItems, items);
    sql.RunForAll(kPutLeases, leased);
    NoteGrants(sql, jobs, now);
    return granted;
  });
}

absl::StatusOr<std::string> SqlStore::SessionNode(const std::string& session) {
  return Read([&](SqlConnection& sql) { return NodeOfSession(sql, session); });
}

absl::StatusOr<CommitItemResponse::Verdict> SqlStore::Commit(
    const rendernode::CommitItemRequest& request, absl::Time now) {
  using Result = absl::StatusOr<CommitItemResponse::Verdict>;
  return WriteInTurn(request.session(), [&](SqlConnection& sql) -> Result {
    ASSIGN_OR_RETURN(const std::string node_id, LockSession(sql, request.session()));
    const std::optional<ItemKey> key = ItemKey::Parse(request.ref().item_id());
    std::optional<ItemRow> item = key ? LockItem(sql, *key) : std::nullopt;
    if (!item.has_value()) {
      return CommitItemResponse::SUPERSEDED;
    }
    const std::uint64_t fence = request.ref().fence();
    if (fence != 0 && static_cast<std::uint64_t>(item->closed_fence) == fence) {
      return CommitItemResponse::DUPLICATE;
    }
    if (!item->OpenAt(fence, node_id)) {
      return CommitItemResponse::SUPERSEDED;
    }
    item->closed_fence = item->fence;
    CommitResult(sql, limits_.retry, *key, *item, request.result(), now);
    return CommitItemResponse::COMMITTED;
  });
}

absl::Status SqlStore::CloseSession(const std::string& session, absl::Time now) {
  return database_->WriteInTurn(session, [&](SqlConnection& sql) -> absl::Status {
    const absl::StatusOr<std::string> node_id = LockSession(sql, session);
    if (!node_id.ok()) {
      return absl::OkStatus();  // Closed before, or a newer one has taken everything over.
    }
    ReturnAll(sql, LockLeasesOf(sql, *node_id), Holder::kMayReturn, now);
    sql.Run("DELETE FROM nodes WHERE node_id = :node", *node_id);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::set<std::string>> SqlStore::DrainedNodes() {
  return Read([&](SqlConnection& sql) -> absl::StatusOr<std::set<std::string>> {
    std::set<std::string> drained;
    for (const auto& [node_id] :
         sql.All<std::tuple<std::string>>("SELECT node_id FROM node_drains")) {
      drained.insert(node_id);
    }
    return drained;
  });
}

absl::Status SqlStore::SetNodeDrain(const std::string& node_id,
                                    bool drain,
                                    absl::Time now,
                                    const AuditEntry* audit) {
  return database_->Write([&](SqlConnection& sql) -> absl::Status {
    if (!IsKnown(sql, node_id)) {
      return absl::NotFoundError("there is no such node");
    }
    sql.Run("DELETE FROM node_drains WHERE node_id = :node", node_id);
    if (drain) {
      sql.Run(
          "INSERT INTO node_drains(node_id, since_ms) VALUES(:node, :now) "
          "ON CONFLICT(node_id) DO NOTHING",
          node_id,
          Millis(now));
    }
    if (audit != nullptr) {
      WriteAudit(sql, *audit, now);
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<LostLease>> SqlStore::Expire(absl::Time now, absl::Time not_before) {
  return Write([&](SqlConnection& sql) -> absl::StatusOr<std::vector<LostLease>> {
    for (const auto& [job_id] : sql.All<std::tuple<std::string>>(
             "SELECT id FROM jobs WHERE state IN (0, 1, 2) AND deadline_ms > 0 "
             "AND deadline_ms <= :now",
             Millis(now))) {
      EndJobAtDeadline(sql, job_id, now);
    }
    sql.Run("DELETE FROM idempotency_keys WHERE forget_ms <= :now", Millis(now));
    sql.Run("DELETE FROM nodes WHERE renewed_ms < :limit", Millis(now - kNodeKept));
    sql.Run("DELETE FROM node_journals WHERE opened_ms < :limit", Millis(now - kJournalKept));
    return now < not_before ? std::vector<LostLease>() : ExpireLeases(sql, limits_, now);
  });
}

}  // namespace rn
