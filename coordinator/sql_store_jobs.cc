// What clients ask for: jobs made, shown, listed, canceled, paused, resumed and retried.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "coordinator/sql_items.h"
#include "coordinator/sql_store.h"

namespace rn {
namespace {

using nlohmann::json;

constexpr int kAnyValue = -1;
constexpr int kCreateTries = 3;
constexpr std::size_t kItemsPerStep = 1024;  // So many rows are held as text at once.
constexpr char kAfterEveryId[] = "~";        // Ids are ASCII letters, digits and "_".

// ---------------------------------------------------------------- rows as jobs and items

// `request` is r.request_json where it is wanted: it may be a megabyte.
#define RN_JOB_COLUMNS(request)                                                                  \
  "SELECT j.id, j.tenant, r.title, j.state, j.priority, j.created_ms, j.updated_ms, "            \
  "j.started_ms, j.ended_ms, j.deadline_ms, j.items_pending, j.items_leased, "                   \
  "j.items_completed, j.items_failed, j.items_canceled, j.error_code, j.error_message, " request \
  ", r.callback_url, r.warnings, "                                                               \
  "(SELECT CAST(COALESCE(SUM(permille), 0) AS BIGINT) FROM leases WHERE job_id = j.id), "        \
  "(SELECT COALESCE(MAX(progressed_ms), 0) FROM leases WHERE job_id = j.id) "                    \
  "FROM jobs j JOIN job_requests r ON r.job_id = j.id "

struct JobRow {
  std::string id, tenant, title, error_message, request_json, callback_url, warnings;
  long long state = 0, priority = 0, created_ms = 0, updated_ms = 0, started_ms = 0, ended_ms = 0,
            deadline_ms = 0, pending = 0, leased = 0, completed = 0, failed = 0, canceled = 0,
            error_code = 0, leased_permille = 0, progressed_ms = 0;

  auto Columns() {
    return std::tie(id,
                    tenant,
                    title,
                    state,
                    priority,
                    created_ms,
                    updated_ms,
                    started_ms,
                    ended_ms,
                    deadline_ms,
                    pending,
                    leased,
                    completed,
                    failed,
                    canceled,
                    error_code,
                    error_message,
                    request_json,
                    callback_url,
                    warnings,
                    leased_permille,
                    progressed_ms);
  }
};

std::optional<absl::Time> TimeOrNone(std::int64_t millis) {
  return millis == 0 ? std::nullopt : std::optional(absl::FromUnixMillis(millis));
}

Job JobOf(const JobRow& row) {
  Job job;
  job.id = row.id;
  job.tenant = row.tenant;
  job.title = row.title;
  job.state = static_cast<JobState>(row.state);
  job.priority = static_cast<JobPriority>(row.priority);
  job.items_total = row.pending + row.leased + row.completed + row.failed + row.canceled;
  job.items_completed = row.completed;
  job.items_failed = row.failed;
  job.items_canceled = row.canceled;
  job.items_leased = row.leased;
  job.progress_items = static_cast<double>(row.completed + row.failed) +
                       static_cast<double>(row.leased_permille) / 1000;
  job.created_at = absl::FromUnixMillis(row.created_ms);
  job.updated_at = absl::FromUnixMillis(std::max(row.updated_ms, row.progressed_ms));
  job.started_at = TimeOrNone(row.started_ms);
  job.ended_at = TimeOrNone(row.ended_ms);
  job.deadline_at = TimeOrNone(row.deadline_ms);
  if (!row.error_message.empty() || row.error_code != 0) {
    job.last_error = {static_cast<rendernode::ItemErrorCode>(row.error_code), row.error_message};
  }
  job.request_json = row.request_json;
  job.callback_url = row.callback_url;
  const json warnings = json::parse(row.warnings, nullptr, /*allow_exceptions=*/false);
  if (warnings.is_array()) {
    job.warnings = warnings.get<std::vector<std::string>>();
  }
  return job;
}

struct ItemListRow {
  long long row = 0, state = 0, fence = 0, updated_ms = 0, phase = 0, permille = 0,
            progressed_ms = 0;
  std::string node_id, result;

  auto Columns() {
    return std::tie(row, state, fence, updated_ms, node_id, phase, permille, progressed_ms, result);
  }
};

absl::StatusOr<Item> ItemOf(const std::string& job_id, const ItemListRow& row) {
  Item item;
  item.id = ItemKey{job_id, row.row}.id();
  item.job_id = job_id;
  item.row = static_cast<std::uint32_t>(row.row);
  item.state = static_cast<ItemState>(row.state);
  item.fence = static_cast<std::uint64_t>(row.fence);
  item.phase = static_cast<rendernode::Phase>(row.phase);
  item.progress_permille = static_cast<std::uint32_t>(row.permille);
  item.node_id = row.node_id;
  item.updated_at = absl::FromUnixMillis(std::max(row.updated_ms, row.progressed_ms));
  if (!row.result.empty()) {
    RETURN_IF_ERROR(Decode(row.result, "result of item " + item.id, item.result.emplace()));
  }
  return item;
}

absl::Status NoSuchJob(const std::string& job_id) {
  return absl::NotFoundError(absl::StrCat("there is no job ", job_id));
}

absl::StatusOr<Job> FindJob(SqlConnection& sql,
                            const std::string& tenant,
                            const std::string& job_id) {
  const auto row = sql.One<JobRow>(
      RN_JOB_COLUMNS("r.request_json") "WHERE j.id = :job AND j.tenant = :tenant", job_id, tenant);
  if (!row.has_value()) {
    return NoSuchJob(job_id);
  }
  return JobOf(*row);
}

// ---------------------------------------------------------------- making a job

absl::StatusOr<std::optional<Job>> FindByKey(SqlConnection& sql,
                                             const std::string& tenant,
                                             const Idempotency& idempotency,
                                             absl::Time now) {
  if (idempotency.key.empty()) {
    return std::nullopt;
  }
  const auto known = sql.One<std::tuple<std::string, std::string>>(
      "SELECT body_sha256, job_id FROM idempotency_keys "
      "WHERE tenant = :tenant AND idempotency_key = :key AND forget_ms > :now",
      tenant,
      idempotency.key,
      Millis(now));
  if (!known.has_value()) {
    return std::nullopt;
  }
  const auto& [body_sha256, job_id] = *known;
  if (body_sha256 != idempotency.body_sha256) {
    return absl::FailedPreconditionError(
        absl::StrCat("idempotency key ", idempotency.key, " was used with another body"));
  }
  ASSIGN_OR_RETURN(Job job, FindJob(sql, tenant, job_id));
  return std::optional<Job>(std::move(job));
}

// AlreadyExists: another transaction has just put it.
absl::Status PutKey(SqlConnection& sql,
                    const NewJob& job,
                    const Idempotency& idempotency,
                    absl::Time now) {
  if (idempotency.key.empty()) {
    return absl::OkStatus();
  }
  // One whose time has passed, but which nobody has forgotten yet.
  sql.Run(
      "DELETE FROM idempotency_keys WHERE tenant = :tenant AND idempotency_key = :key "
      "AND forget_ms <= :now",
      job.tenant,
      idempotency.key,
      Millis(now));
  const std::int64_t put = sql.Run(
      "INSERT INTO idempotency_keys(tenant, idempotency_key, body_sha256, job_id, forget_ms) "
      "VALUES(:tenant, :key, :body, :job, :forget) ON CONFLICT(tenant, idempotency_key) DO NOTHING",
      job.tenant,
      idempotency.key,
      idempotency.body_sha256,
      job.id,
      Millis(now + idempotency.kept));
  return put > 0 ? absl::OkStatus()
                 : absl::AlreadyExistsError(
                       absl::StrCat("idempotency key ", idempotency.key, " is in use"));
}

void PutJob(SqlConnection& sql, const NewJob& job, absl::Time now) {
  const std::string spec = job.spec.SerializeAsString();
  const std::string digest = Sha256(spec);
  const auto failed = std::count_if(
      job.items.begin(), job.items.end(), [](const NewItem& item) { return item.error; });
  const std::int64_t deadline = job.processing_deadline == absl::InfiniteDuration()
                                    ? 0
                                    : Millis(now + job.processing_deadline);
  sql.Run(
      "INSERT INTO jobs(id, tenant, state, priority, spec_digest, output_bucket, created_ms, "
      "updated_ms, started_ms, ended_ms, deadline_ms, items_pending, items_leased, "
      "items_completed, items_failed, items_canceled, error_code, error_message) "
      "VALUES(:id, :tenant, :state, :priority, :digest, :bucket, :created, :updated, 0, 0, "
      ":deadline, :pending, 0, 0, :failed, 0, 0, '')",
      job.id,
      job.tenant,
      static_cast<int>(JobState::kPending),
      static_cast<int>(job.priority),
      digest,
      job.spec.output().output_bucket(),
      Millis(now),
      Millis(now),
      deadline,
      static_cast<std::int64_t>(job.items.size()) - failed,
      failed);
  sql.Run(
      "INSERT INTO job_requests(job_id, title, request_json, callback_url, warnings, "
      "correlation_id) VALUES(:job, :title, :request, :callback, :warnings, :correlation)",
      job.id,
      job.title,
      job.request_json,
      job.callback_url,
      json(job.warnings).dump(-1, ' ', false, json::error_handler_t::replace),
      job.correlation_id);
  sql.Run(
      "INSERT INTO job_specs(digest, spec) VALUES(:digest, :spec) ON CONFLICT(digest) DO NOTHING",
      digest,
      Encoded(spec));
}

// An item that could not be read back would be in the way of every grant that meets it.
absl::StatusOr<std::string> SpecOf(const NewItem& item) {
  std::string bytes = item.spec.SerializeAsString();
  if (!rendernode::ItemSpec().ParseFromString(bytes)) {
    return absl::InvalidArgumentError(absl::StrCat("row ", item.spec.row(), " is not UTF-8"));
  }
  return Encoded(bytes);
}

absl::Status PutItems(SqlConnection& sql, const NewJob& job, absl::Time now) {
  std::vector<std::tuple<std::string, long long, long long, long long>> items;
  std::vector<std::tuple<std::string, long long, std::string>> specs;
  for (std::size_t first = 0; first < job.items.size(); first += kItemsPerStep) {
    items.clear();
    specs.clear();
    const std::size_t end = std::min(job.items.size(), first + kItemsPerStep);
    for (std::size_t i = first; i < end; ++i) {
      const NewItem& item = job.items[i];
      const ItemState state = item.error ? ItemState::kFailed : ItemState::kPending;
      items.emplace_back(job.id, item.spec.row(), static_cast<int>(state), Millis(now));
      ASSIGN_OR_RETURN(std::string spec, SpecOf(item));
      specs.emplace_back(job.id, item.spec.row(), std::move(spec));
    }
    sql.RunForAll({"INSERT INTO items(job_id, sheet_row, state, updated_ms, fence, closed_fence, "
                   "ready_ms, failures, losses, node_id) VALUES",
                   "(?, ?, ?, ?, 0, 0, 0, 0, 0, '')"},
                  items);
    sql.RunForAll({"INSERT INTO item_specs(job_id, sheet_row, spec) VALUES", "(?, ?, ?)"}, specs);
  }
  for (const NewItem& item : job.items) {
    if (item.error) {
      AddItemError(sql, {job.id, item.spec.row()}, *item.error);
    }
  }
  const auto failed = std::find_if(
      job.items.rbegin(), job.items.rend(), [](const NewItem& item) { return item.error; });
  if (failed != job.items.rend()) {
    SetJobError(sql, job.id, *failed->error);
  }
  return absl::OkStatus();
}

// In the transaction that makes the job: two at once cannot pass where one may.
absl::Status CheckQuota(SqlConnection& sql, const NewJob& job, absl::Time now) {
  if (job.quota.items_open_max > 0 || job.quota.items_per_day_max > 0) {
    LockTenant(sql, job.tenant);
  }
  const auto items = static_cast<std::int64_t>(job.items.size());
  if (const std::int64_t most = job.quota.items_open_max; most > 0) {
    const auto open = sql.One<std::tuple<long long>>(
        "SELECT CAST(COALESCE(SUM(items_pending + items_leased), 0) AS BIGINT) FROM jobs "
        "WHERE tenant = :tenant AND state IN (0, 1, 2)",
        job.tenant);
    if (std::get<0>(*open) + items > most) {
      return absl::ResourceExhaustedError(absl::StrCat("the job has ",
                                                       items,
                                                       " videos, and ",
                                                       std::get<0>(*open),
                                                       " of the tenant's wait or are under way; at "
                                                       "most ",
                                                       most,
                                                       " may"));
    }
  }
  if (const std::int64_t most = job.quota.items_per_day_max; most > 0) {
    const auto today = sql.One<std::tuple<long long>>(
        "SELECT CAST(COALESCE(SUM(items_pending + items_leased + items_completed + items_failed + "
        "items_canceled), 0) AS BIGINT) FROM jobs WHERE tenant = :tenant AND created_ms > :since",
        job.tenant,
        Millis(now - absl::Hours(24)));
    if (std::get<0>(*today) + items > most) {
      return absl::ResourceExhaustedError(absl::StrCat("the job has ",
                                                       items,
                                                       " videos, and the tenant asked for ",
                                                       std::get<0>(*today),
                                                       " within the last 24 hours; at most ",
                                                       most,
                                                       " a day"));
    }
  }
  return absl::OkStatus();
}

// ---------------------------------------------------------------- states of jobs

absl::Status NotAllowed(const Job& job, absl::string_view what, absl::string_view when) {
  const char* state = job.state == JobState::kCompleted  ? "completed"
                      : job.state == JobState::kFailed   ? "failed"
                      : job.state == JobState::kCanceled ? "canceled"
                                                         : "not over";
  return absl::FailedPreconditionError(
      absl::StrCat("job ", job.id, " is ", state, "; it can be ", what, " ", when));
}

std::int64_t RequeueFailed(SqlConnection& sql, const std::string& job_id, absl::Time now) {
  // A row that no node ever had cannot be rendered, however often it is tried.
  sql.Run(
      "DELETE FROM item_results WHERE job_id = :job AND sheet_row IN (SELECT sheet_row FROM items "
      "WHERE job_id = :same_job AND state = 3 AND fence > 0)",
      job_id,
      job_id);
  sql.Run(
      "DELETE FROM item_errors WHERE job_id = :job AND sheet_row IN (SELECT sheet_row FROM items "
      "WHERE job_id = :same_job AND state = 3 AND fence > 0)",
      job_id,
      job_id);
  return sql.Run(
      "UPDATE items SET state = 0, closed_fence = fence, failures = 0, losses = 0, ready_ms = 0, "
      "avoid_node = '', updated_ms = :now WHERE job_id = :job AND state = 3 AND fence > 0",
      Millis(now),
      job_id);
}

absl::Status Retry(SqlConnection& sql, const Job& job, absl::Time now) {
  const std::int64_t requeued = RequeueFailed(sql, job.id, now);
  if (requeued == 0) {
    return absl::OkStatus();
  }
  ChangeCounts(sql, job.id, {.pending = requeued, .failed = -requeued}, now);
  SetJobError(sql, job.id, {});
  SettleJob(sql, job.id);
  sql.Run("UPDATE jobs SET state = 1, ended_ms = 0 WHERE id = :job AND state IN (3, 4)", job.id);
  // Whatever the end of the job left, had it ended just now.
  sql.Run("DELETE FROM node_failures WHERE job_id = :job", job.id);
  sql.Run("DELETE FROM webhook_deliveries WHERE job_id = :job", job.id);  // Not over any more.
  return absl::OkStatus();
}

// Whoever changes the job as its client is alone with it until the transaction ends. Nodes are not
// kept from it: its items may end meanwhile, and the job with them.
absl::StatusOr<Job> FindJobToChange(SqlConnection& sql,
                                    const std::string& tenant,
                                    const std::string& job_id) {
  SettleJob(sql, job_id);
  sql.One<std::tuple<std::string>>("SELECT job_id FROM job_requests WHERE job_id = :job FOR UPDATE",
                                   job_id);
  return FindJob(sql, tenant, job_id);
}

}  // namespace

absl::StatusOr<Job> SqlStore::CreateJob(const NewJob& job,
                                        const Idempotency& idempotency,
                                        absl::Time now) {
  if (job.items.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("job ", job.id, " has no items"));
  }
  const auto create = [&](SqlConnection& sql) -> absl::StatusOr<Job> {
    ASSIGN_OR_RETURN(std::optional<Job> known, FindByKey(sql, job.tenant, idempotency, now));
    if (known.has_value()) {
      return *std::move(known);
    }
    RETURN_IF_ERROR(CheckQuota(sql, job, now));
    PutJob(sql, job, now);
    RETURN_IF_ERROR(PutKey(sql, job, idempotency, now));
    RETURN_IF_ERROR(PutItems(sql, job, now));
    EndJobIfDone(sql, job.id, now);
    SettleJob(sql, job.id);
    sql.news().changed.insert(job.id);
    sql.news().ready.insert(job.id);
    return FindJob(sql, job.tenant, job.id);
  };
  absl::StatusOr<Job> created = Write(create);
  for (int tries = 1; absl::IsAlreadyExists(created.status()) && tries < kCreateTries; ++tries) {
    created = Write(create);  // Another request with the same key was quicker: its job is ours.
  }
  return created;
}

absl::StatusOr<std::optional<Job>> SqlStore::FindByIdempotency(const std::string& tenant,
                                                               const Idempotency& idempotency,
                                                               absl::Time now) {
  return Read([&](SqlConnection& sql) { return FindByKey(sql, tenant, idempotency, now); });
}

absl::StatusOr<Job> SqlStore::GetJob(const std::string& tenant, const std::string& job_id) {
  return Read([&](SqlConnection& sql) { return FindJob(sql, tenant, job_id); });
}

absl::StatusOr<std::vector<Job>> SqlStore::ListJobs(const JobFilter& filter) {
  return Read([&](SqlConnection& sql) -> absl::StatusOr<std::vector<Job>> {
    const int state = filter.state ? static_cast<int>(*filter.state) : kAnyValue;
    const int priority = filter.priority ? static_cast<int>(*filter.priority) : kAnyValue;
    const auto rows = sql.All<JobRow>(
        RN_JOB_COLUMNS("''")
        "WHERE j.tenant = :tenant AND j.id < :before "
        "AND (:any_state < 0 OR j.state = :state) "
        "AND (:any_priority < 0 OR j.priority = :priority) ORDER BY j.id DESC LIMIT :limit",
        filter.tenant,
        filter.before_id.empty() ? std::string(kAfterEveryId) : filter.before_id,
        state,
        state,
        priority,
        priority,
        filter.limit);
    std::vector<Job> jobs;
    std::transform(rows.begin(), rows.end(), std::back_inserter(jobs), JobOf);
    return jobs;
  });
}

absl::StatusOr<std::vector<Item>> SqlStore::ListItems(const ItemFilter& filter) {
  return Read([&](SqlConnection& sql) -> absl::StatusOr<std::vector<Item>> {
    const int state = filter.state ? static_cast<int>(*filter.state) : kAnyValue;
    const std::int64_t ended_since = filter.ended_since ? Millis(*filter.ended_since) : kAnyValue;
    const auto rows = sql.All<ItemListRow>(
        "SELECT i.sheet_row, i.state, i.fence, i.updated_ms, i.node_id, COALESCE(l.phase, 0), "
        "COALESCE(l.permille, 0), COALESCE(l.progressed_ms, 0), COALESCE(r.result, '') "
        "FROM items i LEFT JOIN leases l ON l.job_id = i.job_id AND l.sheet_row = i.sheet_row "
        "LEFT JOIN item_results r ON r.job_id = i.job_id AND r.sheet_row = i.sheet_row "
        "WHERE i.job_id = :job AND i.sheet_row > :after AND (:any_state < 0 OR i.state = :state) "
        "AND (CAST(:any_end AS BIGINT) < 0 OR (i.state IN (2, 3) AND i.updated_ms >= "
        ":ended_since)) "
        "ORDER BY i.sheet_row LIMIT :limit",
        filter.job_id,
        filter.after_row,
        state,
        state,
        ended_since,
        ended_since,
        filter.limit);
    std::vector<Item> items;
    for (const ItemListRow& row : rows) {
      ASSIGN_OR_RETURN(Item item, ItemOf(filter.job_id, row));
      items.push_back(std::move(item));
    }
    if (items.empty()) {
      return items;
    }
    const auto errors = sql.All<std::tuple<long long, long long, std::string>>(
        "SELECT sheet_row, code, message FROM item_errors WHERE job_id = :job "
        "AND sheet_row BETWEEN :first AND :last ORDER BY sheet_row, position",
        filter.job_id,
        items.front().row,
        items.back().row);
    std::map<std::int64_t, Item*> by_row;
    for (Item& item : items) {
      by_row[item.row] = &item;
    }
    for (const auto& [row, code, message] : errors) {
      if (const auto item = by_row.find(row); item != by_row.end()) {
        item->second->errors.push_back({static_cast<rendernode::ItemErrorCode>(code), message});
      }
    }
    return items;
  });
}

absl::StatusOr<Job> SqlStore::CancelJob(const std::string& tenant,
                                        const std::string& job_id,
                                        absl::Time now,
                                        const AuditEntry* audit) {
  return Write([&](SqlConnection& sql) -> absl::StatusOr<Job> {
    ASSIGN_OR_RETURN(Job job, FindJobToChange(sql, tenant, job_id));
    if (job.state == JobState::kCanceled) {
      return job;
    }
    if (IsTerminal(job.state)) {
      return NotAllowed(job, "canceled", "until it is over");
    }
    EndOpenItems(sql, job_id, ItemState::kCanceled, now);
    const std::int64_t canceled = sql.Run(
        "UPDATE jobs SET state = 5, updated_ms = :now, ended_ms = :ended WHERE id = :job "
        "AND state IN (0, 1, 2)",
        Millis(now),
        Millis(now),
        job_id);
    if (canceled == 0) {  // Its last item ended meanwhile.
      ASSIGN_OR_RETURN(job, FindJob(sql, tenant, job_id));
      return NotAllowed(job, "canceled", "until it is over");
    }
    JobEnded(sql, job_id, now);
    if (audit != nullptr) {
      WriteAudit(sql, *audit, now);
    }
    return FindJob(sql, tenant, job_id);
  });
}

absl::StatusOr<Job> SqlStore::PauseJob(const std::string& tenant,
                                       const std::string& job_id,
                                       absl::Time now) {
  return Write([&](SqlConnection& sql) -> absl::StatusOr<Job> {
    ASSIGN_OR_RETURN(Job job, FindJobToChange(sql, tenant, job_id));
    if (job.state == JobState::kPaused) {
      return job;
    }
    if (IsTerminal(job.state)) {
      return NotAllowed(job, "paused", "until it is over");
    }
    sql.news().changed.insert(job_id);
    sql.Run("UPDATE jobs SET state = 2, updated_ms = :now WHERE id = :job AND state IN (0, 1)",
            Millis(now),
            job_id);
    return FindJob(sql, tenant, job_id);
  });
}

absl::StatusOr<Job> SqlStore::ResumeJob(const std::string& tenant,
                                        const std::string& job_id,
                                        absl::Time now) {
  return Write([&](SqlConnection& sql) -> absl::StatusOr<Job> {
    ASSIGN_OR_RETURN(Job job, FindJobToChange(sql, tenant, job_id));
    if (IsTerminal(job.state)) {
      return NotAllowed(job, "resumed", "while it is paused");
    }
    if (job.state != JobState::kPaused) {
      return job;
    }
    sql.news().changed.insert(job_id);
    sql.news().ready.insert(job_id);
    sql.Run(
        "UPDATE jobs SET state = CASE WHEN started_ms > 0 THEN 1 ELSE 0 END, updated_ms = :now "
        "WHERE id = :job AND state = 2",
        Millis(now),
        job_id);
    return FindJob(sql, tenant, job_id);
  });
}

absl::StatusOr<Job> SqlStore::RetryFailed(const std::string& tenant,
                                          const std::string& job_id,
                                          absl::Time now) {
  return Write([&](SqlConnection& sql) -> absl::StatusOr<Job> {
    ASSIGN_OR_RETURN(const Job job, FindJobToChange(sql, tenant, job_id));
    if (job.state == JobState::kCanceled) {
      return NotAllowed(job, "retried", "unless it was canceled");
    }
    if (job.deadline_at.has_value() && *job.deadline_at <= now) {
      return absl::FailedPreconditionError(
          absl::StrCat("the processing deadline of job ", job_id, " has passed; make a new job"));
    }
    RETURN_IF_ERROR(Retry(sql, job, now));
    return FindJob(sql, tenant, job_id);
  });
}

absl::StatusOr<std::string> SqlStore::GetJobSpec(const std::string& digest) {
  return Read([&](SqlConnection& sql) -> absl::StatusOr<std::string> {
    const auto spec = sql.One<std::tuple<std::string>>(
        "SELECT spec FROM job_specs WHERE digest = :digest", digest);
    if (!spec.has_value()) {
      return absl::NotFoundError(absl::StrCat("there is no job spec ", digest));
    }
    return Decoded(std::get<0>(*spec), "job spec " + digest);
  });
}

absl::StatusOr<std::string> SqlStore::CorrelationId(const std::string& job_id) {
  return Read([&](SqlConnection& sql) -> absl::StatusOr<std::string> {
    const auto known = sql.One<std::tuple<std::string>>(
        "SELECT correlation_id FROM job_requests WHERE job_id = :job", job_id);
    return known.has_value() ? absl::StatusOr<std::string>(std::get<0>(*known)) : NoSuchJob(job_id);
  });
}

}  // namespace rn
