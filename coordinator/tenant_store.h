// What operators keep in the store: tenants, their API keys and limits, and the log of who changed
// what. A part of Store, whose rules about transactions, threads and Unavailable hold here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace rn {

enum class TenantState { kActive = 0, kSuspended = 1 };

// What is not set is as the coordinator's configuration says.
struct TenantLimits {
  std::optional<std::int64_t> items_open_max;     // As in TenantQuota; 0: no bound.
  std::optional<std::int64_t> items_per_day_max;  // The same.
  std::optional<std::int64_t> items_running_max;  // Leased at once; 0: no bound.
  std::optional<double> weight;                   // Its share of the farm beside others'; above 0.
};

struct Tenant {
  std::string id;     // CheckTenantName()
  std::string title;  // For people.
  TenantState state = TenantState::kActive;
  TenantLimits limits;
  absl::Time created_at, updated_at;
};

// An API key without its secret. All but `used_at` and `revoked_at` stay for ever as they are.
struct StoredKey {
  std::string id;      // The part of the key that may be shown: api_key.h.
  std::string tenant;  // "": the operators'.
  std::string title;
  std::vector<std::string> scopes;
  std::string secret_hash;  // HashApiKey()
  absl::Time created_at;
  std::optional<absl::Time> expires_at, revoked_at;
  std::optional<absl::Time> used_at;                // Roughly.
  TenantState tenant_state = TenantState::kActive;  // When it was read.
};

// One change. Written in the transaction of the change, and never changed itself; forgotten after
// StoreLimits::audit_kept.
struct AuditEntry {
  std::string id;           // A ULID, the store's: later ones are greater.
  absl::Time at;            // The store's.
  std::string who;          // Principal::name
  std::string what;         // "tenant.suspend"
  std::string target;       // "acme"
  std::string detail_json;  // An object.
  std::string correlation_id;
};

struct AuditFilter {
  std::optional<absl::Time> since;
  std::string before_id;  // Newest first: those older than this one. "" = from the newest.
  int limit = 50;
};

class TenantStore {
 public:
  virtual ~TenantStore() = default;

  // `id`, `title` and `limits` of `tenant` count. AlreadyExists.
  virtual absl::StatusOr<Tenant> CreateTenant(const Tenant& tenant,
                                              const AuditEntry& audit,
                                              absl::Time now) = 0;
  // As `change` leaves it, which is called within the transaction and alters title, state and
  // limits. NotFound.
  virtual absl::StatusOr<Tenant> UpdateTenant(const std::string& id,
                                              absl::FunctionRef<void(Tenant&)> change,
                                              const AuditEntry& audit,
                                              absl::Time now) = 0;
  // NotFound: tenants of the configuration file alone are not here.
  virtual absl::StatusOr<Tenant> GetTenant(const std::string& id) = 0;
  // By id.
  virtual absl::StatusOr<std::vector<Tenant>> ListTenants(const std::string& after_id,
                                                          int limit) = 0;

  // NotFound: no such tenant. ResourceExhausted: it has `keys_max` that were not revoked.
  virtual absl::Status AddKey(const StoredKey& key,
                              int keys_max,
                              const AuditEntry& audit,
                              absl::Time now) = 0;
  // Revoked once, it stays so, and is not logged again. NotFound.
  virtual absl::StatusOr<StoredKey> RevokeKey(const std::string& id,
                                              const AuditEntry& audit,
                                              absl::Time now) = 0;
  virtual absl::Status NoteKeyUse(const std::string& id, absl::Time now) = 0;
  // Revoked and expired ones too. NotFound.
  virtual absl::StatusOr<StoredKey> GetKey(const std::string& id) = 0;
  // By id; of one tenant, or of all and the operators.
  virtual absl::StatusOr<std::vector<StoredKey>> ListKeys(const std::optional<std::string>& tenant,
                                                          const std::string& after_id,
                                                          int limit) = 0;

  virtual absl::StatusOr<std::vector<AuditEntry>> ListAudit(const AuditFilter& filter) = 0;
};

}  // namespace rn
