#include "coordinator/store_schema.h"

#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "coordinator/schema_sql.h"

namespace rn {
namespace {

constexpr const char* kToVersion2[] = {
    "ALTER TABLE items ADD COLUMN avoid_node TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE job_requests ADD COLUMN correlation_id TEXT NOT NULL DEFAULT ''",
    ("CREATE TABLE node_journals(node_id TEXT PRIMARY KEY, journal_id TEXT NOT NULL, "
     "incarnation BIGINT NOT NULL, opened_ms BIGINT NOT NULL)")};

constexpr const char* kToVersion3[] = {
    "CREATE TABLE node_drains(node_id TEXT PRIMARY KEY, since_ms BIGINT NOT NULL)"};

constexpr const char* kToVersion4[] = {
    ("CREATE TABLE webhook_deliveries(job_id TEXT PRIMARY KEY REFERENCES jobs(id), "
     "ended_ms BIGINT NOT NULL, attempts INTEGER NOT NULL, due_ms BIGINT NOT NULL)"),
    "CREATE INDEX webhook_deliveries_by_due ON webhook_deliveries(due_ms)",
    "CREATE TABLE webhook_secrets(tenant TEXT PRIMARY KEY, secret TEXT NOT NULL)"};

constexpr const char* kToVersion5[] = {
    "CREATE TABLE templates(tenant TEXT NOT NULL, template_id TEXT NOT NULL, "
    "version BIGINT NOT NULL, sha256 TEXT NOT NULL, created_ms BIGINT NOT NULL, "
    "body TEXT NOT NULL, PRIMARY KEY(tenant, template_id, version))"};

constexpr const char* kToVersion6[] = {
    "CREATE INDEX jobs_of_tenant_by_time ON jobs(tenant, created_ms)"};

constexpr const char* kToVersion7[] = {
    "CREATE TABLE tenants(id TEXT PRIMARY KEY, title TEXT NOT NULL, state INTEGER NOT NULL, "
    "items_open_max BIGINT NOT NULL, items_per_day_max BIGINT NOT NULL, "
    "items_running_max BIGINT NOT NULL, weight_permille BIGINT NOT NULL, "
    "created_ms BIGINT NOT NULL, updated_ms BIGINT NOT NULL)",
    "CREATE TABLE api_keys(id TEXT PRIMARY KEY, tenant TEXT NOT NULL, title TEXT NOT NULL, "
    "scopes TEXT NOT NULL, secret_hash TEXT NOT NULL, created_ms BIGINT NOT NULL, "
    "expires_ms BIGINT NOT NULL, revoked_ms BIGINT NOT NULL, used_ms BIGINT NOT NULL)",
    "CREATE INDEX api_keys_of_tenant ON api_keys(tenant, id)",
    "CREATE TABLE audit_log(id TEXT PRIMARY KEY, at_ms BIGINT NOT NULL, who TEXT NOT NULL, "
    "what TEXT NOT NULL, target TEXT NOT NULL, detail TEXT NOT NULL, "
    "correlation_id TEXT NOT NULL)",
    "CREATE INDEX audit_log_by_time ON audit_log(at_ms)"};

constexpr const char* kToVersion8[] = {"CREATE TABLE tenant_locks(tenant TEXT PRIMARY KEY)"};

struct Migration {
  int to_version;
  absl::Span<const char* const> statements;
};
constexpr Migration kMigrations[] = {{2, kToVersion2},
                                     {3, kToVersion3},
                                     {4, kToVersion4},
                                     {5, kToVersion5},
                                     {6, kToVersion6},
                                     {7, kToVersion7},
                                     {8, kToVersion8}};

}  // namespace

std::vector<std::string> StoreSchema(SqlDialect dialect) {
  std::vector<std::string> statements;
  for (const absl::string_view statement :
       absl::StrSplit(kStoreSchema, ";\n", absl::SkipWhitespace())) {
    statements.push_back(SchemaInDialect(dialect, statement));
  }
  return statements;
}

std::vector<std::string> StoreMigrations(SqlDialect dialect, int from) {
  std::vector<std::string> statements;
  for (const Migration& migration : kMigrations) {
    if (migration.to_version <= from) {
      continue;
    }
    for (const char* statement : migration.statements) {
      statements.push_back(SchemaInDialect(dialect, statement));
    }
  }
  return statements;
}

}  // namespace rn
