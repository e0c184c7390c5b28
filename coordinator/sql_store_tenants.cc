// Tenants, their keys, and the log of who changed what.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/ulid.h"
#include "coordinator/sql_items.h"
#include "coordinator/sql_store.h"

namespace rn {
namespace {

constexpr long long kUnset = -1;  // Of a limit.
constexpr double kPermille = 1000;
constexpr char kAuditLock[] = "audit log";  // Among those of tenants, none of which is called so.

struct TenantRow {
  std::string id, title;
  long long state = 0, open_max = kUnset, per_day_max = kUnset, running_max = kUnset;
  long long weight_permille = kUnset, created_ms = 0, updated_ms = 0;

  auto Columns() {
    return std::tie(id,
                    title,
                    state,
                    open_max,
                    per_day_max,
                    running_max,
                    weight_permille,
                    created_ms,
                    updated_ms);
  }
};

struct KeyRow {
  std::string id, tenant, title, scopes, secret_hash;
  long long created_ms = 0, expires_ms = 0, revoked_ms = 0, used_ms = 0, tenant_state = 0;

  auto Columns() {
    return std::tie(id,
                    tenant,
                    title,
                    scopes,
                    secret_hash,
                    created_ms,
                    expires_ms,
                    revoked_ms,
                    used_ms,
                    tenant_state);
  }
};

struct AuditRow {
  std::string id, who, what, target, detail, correlation_id;
  long long at_ms = 0;

  auto Columns() { return std::tie(id, at_ms, who, what, target, detail, correlation_id); }
};

std::optional<std::int64_t> LimitOf(long long column) {
  return column == kUnset ? std::nullopt : std::optional<std::int64_t>(column);
}

std::optional<absl::Time> TimeOf(long long ms) {
  return ms == 0 ? std::nullopt : std::optional<absl::Time>(absl::FromUnixMillis(ms));
}

long long WeightColumn(const std::optional<double>& weight) {
  return weight.has_value() ? std::max(1LL, std::llround(*weight * kPermille)) : kUnset;
}

Tenant TenantOf(const TenantRow& row) {
  Tenant tenant = {.id = row.id,
                   .title = row.title,
                   .state = static_cast<TenantState>(row.state),
                   .limits = {.items_open_max = LimitOf(row.open_max),
                              .items_per_day_max = LimitOf(row.per_day_max),
                              .items_running_max = LimitOf(row.running_max)},
                   .created_at = absl::FromUnixMillis(row.created_ms),
                   .updated_at = absl::FromUnixMillis(row.updated_ms)};
  if (row.weight_permille != kUnset) {
    tenant.limits.weight = static_cast<double>(row.weight_permille) / kPermille;
  }
  return tenant;
}

StoredKey KeyOf(const KeyRow& row) {
  return {.id = row.id,
          .tenant = row.tenant,
          .title = row.title,
          .scopes = absl::StrSplit(row.scopes, ' ', absl::SkipWhitespace()),
          .secret_hash = row.secret_hash,
          .created_at = absl::FromUnixMillis(row.created_ms),
          .expires_at = TimeOf(row.expires_ms),
          .revoked_at = TimeOf(row.revoked_ms),
          .used_at = TimeOf(row.used_ms),
          .tenant_state = static_cast<TenantState>(row.tenant_state)};
}

AuditEntry EntryOf(const AuditRow& row) {
  return {.id = row.id,
          .at = absl::FromUnixMillis(row.at_ms),
          .who = row.who,
          .what = row.what,
          .target = row.target,
          .detail_json = row.detail,
          .correlation_id = row.correlation_id};
}

template <typename Made, typename Row>
std::vector<Made> AllOf(const std::vector<Row>& rows, Made (*make)(const Row&)) {
  std::vector<Made> all;
  std::transform(rows.begin(), rows.end(), std::back_inserter(all), make);
  return all;
}

absl::StatusOr<Tenant> FindTenant(SqlConnection& sql, const std::string& id) {
  const auto row = sql.One<TenantRow>(
      "SELECT id, title, state, items_open_max, items_per_day_max, items_running_max, "
      "weight_permille, created_ms, updated_ms FROM tenants WHERE id = :id",
      id);
  if (!row.has_value()) {
    return absl::NotFoundError(absl::StrCat("there is no tenant ", id));
  }
  return TenantOf(*row);
}

absl::StatusOr<StoredKey> FindKey(SqlConnection& sql, const std::string& id) {
  const auto row = sql.One<KeyRow>(
      "SELECT k.id, k.tenant, k.title, k.scopes, k.secret_hash, k.created_ms, k.expires_ms, "
      "k.revoked_ms, k.used_ms, COALESCE(t.state, 0) FROM api_keys k "
      "LEFT JOIN tenants t ON t.id = k.tenant WHERE k.id = :id",
      id);
  if (!row.has_value()) {
    return absl::NotFoundError(absl::StrCat("there is no key ", id));
  }
  return KeyOf(*row);
}

// The least ULID that is greater.
std::string Successor(std::string ulid) {
  constexpr absl::string_view kDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  for (auto digit = ulid.rbegin(); digit != ulid.rend(); ++digit) {
    const std::size_t value = kDigits.find(*digit);
    if (value + 1 < kDigits.size()) {
      *digit = kDigits[value + 1];
      break;
    }
    *digit = kDigits.front();
  }
  return ulid;
}

}  // namespace

// Ids are the order in which entries were written, be it in one millisecond or after the clock was
// set back: of two at once the later one waits, and sees the other's.
void SqlStore::WriteAudit(SqlConnection& sql, const AuditEntry& entry, absl::Time now) {
  sql.Run("DELETE FROM audit_log WHERE at_ms < :limit", Millis(now - limits_.audit_kept));
  LockTenant(sql, kAuditLock);
  const auto newest =
      sql.One<std::tuple<std::string>>("SELECT COALESCE(MAX(id), '') FROM audit_log");
  const std::string id = NewUlid(now);
  sql.Run(
      "INSERT INTO audit_log(id, at_ms, who, what, target, detail, correlation_id) "
      "VALUES(:id, :at, :who, :what, :target, :detail, :correlation)",
      id > std::get<0>(*newest) ? id : Successor(std::get<0>(*newest)),
      Millis(now),
      entry.who,
      entry.what,
      entry.target,
      entry.detail_json,
      entry.correlation_id);
}

absl::StatusOr<Tenant> SqlStore::CreateTenant(const Tenant& tenant,
                                              const AuditEntry& audit,
                                              absl::Time now) {
  return Write([&](SqlConnection& sql) -> absl::StatusOr<Tenant> {
    if (FindTenant(sql, tenant.id).ok()) {
      return absl::AlreadyExistsError(absl::StrCat("there is a tenant ", tenant.id, " already"));
    }
    sql.Run(
        "INSERT INTO tenants(id, title, state, items_open_max, items_per_day_max, "
        "items_running_max, weight_permille, created_ms, updated_ms) "
        "VALUES(:id, :title, 0, :open, :day, :running, :weight, :created, :updated)",
        tenant.id,
        tenant.title,
        tenant.limits.items_open_max.value_or(kUnset),
        tenant.limits.items_per_day_max.value_or(kUnset),
        tenant.limits.items_running_max.value_or(kUnset),
        WeightColumn(tenant.limits.weight),
        Millis(now),
        Millis(now));
    WriteAudit(sql, audit, now);
    return FindTenant(sql, tenant.id);
  });
}

absl::StatusOr<Tenant> SqlStore::UpdateTenant(const std::string& id,
                                              absl::FunctionRef<void(Tenant&)> change,
                                              const AuditEntry& audit,
                                              absl::Time now) {
  return Write([&](SqlConnection& sql) -> absl::StatusOr<Tenant> {
    LockTenant(sql, id);
    ASSIGN_OR_RETURN(Tenant tenant, FindTenant(sql, id));
    change(tenant);
    sql.Run(
        "UPDATE tenants SET title = :title, state = :state, items_open_max = :open, "
        "items_per_day_max = :day, items_running_max = :running, weight_permille = :weight, "
        "updated_ms = :now WHERE id = :id",
        tenant.title,
        static_cast<int>(tenant.state),
        tenant.limits.items_open_max.value_or(kUnset),
        tenant.limits.items_per_day_max.value_or(kUnset),
        tenant.limits.items_running_max.value_or(kUnset),
        WeightColumn(tenant.limits.weight),
        Millis(now),
        id);
    WriteAudit(sql, audit, now);
    return FindTenant(sql, id);
  });
}

absl::StatusOr<Tenant> SqlStore::GetTenant(const std::string& id) {
  return Read([&](SqlConnection& sql) { return FindTenant(sql, id); });
}

absl::StatusOr<std::vector<Tenant>> SqlStore::ListTenants(const std::string& after_id, int limit) {
  return Read([&](SqlConnection& sql) -> absl::StatusOr<std::vector<Tenant>> {
    return AllOf(sql.All<TenantRow>(
                     "SELECT id, title, state, items_open_max, items_per_day_max, "
                     "items_running_max, weight_permille, created_ms, updated_ms FROM tenants "
                     "WHERE id > :after ORDER BY id LIMIT :limit",
                     after_id,
                     limit),
                 TenantOf);
  });
}

absl::Status SqlStore::AddKey(const StoredKey& key,
                              int keys_max,
                              const AuditEntry& audit,
                              absl::Time now) {
  return database_->Write([&](SqlConnection& sql) -> absl::Status {
    LockTenant(sql, key.tenant);
    if (!key.tenant.empty()) {
      RETURN_IF_ERROR(FindTenant(sql, key.tenant).status());
    }
    const auto kept = sql.One<std::tuple<long long>>(
        "SELECT COUNT(*) FROM api_keys WHERE tenant = :tenant AND revoked_ms = 0", key.tenant);
    if (std::get<0>(*kept) >= keys_max) {
      return absl::ResourceExhaustedError(absl::StrCat(
          key.tenant.empty() ? "the operators have " : absl::StrCat(key.tenant, " has "),
          std::get<0>(*kept),
          " keys that were not revoked; at most ",
          keys_max));
    }
    sql.Run(
        "INSERT INTO api_keys(id, tenant, title, scopes, secret_hash, created_ms, expires_ms, "
        "revoked_ms, used_ms) "
        "VALUES(:id, :tenant, :title, :scopes, :hash, :created, :expires, 0, 0)",
        key.id,
        key.tenant,
        key.title,
        absl::StrJoin(key.scopes, " "),
        key.secret_hash,
        Millis(now),
        key.expires_at.has_value() ? Millis(*key.expires_at) : 0);
    WriteAudit(sql, audit, now);
    return absl::OkStatus();
  });
}

absl::StatusOr<StoredKey> SqlStore::RevokeKey(const std::string& id,
                                              const AuditEntry& audit,
                                              absl::Time now) {
  return Write([&](SqlConnection& sql) -> absl::StatusOr<StoredKey> {
    ASSIGN_OR_RETURN(StoredKey key, FindKey(sql, id));
    if (key.revoked_at.has_value()) {
      return key;
    }
    sql.Run("UPDATE api_keys SET revoked_ms = :now WHERE id = :id", Millis(now), id);
    WriteAudit(sql, audit, now);
    return FindKey(sql, id);
  });
}

absl::Status SqlStore::NoteKeyUse(const std::string& id, absl::Time now) {
  return database_->Write([&](SqlConnection& sql) {
    sql.Run("UPDATE api_keys SET used_ms = :now WHERE id = :id AND used_ms < :limit",
            Millis(now),
            id,
            Millis(now));
    return absl::OkStatus();
  });
}

absl::StatusOr<StoredKey> SqlStore::GetKey(const std::string& id) {
  return Read([&](SqlConnection& sql) { return FindKey(sql, id); });
}

absl::StatusOr<std::vector<StoredKey>> SqlStore::ListKeys(const std::optional<std::string>& tenant,
                                                          const std::string& after_id,
                                                          int limit) {
  return Read([&](SqlConnection& sql) -> absl::StatusOr<std::vector<StoredKey>> {
    if (!tenant.has_value()) {
      return AllOf(
          sql.All<KeyRow>("SELECT k.id, k.tenant, k.title, k.scopes, k.secret_hash, k.created_ms, "
                          "k.expires_ms, k.revoked_ms, k.used_ms, COALESCE(t.state, 0) "
                          "FROM api_keys k LEFT JOIN tenants t ON t.id = k.tenant "
                          "WHERE k.id > :after ORDER BY k.id LIMIT :limit",
                          after_id,
                          limit),
          KeyOf);
    }
    return AllOf(
        sql.All<KeyRow>("SELECT k.id, k.tenant, k.title, k.scopes, k.secret_hash, k.created_ms, "
                        "k.expires_ms, k.revoked_ms, k.used_ms, COALESCE(t.state, 0) "
                        "FROM api_keys k LEFT JOIN tenants t ON t.id = k.tenant "
                        "WHERE k.tenant = :tenant AND k.id > :after ORDER BY k.id LIMIT :limit",
                        *tenant,
                        after_id,
                        limit),
        KeyOf);
  });
}

absl::StatusOr<std::vector<AuditEntry>> SqlStore::ListAudit(const AuditFilter& filter) {
  constexpr char kAfterEveryUlid[] = "ZZZZZZZZZZZZZZZZZZZZZZZZZZ";
  return Read([&](SqlConnection& sql) -> absl::StatusOr<std::vector<AuditEntry>> {
    return AllOf(sql.All<AuditRow>("SELECT id, at_ms, who, what, target, detail, correlation_id "
                                   "FROM audit_log WHERE id < :before AND at_ms >= :since "
                                   "ORDER BY id DESC LIMIT :limit",
                                   filter.before_id.empty() ? kAfterEveryUlid : filter.before_id,
                                   filter.since.has_value() ? Millis(*filter.since) : 0,
                                   filter.limit),
                 EntryOf);
  });
}

}  // namespace rn
