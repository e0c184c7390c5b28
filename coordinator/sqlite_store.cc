#include "coordinator/sqlite_store.h"

#include <soci/sqlite3/soci-sqlite3.h>
#include <spdlog/spdlog.h>

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "coordinator/sql_database.h"
#include "coordinator/sql_items.h"
#include "coordinator/sql_store.h"
#include "coordinator/store_schema.h"

namespace rn {
namespace {

constexpr int kApplicationId = 0x524e5331;  // "RNS1"
constexpr int kReaders = 4;

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
  // 16 MiB, where a job of 10,000 rows changes about ten: what does not fit is written twice.
  for (const char* pragma : {"PRAGMA synchronous=FULL",
                             "PRAGMA foreign_keys=ON",
                             "PRAGMA trusted_schema=OFF",
                             "PRAGMA cache_size=-16384"}) {
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
    for (const std::string& statement : StoreSchema(SqlDialect::kSqlite)) {
      connection->Once(statement);
    }
    connection->Once(absl::StrCat("PRAGMA application_id=", kApplicationId));
    connection->Once(absl::StrCat("PRAGMA user_version=", kStoreSchemaVersion));
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
  if (version < 1 || version > kStoreSchemaVersion) {
    return absl::FailedPreconditionError(absl::StrCat("has schema version ",
                                                      version,
                                                      "; this program knows versions 1 to ",
                                                      kStoreSchemaVersion));
  }
  const auto verdict = Query<std::string>(connection, "PRAGMA quick_check(1)");
  return verdict == "ok" ? absl::OkStatus()
                         : absl::DataLossError(absl::StrCat("is damaged: ", verdict));
}

// A store of an older version becomes one of ours, in one transaction: all of it or nothing.
void Migrate(SqlConnection& connection) {
  const long long from = Query<long long>(connection, "PRAGMA user_version");
  if (from == kStoreSchemaVersion) {
    return;
  }
  connection.Once("BEGIN IMMEDIATE");
  for (const std::string& statement :
       StoreMigrations(SqlDialect::kSqlite, static_cast<int>(from))) {
    connection.Once(statement);
  }
  connection.Once(absl::StrCat("PRAGMA user_version=", kStoreSchemaVersion));
  connection.Once("COMMIT");
  SPDLOG_INFO("store migrated from_version={} to_version={}", from, kStoreSchemaVersion);
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
  writer.reset();
  // IMMEDIATE: a transaction that reads first and writes later could otherwise find that another
  // process wrote in between. One writer: SQLite has no use for more.
  return SqlDatabase::Open({.begin_write = "BEGIN IMMEDIATE",
                            .begin_read = "BEGIN",
                            .writers = 1,
                            .readers = kReaders,
                            .at_end = &SettleJobs},
                           [path, limits] { return Connect(path, limits); });
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
