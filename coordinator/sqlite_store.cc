#include "coordinator/sqlite_store.h"

#include <soci/sqlite3/soci-sqlite3.h>
#include <spdlog/spdlog.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "base/file.h"
#include "base/status.h"
#include "coordinator/schema_sql.h"
#include "coordinator/sql_database.h"
#include "coordinator/sql_store.h"

namespace rn {
namespace {

constexpr int kApplicationId = 0x524e5331;  // "RNS1"
constexpr int kSchemaVersion = 7;
constexpr int kReaders = 4;

// What makes a store of the version before one of this version, in order; a new store is made by
// schema.sql.
constexpr const char* kToVersion2[] = {
    "ALTER TABLE items ADD COLUMN avoid_node TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE job_requests ADD COLUMN correlation_id TEXT NOT NULL DEFAULT ''",
    "CREATE TABLE node_journals(node_id TEXT PRIMARY KEY, journal_id TEXT NOT NULL, "
    "incarnation BIGINT NOT NULL, opened_ms BIGINT NOT NULL)"};

constexpr const char* kToVersion3[] = {
    "CREATE TABLE node_drains(node_id TEXT PRIMARY KEY, since_ms BIGINT NOT NULL)"};

constexpr const char* kToVersion4[] = {
    "CREATE TABLE webhook_deliveries(job_id TEXT PRIMARY KEY REFERENCES jobs(id), "
    "ended_ms BIGINT NOT NULL, attempts INTEGER NOT NULL, due_ms BIGINT NOT NULL)",
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

struct Migration {
  long long to_version;
  absl::Span<const char* const> statements;
};
constexpr Migration kMigrations[] = {{2, kToVersion2},
                                     {3, kToVersion3},
                                     {4, kToVersion4},
                                     {5, kToVersion5},
                                     {6, kToVersion6},
                                     {7, kToVersion7}};

using Connection = std::unique_ptr<SqlConnection>;

template <typename T>
T Query(SqlConnection& connection, const std::string& sql) {
  return std::get<0>(connection.Once<std::tuple<T>>(sql));
}

Connection Connect(const std::filesystem::path& path, const StoreLimits& limits) {
  auto connection = std::make_unique<SqlConnection>();
  connection->session().open(soci::sqlite3, absl::StrCat("db=\"", path.string(), "\""));
  connection->Once(
      absl::StrCat("PRAGMA busy_timeout=", absl::ToInt64Milliseconds(limits.busy_timeout)));
  for (const char* pragma :
       {"PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON", "PRAGMA trusted_schema=OFF"}) {
    connection->Once(pragma);
  }
  return connection;
}

// Made aside and renamed, so that a store cut to nothing is never taken for a new one.
absl::Status Create(const std::filesystem::path& path, const StoreLimits& limits) {
  const std::filesystem::path fresh = path.string() + ".new";
  std::error_code error;
  std::filesystem::remove(fresh, error);
  {
    const Connection connection = Connect(fresh, limits);
    connection->Once("BEGIN");
    for (const absl::string_view statement :
         absl::StrSplit(kStoreSchema, ";\n", absl::SkipWhitespace())) {
      connection->Once(std::string(statement));
    }
    connection->Once(absl::StrCat("PRAGMA application_id=", kApplicationId));
    connection->Once(absl::StrCat("PRAGMA user_version=", kSchemaVersion));
    connection->Once("COMMIT");
  }
  std::filesystem::rename(fresh, path, error);
  if (error) {
    return ErrnoStatus(error.value(), path.string());
  }
  return SyncDirectory(path.has_parent_path() ? path.parent_path() : ".");
}

// A foreign, newer or damaged file is refused before anything is written to it.
absl::Status CheckOurs(SqlConnection& connection) {
  if (Query<long long>(connection, "PRAGMA application_id") != kApplicationId) {
    return absl::FailedPreconditionError("is not a coordinator's store");
  }
  const long long version = Query<long long>(connection, "PRAGMA user_version");
  if (version < 1 || version > kSchemaVersion) {
    return absl::FailedPreconditionError(absl::StrCat(
        "has schema version ", version, "; this program knows versions 1 to ", kSchemaVersion));
  }
  const auto verdict = Query<std::string>(connection, "PRAGMA quick_check(1)");
  return verdict == "ok" ? absl::OkStatus()
                         : absl::DataLossError(absl::StrCat("is damaged: ", verdict));
}

// A store of an older version becomes one of ours, in one transaction: all of it or nothing.
void Migrate(SqlConnection& connection) {
  const long long from = Query<long long>(connection, "PRAGMA user_version");
  if (from == kSchemaVersion) {
    return;
  }
  connection.Once("BEGIN IMMEDIATE");
  for (const Migration& migration : kMigrations) {
    if (migration.to_version <= from) {
      continue;
    }
    for (const char* statement : migration.statements) {
      connection.Once(statement);
    }
  }
  connection.Once(absl::StrCat("PRAGMA user_version=", kSchemaVersion));
  connection.Once("COMMIT");
  SPDLOG_INFO("store migrated from_version={} to_version={}", from, kSchemaVersion);
}

absl::StatusOr<std::unique_ptr<SqlDatabase>> OpenDatabase(const std::filesystem::path& path,
                                                          const StoreLimits& limits) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    RETURN_IF_ERROR(Create(path, limits));
  }
  Connection writer = Connect(path, limits);
  RETURN_IF_ERROR(CheckOurs(*writer));
  if (Query<std::string>(*writer, "PRAGMA journal_mode=WAL") != "wal") {
    return absl::FailedPreconditionError(
        "cannot keep a write-ahead log: its folder must be on a "
        "local, writable file system");
  }
  Migrate(*writer);
  std::vector<Connection> readers;
  for (int i = 0; i < kReaders; ++i) {
    readers.push_back(Connect(path, limits));
  }
  // IMMEDIATE: a transaction that reads first and writes later could otherwise find that another
  // process wrote in between.
  return std::make_unique<SqlDatabase>("BEGIN IMMEDIATE", std::move(writer), std::move(readers));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::filesystem::path& path,
                                                       const StoreLimits& limits) {
  if (absl::StrContains(path.string(), "\"")) {
    return absl::InvalidArgumentError(
        absl::StrCat("store ", path.string(), ": its path must not contain a double quote"));
  }
  std::unique_ptr<SqlDatabase> database;
  const absl::Status status = CatchingSql([&]() -> absl::Status {
    ASSIGN_OR_RETURN(database, OpenDatabase(path, limits));
    return absl::OkStatus();
  });
  RETURN_IF_ERROR(Annotate(status, absl::StrCat("store ", path.string())));
  return std::make_unique<SqlStore>(std::move(database), limits);
}

}  // namespace rn
