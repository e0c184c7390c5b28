// A store that can be made to fail: everything else is the store behind it.
#pragma once

#include <atomic>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/store.h"

namespace rn {

// Thread-safe. While failing, nothing reaches the store behind and every call is Unavailable.
class FailingStore final : public Store {
 public:
  explicit FailingStore(Store& store) : store_(store) {}  // Outlives us.

  void Fail(bool fails) { fails_ = fails; }
  // The time that the latest Expire() was given; it has returned.
  absl::Time expired_at() const { return absl::FromUnixMillis(expired_ms_); }

  int looks() const { return looks_; }  // At the jobs that are open.

  absl::StatusOr<Job> CreateJob(const NewJob& job,
                                const Idempotency& idempotency,
                                absl::Time now) override {
    return Call(&Store::CreateJob, job, idempotency, now);
  }
  absl::StatusOr<std::optional<Job>> FindByIdempotency(const std::string& tenant,
                                                       const Idempotency& idempotency,
                                                       absl::Time now) override {
    return Call(&Store::FindByIdempotency, tenant, idempotency, now);
  }
  absl::StatusOr<Job> GetJob(const std::string& tenant, const std::string& job_id) override {
    return Call(&Store::GetJob, tenant, job_id);
  }
  absl::StatusOr<std::vector<Job>> ListJobs(const JobFilter& filter) override {
    return Call(&Store::ListJobs, filter);
  }
  absl::StatusOr<std::vector<Item>> ListItems(const ItemFilter& filter) override {
    return Call(&Store::ListItems, filter);
  }
  absl::StatusOr<Job> CancelJob(const std::string& tenant,
                                const std::string& job_id,
                                absl::Time now,
                                const AuditEntry* audit) override {
    return Call(&Store::CancelJob, tenant, job_id, now, audit);
  }
  absl::StatusOr<Job> PauseJob(const std::string& tenant,
                               const std::string& job_id,
                               absl::Time now) override {
    return Call(&Store::PauseJob, tenant, job_id, now);
  }
  absl::StatusOr<Job> ResumeJob(const std::string& tenant,
                                const std::string& job_id,
                                absl::Time now) override {
    return Call(&Store::ResumeJob, tenant, job_id, now);
  }
  absl::StatusOr<Job> RetryFailed(const std::string& tenant,
                                  const std::string& job_id,
                                  absl::Time now) override {
    return Call(&Store::RetryFailed, tenant, job_id, now);
  }
  absl::StatusOr<StoredTemplate> PutTemplate(const std::string& tenant,
                                             const std::string& id,
                                             const std::string& body,
                                             const TemplateQuota& quota,
                                             absl::Time now) override {
    return Call(&Store::PutTemplate, tenant, id, body, quota, now);
  }
  absl::StatusOr<StoredTemplate> GetTemplate(const std::string& tenant,
                                             const std::string& id,
                                             std::int64_t version) override {
    return Call(&Store::GetTemplate, tenant, id, version);
  }
  absl::StatusOr<std::vector<StoredTemplate>> ListTemplates(const std::string& tenant) override {
    return Call(&Store::ListTemplates, tenant);
  }
  absl::StatusOr<std::vector<WebhookDelivery>> TakeWebhooks(int limit,
                                                            const std::set<std::string>& held_back,
                                                            absl::Duration claim,
                                                            absl::Time now) override {
    return Call(&Store::TakeWebhooks, limit, held_back, claim, now);
  }
  absl::Status DelayWebhook(const WebhookDelivery& delivery, absl::Time until) override {
    return Call(&Store::DelayWebhook, delivery, until);
  }
  absl::Status ForgetWebhook(const WebhookDelivery& delivery) override {
    return Call(&Store::ForgetWebhook, delivery);
  }
  absl::StatusOr<std::string> WebhookSecret(const std::string& tenant,
                                            const std::string& fresh,
                                            bool replace,
                                            absl::Time now,
                                            const AuditEntry* audit) override {
    return Call(&Store::WebhookSecret, tenant, fresh, replace, now, audit);
  }
  absl::StatusOr<SessionInfo> OpenSession(const rendernode::OpenSessionRequest& request,
                                          const std::string& session,
                                          absl::Time now) override {
    return Call(&Store::OpenSession, request, session, now);
  }
  absl::StatusOr<SyncOutcome> Sync(const rendernode::SyncRequest& request,
                                   absl::Time now) override {
    return Call(&Store::Sync, request, now);
  }
  absl::StatusOr<std::vector<WaitingJob>> OpenJobs(absl::Time now) override {
    ++looks_;
    return Call(&Store::OpenJobs, now);
  }
  absl::StatusOr<WaitingItems> ReadyItems(const std::string& job_id,
                                          int limit,
                                          absl::Time now) override {
    return Call(&Store::ReadyItems, job_id, limit, now);
  }
  absl::StatusOr<std::vector<Leases>> AssignAll(const std::vector<ItemsFor>& wanted,
                                                absl::Time now) override {
    return Call(&Store::AssignAll, wanted, now);
  }
  absl::StatusOr<std::string> SessionNode(const std::string& session) override {
    return Call(&Store::SessionNode, session);
  }
  absl::StatusOr<rendernode::CommitItemResponse::Verdict> Commit(
      const rendernode::CommitItemRequest& request, absl::Time now) override {
    return Call(&Store::Commit, request, now);
  }
  absl::StatusOr<std::string> GetJobSpec(const std::string& digest) override {
    return Call(&Store::GetJobSpec, digest);
  }
  absl::StatusOr<std::string> CorrelationId(const std::string& job_id) override {
    return Call(&Store::CorrelationId, job_id);
  }
  absl::Status CloseSession(const std::string& session, absl::Time now) override {
    return Call(&Store::CloseSession, session, now);
  }
  absl::StatusOr<std::set<std::string>> DrainedNodes() override {
    return Call(&Store::DrainedNodes);
  }
  absl::Status SetNodeDrain(const std::string& node_id,
                            bool drain,
                            absl::Time now,
                            const AuditEntry* audit) override {
    return Call(&Store::SetNodeDrain, node_id, drain, now, audit);
  }
  absl::StatusOr<std::vector<LostLease>> Expire(absl::Time now, absl::Time not_before) override {
    auto lost = Call(&Store::Expire, now, not_before);
    expired_ms_ = absl::ToUnixMillis(now);
    return lost;
  }
  absl::StatusOr<Tenant> CreateTenant(const Tenant& tenant,
                                      const AuditEntry& audit,
                                      absl::Time now) override {
    return Call(&TenantStore::CreateTenant, tenant, audit, now);
  }
  absl::StatusOr<Tenant> UpdateTenant(const std::string& id,
                                      absl::FunctionRef<void(Tenant&)> change,
                                      const AuditEntry& audit,
                                      absl::Time now) override {
    return Call(&TenantStore::UpdateTenant, id, change, audit, now);
  }
  absl::StatusOr<Tenant> GetTenant(const std::string& id) override {
    return Call(&TenantStore::GetTenant, id);
  }
  absl::StatusOr<std::vector<Tenant>> ListTenants(const std::string& after_id, int limit) override {
    return Call(&TenantStore::ListTenants, after_id, limit);
  }
  absl::Status AddKey(const StoredKey& key,
                      int keys_max,
                      const AuditEntry& audit,
                      absl::Time now) override {
    return Call(&TenantStore::AddKey, key, keys_max, audit, now);
  }
  absl::StatusOr<StoredKey> RevokeKey(const std::string& id,
                                      const AuditEntry& audit,
                                      absl::Time now) override {
    return Call(&TenantStore::RevokeKey, id, audit, now);
  }
  absl::Status NoteKeyUse(const std::string& id, absl::Time now) override {
    return Call(&TenantStore::NoteKeyUse, id, now);
  }
  absl::StatusOr<StoredKey> GetKey(const std::string& id) override {
    return Call(&TenantStore::GetKey, id);
  }
  absl::StatusOr<std::vector<StoredKey>> ListKeys(const std::optional<std::string>& tenant,
                                                  const std::string& after_id,
                                                  int limit) override {
    return Call(&TenantStore::ListKeys, tenant, after_id, limit);
  }
  absl::StatusOr<std::vector<AuditEntry>> ListAudit(const AuditFilter& filter) override {
    return Call(&TenantStore::ListAudit, filter);
  }

 private:
  template <typename Owner, typename Result, typename... Parameters, typename... Arguments>
  Result Call(Result (Owner::*method)(Parameters...), Arguments&&... arguments) {
    if (fails_) {
      return absl::UnavailableError("the store is away");
    }
    return (store_.*method)(std::forward<Arguments>(arguments)...);
  }

  Store& store_;
  std::atomic<bool> fails_ = false;
  std::atomic<int> looks_ = 0;
  std::atomic<std::int64_t> expired_ms_ = 0;
};

}  // namespace rn
