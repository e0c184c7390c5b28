#include "coordinator/sql_items.h"

#include <google/protobuf/message_lite.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace rn {
namespace {

// On disk: schema.sql names them by these numbers.
static_assert(static_cast<int>(JobState::kPending) == 0 &&
              static_cast<int>(JobState::kRunning) == 1 &&
              static_cast<int>(JobState::kPaused) == 2 &&
              static_cast<int>(JobState::kCompleted) == 3 &&
              static_cast<int>(JobState::kFailed) == 4 &&
              static_cast<int>(JobState::kCanceled) == 5);
static_assert(static_cast<int>(ItemState::kPending) == 0 &&
              static_cast<int>(ItemState::kLeased) == 1 &&
              static_cast<int>(ItemState::kCompleted) == 2 &&
              static_cast<int>(ItemState::kFailed) == 3 &&
              static_cast<int>(ItemState::kCanceled) == 4);

}  // namespace

std::string Encoded(const std::string& bytes) {
  return absl::Base64Escape(bytes);
}

absl::StatusOr<std::string> Decoded(const std::string& text, absl::string_view what) {
  std::string bytes;
  if (!absl::Base64Unescape(text, &bytes)) {
    return absl::DataLossError(absl::StrCat("store: the ", what, " cannot be read"));
  }
  return bytes;
}

absl::Status Decode(const std::string& text,
                    absl::string_view what,
                    google::protobuf::MessageLite& message) {
  ASSIGN_OR_RETURN(const std::string bytes, Decoded(text, what));
  return message.ParseFromString(bytes)
             ? absl::OkStatus()
             : absl::DataLossError(absl::StrCat("store: the ", what, " cannot be read"));
}

std::string ItemKey::id() const {
  return absl::StrCat(job_id, "-", row);
}

std::optional<ItemKey> ItemKey::Parse(const std::string& item_id) {
  const std::size_t dash = item_id.rfind('-');
  ItemKey key;
  if (dash == std::string::npos || !absl::SimpleAtoi(item_id.substr(dash + 1), &key.row)) {
    return std::nullopt;
  }
  key.job_id = item_id.substr(0, dash);
  return key.id() == item_id ? std::optional(key) : std::nullopt;
}

#define RN_ITEM_BY_KEY                                                                       \
  "SELECT state, fence, closed_fence, failures, losses, ready_ms, node_id, avoid_node FROM " \
  "items WHERE job_id = :job AND sheet_row = :row"

std::optional<ItemRow> LockItem(SqlConnection& sql, const ItemKey& key) {
  return sql.One<ItemRow>(RN_ITEM_BY_KEY " FOR UPDATE", key.job_id, key.row);
}

std::optional<ItemRow> LockItemIfFree(SqlConnection& sql, const ItemKey& key) {
  return sql.One<ItemRow>(RN_ITEM_BY_KEY " FOR UPDATE SKIP LOCKED", key.job_id, key.row);
}

void CountChange::Add(ItemState state, std::int64_t count) {
  switch (state) {
    case ItemState::kPending:
      pending += count;
      return;
    case ItemState::kLeased:
      leased += count;
      return;
    case ItemState::kCompleted:
      completed += count;
      return;
    case ItemState::kFailed:
      failed += count;
      return;
    case ItemState::kCanceled:
      canceled += count;
      return;
  }
}

void ChangeCounts(SqlConnection& sql,
                  const std::string& job_id,
                  const CountChange& change,
                  absl::Time now) {
  JobChange& pending = sql.job_changes()[job_id];
  pending.counts.pending += change.pending;
  pending.counts.leased += change.leased;
  pending.counts.completed += change.completed;
  pending.counts.failed += change.failed;
  pending.counts.canceled += change.canceled;
  pending.at_ms = Millis(now);
  sql.news().changed.insert(job_id);
  if (change.pending > 0) {
    sql.news().ready.insert(job_id);
  }
}

void StartJob(SqlConnection& sql, const std::string& job_id, absl::Time now) {
  JobChange& pending = sql.job_changes()[job_id];
  pending.granted = true;
  pending.at_ms = Millis(now);
}

void EndJobIfDone(SqlConnection& sql, const std::string& job_id, absl::Time now) {
  JobChange& pending = sql.job_changes()[job_id];
  pending.may_end = true;
  pending.at_ms = Millis(now);
}

namespace {

void WriteJobChange(SqlConnection& sql, const std::string& job_id, const JobChange& change) {
  if (change.granted || change.counts != CountChange()) {
    sql.Run(
        "UPDATE jobs SET items_pending = items_pending + :pending, "
        "items_leased = items_leased + :leased, items_completed = items_completed + :completed, "
        "items_failed = items_failed + :failed, items_canceled = items_canceled + :canceled, "
        "updated_ms = :now, "
        "state = CASE WHEN :granted = 1 AND state = 0 THEN 1 ELSE state END, "
        "started_ms = CASE WHEN :starts = 1 AND started_ms = 0 THEN :started ELSE started_ms END "
        "WHERE id = :job",
        change.counts.pending,
        change.counts.leased,
        change.counts.completed,
        change.counts.failed,
        change.counts.canceled,
        change.at_ms,
        change.granted,
        change.granted,
        change.at_ms,
        job_id);
  }
  if (change.error.has_value()) {
    sql.Run("UPDATE jobs SET error_code = :code, error_message = :message WHERE id = :job",
            static_cast<int>(change.error->code),
            change.error->message,
            job_id);
  }
  if (!change.may_end) {
    return;
  }
  const std::int64_t ended = sql.Run(
      "UPDATE jobs SET state = CASE WHEN items_completed > 0 THEN 3 ELSE 4 END, ended_ms = :now "
      "WHERE id = :job AND items_pending = 0 AND items_leased = 0 AND state IN (0, 1, 2)",
      change.at_ms,
      job_id);
  if (ended > 0) {
    JobEnded(sql, job_id, absl::FromUnixMillis(change.at_ms));
  }
}

}  // namespace

void SettleJobs(SqlConnection& sql) {
  for (const auto& [job_id, change] : std::exchange(sql.job_changes(), {})) {
    WriteJobChange(sql, job_id, change);
  }
}

void SettleJob(SqlConnection& sql, const std::string& job_id) {
  if (const auto change = sql.job_changes().extract(job_id); !change.empty()) {
    WriteJobChange(sql, job_id, change.mapped());
  }
}

void JobEnded(SqlConnection& sql, const std::string& job_id, absl::Time now) {
  sql.Run("DELETE FROM node_failures WHERE job_id = :job", job_id);
  sql.Run(
      "INSERT INTO webhook_deliveries(job_id, ended_ms, attempts, due_ms) "
      "SELECT job_id, CAST(:ended AS BIGINT), 0, CAST(:due AS BIGINT) FROM job_requests "
      "WHERE job_id = :job AND callback_url <> ''",
      Millis(now),
      Millis(now),
      job_id);
}

void MoveItem(
    SqlConnection& sql, const ItemKey& key, const ItemRow& item, ItemState to, absl::Time now) {
  sql.Run(
      "UPDATE items SET state = :state, fence = :fence, closed_fence = :closed, "
      "failures = :failures, losses = :losses, ready_ms = :ready, node_id = :node, "
      "avoid_node = :avoid, updated_ms = :now WHERE job_id = :job AND sheet_row = :row",
      static_cast<int>(to),
      item.fence,
      item.closed_fence,
      item.failures,
      item.losses,
      item.ready_ms,
      item.node_id,
      item.avoid_node,
      Millis(now),
      key.job_id,
      key.row);
  if (item.leased()) {
    sql.Run("DELETE FROM leases WHERE job_id = :job AND sheet_row = :row", key.job_id, key.row);
  }
  CountChange change;
  change.Add(item.item_state(), -1);
  change.Add(to, 1);
  ChangeCounts(sql, key.job_id, change, now);
  if (to != ItemState::kPending && to != ItemState::kLeased) {
    EndJobIfDone(sql, key.job_id, now);
  }
}

void AddItemError(SqlConnection& sql, const ItemKey& key, const ItemError& error) {
  sql.Run(
      "INSERT INTO item_errors(job_id, sheet_row, position, code, message) "
      "SELECT CAST(:job AS TEXT), CAST(:row AS BIGINT), COALESCE(MAX(position) + 1, 0), "
      "CAST(:code AS BIGINT), CAST(:message AS TEXT) FROM item_errors "
      "WHERE job_id = :same_job AND sheet_row = :same_row",
      key.job_id,
      key.row,
      static_cast<int>(error.code),
      error.message,
      key.job_id,
      key.row);
}

void SetJobError(SqlConnection& sql, const std::string& job_id, const ItemError& error) {
  sql.job_changes()[job_id].error = error;
}

std::vector<std::int64_t> EndOpenItems(SqlConnection& sql,
                                       const std::string& job_id,
                                       ItemState as,
                                       absl::Time now) {
  SettleJob(sql, job_id);
  // All of them in one statement: it waits for who moves an item from one open state to another.
  std::vector<std::int64_t> rows;
  for (const auto& [row] : sql.All<std::tuple<long long>>(
           "UPDATE items SET state = :to, updated_ms = :now WHERE job_id = :job "
           "AND state IN (0, 1) RETURNING sheet_row",
           static_cast<int>(as),
           Millis(now),
           job_id)) {
    rows.push_back(row);
  }
  sql.Run("DELETE FROM leases WHERE job_id = :job", job_id);
  if (!rows.empty()) {
    sql.news().changed.insert(job_id);
    if (as == ItemState::kCanceled) {
      sql.news().canceled.insert(job_id);
    }
    sql.Run(as == ItemState::kFailed
                ? "UPDATE jobs SET items_failed = items_failed + items_pending + items_leased, "
                  "items_pending = 0, items_leased = 0, updated_ms = :now WHERE id = :job"
                : "UPDATE jobs SET items_canceled = items_canceled + items_pending + items_leased, "
                  "items_pending = 0, items_leased = 0, updated_ms = :now WHERE id = :job",
            Millis(now),
            job_id);
  }
  return rows;
}

namespace {

absl::StatusOr<std::string> NodeIn(const std::optional<std::tuple<std::string>>& node,
                                   const std::string& session) {
  if (!node.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat("session ", session, " is not its node's newest; open another one"));
  }
  return std::get<0>(*node);
}

}  // namespace

absl::StatusOr<std::string> NodeOfSession(SqlConnection& sql, const std::string& session) {
  return NodeIn(sql.One<std::tuple<std::string>>(
                    "SELECT node_id FROM nodes WHERE session = :session", session),
                session);
}

absl::StatusOr<std::string> LockSession(SqlConnection& sql, const std::string& session) {
  return NodeIn(sql.One<std::tuple<std::string>>(
                    "SELECT node_id FROM nodes WHERE session = :session FOR UPDATE", session),
                session);
}

absl::StatusOr<std::string> RenewSession(SqlConnection& sql,
                                         const std::string& session,
                                         rendernode::NodeState state,
                                         absl::Time now) {
  return NodeIn(sql.One<std::tuple<std::string>>(
                    "UPDATE nodes SET state = :state, renewed_ms = :now WHERE session = :session "
                    "RETURNING node_id",
                    static_cast<int>(state),
                    Millis(now),
                    session),
                session);
}

std::optional<std::string> LockSessionIfFree(SqlConnection& sql, const std::string& session) {
  const auto node = sql.One<std::tuple<std::string>>(
      "SELECT node_id FROM nodes WHERE session = :session FOR UPDATE SKIP LOCKED", session);
  return node.has_value() ? std::optional(std::get<0>(*node)) : std::nullopt;
}

void LockTenant(SqlConnection& sql, const std::string& tenant) {
  sql.Run("INSERT INTO tenant_locks(tenant) VALUES(:tenant) ON CONFLICT(tenant) DO NOTHING",
          tenant);
  sql.One<std::tuple<std::string>>(
      "SELECT tenant FROM tenant_locks WHERE tenant = :tenant FOR UPDATE", tenant);
}

}  // namespace rn
