// Jobs, items, leases, sessions: the coordinator's durable state and the rules that keep it whole.
// Tenants, keys and the log of changes: tenant_store.h.
//
// Every method is one transaction, durable on return. Thread-safe; each may block on the disk.
// Unavailable: the store could not answer now, nothing was changed, try again: never to be read as
// "no such job" or "no such lease".
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordinator/tenant_store.h"
#include "coordinator/waiting_job.h"
#include "proto/node.pb.h"
#include "proto/render.pb.h"

namespace rn {

enum class JobState { kPending, kRunning, kPaused, kCompleted, kFailed, kCanceled };
enum class ItemState { kPending, kLeased, kCompleted, kFailed, kCanceled };

inline bool IsTerminal(JobState state) {
  return state == JobState::kCompleted || state == JobState::kFailed ||
         state == JobState::kCanceled;
}

struct ItemError {
  rendernode::ItemErrorCode code = rendernode::ITEM_ERROR_UNSPECIFIED;
  std::string message;
};

// ---------------------------------------------------------------- what clients ask for

struct NewItem {
  rendernode::ItemSpec spec;
  std::optional<ItemError> error;  // The row cannot be rendered: failed from the start.
};

// What a tenant may have; 0: no bound.
struct TenantQuota {
  std::int64_t items_open_max = 0;     // Waiting or under way, of all its jobs together.
  std::int64_t items_per_day_max = 0;  // In jobs made within the last 24 hours.
};

struct NewJob {
  std::string id;  // "job_" + ULID
  std::string tenant;
  std::string title;
  JobPriority priority = JobPriority::kNormal;
  absl::Duration processing_deadline = absl::InfiniteDuration();  // From creation.
  std::string request_json;                                       // As the client sent it.
  std::string callback_url;
  std::string correlation_id;  // Of that request.
  rendernode::JobSpec spec;
  std::vector<NewItem> items;
  std::vector<std::string> warnings;
  TenantQuota quota;
};

struct Idempotency {
  std::string key;          // "" = none
  std::string body_sha256;  // Same key, same body: the same job.
  absl::Duration kept = absl::Hours(24);
};

struct Job {
  std::string id, tenant, title;
  JobState state = JobState::kPending;
  JobPriority priority = JobPriority::kNormal;
  std::int64_t items_total = 0, items_completed = 0, items_failed = 0, items_canceled = 0;
  std::int64_t items_leased = 0;
  double progress_items = 0;  // Items' worth of work done, those under way counted in part.
  absl::Time created_at, updated_at;
  std::optional<absl::Time> started_at, ended_at;
  std::optional<absl::Time> deadline_at;
  std::optional<ItemError> last_error;
  std::string request_json;  // Empty in lists.
  std::string callback_url;
  std::vector<std::string> warnings;
};

struct Item {
  std::string id;  // "<job>-<row>", unique
  std::string job_id;
  std::uint32_t row = 0;
  ItemState state = ItemState::kPending;
  std::uint64_t fence = 0;
  rendernode::Phase phase = rendernode::PHASE_UNSPECIFIED;  // While leased.
  std::uint32_t progress_permille = 0;
  std::string node_id;                           // The holder, or the last one.
  std::optional<rendernode::ItemResult> result;  // Of a terminal item that a node worked on.
  std::vector<ItemError> errors;                 // Of every failed attempt, the last one last.
  absl::Time updated_at;
};

struct JobFilter {
  std::string tenant;
  std::optional<JobState> state;
  std::optional<JobPriority> priority;
  std::string before_id;  // Newest first: those older than this one. "" = from the newest.
  int limit = 50;
};

struct ItemFilter {
  std::string job_id;
  std::optional<ItemState> state;
  std::optional<absl::Time> ended_since;  // Completed or failed, and that at or after.
  std::uint32_t after_row = 0;
  int limit = 50;
};

// A template that a tenant uploaded.
struct StoredTemplate {
  std::string id;
  std::int64_t version = 0;  // From 1.
  std::string sha256;        // Of `body`.
  absl::Time created_at;
  std::string body;     // Empty in lists.
  bool is_new = false;  // Made by this call.
};

struct TemplateQuota {
  int templates_max = 200;   // Of one tenant.
  int versions_max = 1'000;  // Of one template.
};

// A job that is over and whose callback_url is to hear of it.
struct WebhookDelivery {
  std::string job_id, tenant, url;
  std::string correlation_id;  // Of the request that made the job.
  absl::Time ended_at;         // Which end: the job may have been retried since.
  int attempts = 0;            // This one included.
};

// ---------------------------------------------------------------- what nodes ask for

struct SessionInfo {
  std::string session;
  bool new_journal = false;  // The node was seen with another journal before.
  std::vector<rendernode::LeaseRef> adopt, drop;
};

struct RetryLimits {
  int failures_max = 2;       // Attempts that failed through the item itself, and may pass.
  int losses_max = 5;         // Attempts lost to infrastructure.
  int node_failures_max = 2;  // Of one job on one node: then the node gets no more of that job.
  absl::Duration backoff_min = absl::Seconds(2), backoff_max = absl::Minutes(2);
  // An item waits so long, beyond its back-off, for another node than the one that failed it.
  absl::Duration avoid_for = absl::Minutes(2);
};

struct LeaseLimits {
  absl::Duration ttl = absl::Seconds(30);
  absl::Duration reassign_grace = absl::Seconds(10);  // Beyond the TTL.
};

// What a Sync found out and changed.
struct SyncOutcome {
  std::vector<rendernode::LeaseRef> renewed, cancel;
  bool freed = false;  // Items came back to the queue: others may want them.
};

// Items that a session is to get.
struct ItemsFor {
  std::string session;
  std::vector<std::string> item_ids;
};

// A lease that nobody renewed in time.
struct LostLease {
  rendernode::LeaseRef ref;
  std::string node_id;
  bool again = false;  // The item waits again; else that was its last attempt, and it has failed.
};

// `audit`, where a method takes it: who wants the change, to be logged with it. Null: nobody asks.
class Store : public TenantStore {
 public:
  // The job that the idempotency key made before, else a new one. FailedPrecondition: the key was
  // used with another body. ResourceExhausted: beyond its quota, and the message says which. A job
  // whose rows all failed is terminal at once.
  virtual absl::StatusOr<Job> CreateJob(const NewJob& job,
                                        const Idempotency& idempotency,
                                        absl::Time now) = 0;
  // The job that this key made; FailedPrecondition as above; nullopt: not seen within `kept`.
  virtual absl::StatusOr<std::optional<Job>> FindByIdempotency(const std::string& tenant,
                                                               const Idempotency& idempotency,
                                                               absl::Time now) = 0;
  // NotFound: no such job, or another tenant's.
  virtual absl::StatusOr<Job> GetJob(const std::string& tenant, const std::string& job_id) = 0;
  virtual absl::StatusOr<std::vector<Job>> ListJobs(const JobFilter& filter) = 0;
  virtual absl::StatusOr<std::vector<Item>> ListItems(const ItemFilter& filter) = 0;
  // To canceled, paused, or running again. FailedPrecondition: the job's state does not allow it,
  // and the message says which does. Asking for what is so already is no error.
  virtual absl::StatusOr<Job> CancelJob(const std::string& tenant,
                                        const std::string& job_id,
                                        absl::Time now,
                                        const AuditEntry* audit = nullptr) = 0;
  virtual absl::StatusOr<Job> PauseJob(const std::string& tenant,
                                       const std::string& job_id,
                                       absl::Time now) = 0;
  virtual absl::StatusOr<Job> ResumeJob(const std::string& tenant,
                                        const std::string& job_id,
                                        absl::Time now) = 0;
  // Failed items that a node worked on wait again, their attempts forgotten.
  virtual absl::StatusOr<Job> RetryFailed(const std::string& tenant,
                                          const std::string& job_id,
                                          absl::Time now) = 0;

  // A new version, unless the newest one has the same body: then that one. ResourceExhausted: the
  // quota, and the message says which.
  virtual absl::StatusOr<StoredTemplate> PutTemplate(const std::string& tenant,
                                                     const std::string& id,
                                                     const std::string& body,
                                                     const TemplateQuota& quota,
                                                     absl::Time now) = 0;
  // Version 0: the newest. NotFound: no such template, or version of it.
  virtual absl::StatusOr<StoredTemplate> GetTemplate(const std::string& tenant,
                                                     const std::string& id,
                                                     std::int64_t version) = 0;
  // The newest version of each, by id.
  virtual absl::StatusOr<std::vector<StoredTemplate>> ListTemplates(const std::string& tenant) = 0;

  // Deliveries that are due, of every tenant but `held_back`, the longest due first. Each is due
  // again at `now + claim`, unless Delay or Forget says otherwise: who dies while sending loses
  // none, and the receiver may hear of a job twice. A job with a callback_url has one from the
  // transaction on that ends it, until it is forgotten or the job is retried.
  virtual absl::StatusOr<std::vector<WebhookDelivery>> TakeWebhooks(
      int limit, const std::set<std::string>& held_back, absl::Duration claim, absl::Time now) = 0;
  // Nothing happens, of both, when the job was retried since.
  virtual absl::Status DelayWebhook(const WebhookDelivery& delivery, absl::Time until) = 0;
  virtual absl::Status ForgetWebhook(const WebhookDelivery& delivery) = 0;
  // What the tenant's webhooks are signed with; `fresh` from now on, where it has none or where
  // `replace` says so.
  virtual absl::StatusOr<std::string> WebhookSecret(const std::string& tenant,
                                                    const std::string& fresh,
                                                    bool replace,
                                                    absl::Time now = absl::UnixEpoch(),
                                                    const AuditEntry* audit = nullptr) = 0;

  // Ends the node's older sessions. `held` is split into what is still the node's at that fence
  // and what is not; leases of the node that it does not hold go back to the queue, and so do all
  // of them where its journal is another one than before. FailedPrecondition: the same journal was
  // seen with a higher incarnation.
  virtual absl::StatusOr<SessionInfo> OpenSession(const rendernode::OpenSessionRequest& request,
                                                  const std::string& session,
                                                  absl::Time now) = 0;
  // Renews what the session holds, notes progress, takes released leases back. FailedPrecondition:
  // not the node's newest session.
  virtual absl::StatusOr<SyncOutcome> Sync(const rendernode::SyncRequest& request,
                                           absl::Time now) = 0;
  // Jobs with items that wait or are leased: those of higher priority first, then the oldest. Of
  // one that is paused or past its deadline nothing is pending.
  virtual absl::StatusOr<std::vector<WaitingJob>> OpenJobs(absl::Time now) = 0;
  // Items of the job that may start at `now`, the first `limit` of them.
  virtual absl::StatusOr<WaitingItems> ReadyItems(const std::string& job_id,
                                                  int limit,
                                                  absl::Time now) = 0;
  // Raises fences and assigns, all in one transaction. What each of `wanted` got, in their order:
  // items that wait no longer, or that somebody else is at, are left out, and so are all of a node
  // that somebody is at; FailedPrecondition, where it is not the node's newest session, of that one
  // alone.
  using Leases = absl::StatusOr<std::vector<rendernode::Lease>>;
  virtual absl::StatusOr<std::vector<Leases>> AssignAll(const std::vector<ItemsFor>& wanted,
                                                        absl::Time now) = 0;
  Leases Assign(const std::string& session,
                const std::vector<std::string>& item_ids,
                absl::Time now) {
    absl::StatusOr<std::vector<Leases>> one = AssignAll({{session, item_ids}}, now);
    return one.ok() ? std::move(one->front()) : one.status();
  }
  virtual absl::StatusOr<std::string> SessionNode(const std::string& session) = 0;
  // Compare-and-set on (item, fence, not terminal).
  virtual absl::StatusOr<rendernode::CommitItemResponse::Verdict> Commit(
      const rendernode::CommitItemRequest& request, absl::Time now) = 0;
  // Serialised JobSpec by its SHA-256. NotFound.
  virtual absl::StatusOr<std::string> GetJobSpec(const std::string& digest) = 0;
  // The correlation id of the request that made the job. NotFound.
  virtual absl::StatusOr<std::string> CorrelationId(const std::string& job_id) = 0;
  // Everything that the session still holds waits again. What is no node's newest session, and be
  // it for having been closed before, changes nothing.
  virtual absl::Status CloseSession(const std::string& session, absl::Time now) = 0;
  // Nodes that are to take no more items, with a session or not. NotFound: nobody knows the node.
  virtual absl::StatusOr<std::set<std::string>> DrainedNodes() = 0;
  virtual absl::Status SetNodeDrain(const std::string& node_id,
                                    bool drain,
                                    absl::Time now,
                                    const AuditEntry* audit = nullptr) = 0;
  // Leases not renewed for TTL + grace are lost (none before `not_before`), jobs past their
  // deadline end, idempotency keys are forgotten.
  virtual absl::StatusOr<std::vector<LostLease>> Expire(absl::Time now, absl::Time not_before) = 0;
};

}  // namespace rn
