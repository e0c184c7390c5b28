// Store over any database that SqlDatabase speaks to. Jobs and what clients ask for:
// sql_store_jobs.cc; webhooks: sql_store_webhooks.cc; templates: sql_store_templates.cc; nodes and
// leases: sql_store_leases.cc; when an item or a job ends: sql_items; tenants, keys, the log of
// changes: sql_store_tenants.cc.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "coordinator/sql_database.h"
#include "coordinator/store.h"
#include "coordinator/store_limits.h"

namespace rn {

class SqlStore final : public Store {
 public:
  SqlStore(std::unique_ptr<SqlDatabase> database, const StoreLimits& limits)
      : limits_(limits), database_(std::move(database)) {}

  absl::StatusOr<Job> CreateJob(const NewJob& job,
                                const Idempotency& idempotency,
                                absl::Time now) override;
  absl::StatusOr<std::optional<Job>> FindByIdempotency(const std::string& tenant,
                                                       const Idempotency& idempotency,
                                                       absl::Time now) override;
  absl::StatusOr<Job> GetJob(const std::string& tenant, const std::string& job_id) override;
  absl::StatusOr<std::vector<Job>> ListJobs(const JobFilter& filter) override;
  absl::StatusOr<std::vector<Item>> ListItems(const ItemFilter& filter) override;
  absl::StatusOr<Job> CancelJob(const std::string& tenant,
                                const std::string& job_id,
                                absl::Time now,
                                const AuditEntry* audit) override;
  absl::StatusOr<Job> PauseJob(const std::string& tenant,
                               const std::string& job_id,
                               absl::Time now) override;
  absl::StatusOr<Job> ResumeJob(const std::string& tenant,
                                const std::string& job_id,
                                absl::Time now) override;
  absl::StatusOr<Job> RetryFailed(const std::string& tenant,
                                  const std::string& job_id,
                                  absl::Time now) override;

  absl::StatusOr<StoredTemplate> PutTemplate(const std::string& tenant,
                                             const std::string& id,
                                             const std::string& body,
                                             const TemplateQuota& quota,
                                             absl::Time now) override;
  absl::StatusOr<StoredTemplate> GetTemplate(const std::string& tenant,
                                             const std::string& id,
                                             std::int64_t version) override;
  absl::StatusOr<std::vector<StoredTemplate>> ListTemplates(const std::string& tenant) override;
  absl::StatusOr<std::vector<WebhookDelivery>> TakeWebhooks(int limit,
                                                            const std::set<std::string>& held_back,
                                                            absl::Duration claim,
                                                            absl::Time now) override;
  absl::Status DelayWebhook(const WebhookDelivery& delivery, absl::Time until) override;
  absl::Status ForgetWebhook(const WebhookDelivery& delivery) override;
  absl::StatusOr<std::string> WebhookSecret(const std::string& tenant,
                                            const std::string& fresh,
                                            bool replace,
                                            absl::Time now,
                                            const AuditEntry* audit) override;

  absl::StatusOr<SessionInfo> OpenSession(const rendernode::OpenSessionRequest& request,
                                          const std::string& session,
                                          absl::Time now) override;
  absl::StatusOr<SyncOutcome> Sync(const rendernode::SyncRequest& request, absl::Time now) override;
  absl::StatusOr<std::vector<WaitingJob>> OpenJobs(absl::Time now) override;
  absl::StatusOr<WaitingItems> ReadyItems(const std::string& job_id,
                                          int limit,
                                          absl::Time now) override;
  absl::StatusOr<std::vector<Leases>> AssignAll(const std::vector<ItemsFor>& wanted,
                                                absl::Time now) override;
  absl::StatusOr<std::string> SessionNode(const std::string& session) override;
  absl::StatusOr<rendernode::CommitItemResponse::Verdict> Commit(
      const rendernode::CommitItemRequest& request, absl::Time now) override;
  absl::StatusOr<std::string> GetJobSpec(const std::string& digest) override;
  absl::StatusOr<std::string> CorrelationId(const std::string& job_id) override;
  absl::Status CloseSession(const std::string& session, absl::Time now) override;
  absl::StatusOr<std::set<std::string>> DrainedNodes() override;
  absl::Status SetNodeDrain(const std::string& node_id,
                            bool drain,
                            absl::Time now,
                            const AuditEntry* audit) override;
  absl::StatusOr<std::vector<LostLease>> Expire(absl::Time now, absl::Time not_before) override;

  absl::StatusOr<Tenant> CreateTenant(const Tenant& tenant,
                                      const AuditEntry& audit,
                                      absl::Time now) override;
  absl::StatusOr<Tenant> UpdateTenant(const std::string& id,
                                      absl::FunctionRef<void(Tenant&)> change,
                                      const AuditEntry& audit,
                                      absl::Time now) override;
  absl::StatusOr<Tenant> GetTenant(const std::string& id) override;
  absl::StatusOr<std::vector<Tenant>> ListTenants(const std::string& after_id, int limit) override;
  absl::Status AddKey(const StoredKey& key,
                      int keys_max,
                      const AuditEntry& audit,
                      absl::Time now) override;
  absl::StatusOr<StoredKey> RevokeKey(const std::string& id,
                                      const AuditEntry& audit,
                                      absl::Time now) override;
  absl::Status NoteKeyUse(const std::string& id, absl::Time now) override;
  absl::StatusOr<StoredKey> GetKey(const std::string& id) override;
  absl::StatusOr<std::vector<StoredKey>> ListKeys(const std::optional<std::string>& tenant,
                                                  const std::string& after_id,
                                                  int limit) override;
  absl::StatusOr<std::vector<AuditEntry>> ListAudit(const AuditFilter& filter) override;

 private:
  // A transaction whose body gives a StatusOr; what it changed is undone when that is an error. As
  // SqlDatabase says, a body may run more than once.
  template <typename Body, typename Result = std::invoke_result_t<Body, SqlConnection&>>
  Result Write(Body body) {
    return WriteInTurn("", body);
  }
  // `turn` as SqlDatabase has it: the session, for what is done in its name.
  template <typename Body, typename Result = std::invoke_result_t<Body, SqlConnection&>>
  Result WriteInTurn(const std::string& turn, Body body) {
    Result result = absl::UnknownError("did not run");
    const absl::Status status = database_->WriteInTurn(turn, [&](SqlConnection& sql) {
      result = body(sql);
      return result.status();
    });
    return status.ok() ? std::move(result) : Result(status);
  }
  template <typename Body, typename Result = std::invoke_result_t<Body, SqlConnection&>>
  Result Read(Body body) {
    Result result = absl::UnknownError("did not run");
    const absl::Status status = database_->Read([&](SqlConnection& sql) {
      result = body(sql);
      return result.status();
    });
    return status.ok() ? std::move(result) : Result(status);
  }

  // Within a transaction that changes what `entry` says. Forgets what is too old.
  void WriteAudit(SqlConnection& sql, const AuditEntry& entry, absl::Time now);

  absl::Duration silence() const { return limits_.lease.ttl + limits_.lease.reassign_grace; }

  const StoreLimits limits_;
  const std::unique_ptr<SqlDatabase> database_;
};

}  // namespace rn
