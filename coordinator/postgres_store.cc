#include "coordinator/postgres_store.h"

#include <libpq-fe.h>
#include <soci/postgresql/soci-postgresql.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "coordinator/sql_database.h"
#include "coordinator/sql_items.h"
#include "coordinator/sql_store.h"
#include "coordinator/store_schema.h"

namespace rn {
namespace {

// Of coordinators that start at once on an empty database, all but one find that the tables are
// there as they look again.
constexpr int kPrepareTries = 10;

using Connection = std::unique_ptr<SqlConnection>;

std::int64_t Milliseconds(absl::Duration duration) {
  return absl::ToInt64Milliseconds(duration);
}

// What libpq says on its own account, beside errors, is nothing that an operator must see.
void IgnoreNotice(void* /*unused*/, const PGresult* /*notice*/) {}

// UBSan wants the type's description for its check, which SOCI's library keeps to itself.
[[gnu::no_sanitize("vptr")]] PGconn* LibpqConnection(SqlConnection& connection) {
  return static_cast<soci::postgresql_session_backend*>(connection.session().get_backend())->conn_;
}

// Whether the server takes us. SOCI forgets to free a connection that fails as it is opened, and
// an outage may be long.
absl::Status TryToConnect(const std::string& conninfo) {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> trial(PQconnectdb(conninfo.c_str()),
                                                           &PQfinish);
  return PQstatus(trial.get()) == CONNECTION_OK
             ? absl::OkStatus()
             : absl::UnavailableError(absl::StripAsciiWhitespace(PQerrorMessage(trial.get())));
}

// A transaction that stands still, as its coordinator does, must not keep the others waiting.
std::string Settings(const PostgresOptions& options) {
  return absl::StrCat("SET client_encoding = 'UTF8'; SET standard_conforming_strings = on; ",
                      "SET synchronous_commit = on; SET lock_timeout = ",
                      Milliseconds(options.lock_timeout),
                      "; SET statement_timeout = ",
                      Milliseconds(options.statement_timeout),
                      "; SET idle_in_transaction_session_timeout = ",
                      2 * Milliseconds(options.statement_timeout));
}

absl::StatusOr<Connection> Connect(const PostgresOptions& options) {
  const std::string conninfo = PostgresConninfo(options);
  RETURN_IF_ERROR(TryToConnect(conninfo));
  auto connection = std::make_unique<SqlConnection>(SqlDialect::kPostgres);
  const SqlOutcome outcome = RunSql([&] {
    connection->session().open(soci::postgresql, conninfo);
    PQsetNoticeReceiver(LibpqConnection(*connection), &IgnoreNotice, nullptr);
    connection->session() << Settings(options);
    return absl::OkStatus();
  });
  if (!outcome.status.ok()) {
    return absl::UnavailableError(outcome.status.message());
  }
  // Where the operator allows us to: docs/postgresql.md.
  (void)RunSql([&] {
    connection->session() << "SET deadlock_timeout = '100ms'";
    return absl::OkStatus();
  });
  return connection;
}

template <typename T>
T Query(SqlConnection& connection, const std::string& sql) {
  return std::get<0>(connection.Once<std::tuple<T>>(sql));
}

absl::Status CheckForeign(SqlConnection& sql) {
  const auto tables = Query<long long>(
      sql,
      "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema() "
      "AND table_name IN ('store_schema', 'jobs')");
  const auto ours = Query<long long>(
      sql,
      "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema() "
      "AND table_name = 'store_schema'");
  return tables == 0 || ours == 1 ? absl::OkStatus()
                                  : absl::FailedPreconditionError(
                                        "is not a coordinator's store: there is a table jobs, "
                                        "but none that says whose; use another database");
}

// Coordinators that start at once do this one after the other.
absl::Status PrepareTables(SqlConnection& sql) {
  RETURN_IF_ERROR(CheckForeign(sql));
  sql.Once(
      "CREATE TABLE IF NOT EXISTS store_schema(name TEXT PRIMARY KEY, version BIGINT NOT NULL)");
  sql.Once(
      "INSERT INTO store_schema(name, version) VALUES('rendernode', 0) ON CONFLICT(name) "
      "DO NOTHING");
  const auto from = Query<long long>(
      sql, "SELECT version FROM store_schema WHERE name = 'rendernode' FOR UPDATE");
  if (from > kStoreSchemaVersion) {
    return absl::FailedPreconditionError(absl::StrCat(
        "has schema version ", from, "; this program knows versions 1 to ", kStoreSchemaVersion));
  }
  if (from == kStoreSchemaVersion) {
    return absl::OkStatus();
  }
  for (const std::string& statement :
       from == 0 ? StoreSchema(SqlDialect::kPostgres)
                 : StoreMigrations(SqlDialect::kPostgres, static_cast<int>(from))) {
    sql.Once(statement);
  }
  sql.Once(absl::StrCat("UPDATE store_schema SET version = ", kStoreSchemaVersion));
  SPDLOG_INFO("store prepared from_version={} to_version={}", from, kStoreSchemaVersion);
  return absl::OkStatus();
}

absl::Status Prepare(const PostgresOptions& options) {
  ASSIGN_OR_RETURN(const Connection connection, Connect(options));
  absl::Status status;
  for (int tries = 0; tries < kPrepareTries; ++tries) {
    const SqlOutcome outcome = RunSql([&]() -> absl::Status {
      if (const auto encoding = Query<std::string>(*connection, "SHOW server_encoding");
          encoding != "UTF8") {
        return absl::FailedPreconditionError(
            absl::StrCat("has the encoding ", encoding, "; it must have UTF8"));
      }
      connection->Once("BEGIN");
      RETURN_IF_ERROR(PrepareTables(*connection));
      connection->Once("COMMIT");
      return absl::OkStatus();
    });
    status = outcome.status;
    if (status.ok()) {
      return status;
    }
    (void)RunSql([&] {
      connection->Once("ROLLBACK");
      return absl::OkStatus();
    });
    // Two that make one table at once: PostgreSQL tells one of them of a constraint.
    if (!absl::IsAlreadyExists(status) && outcome.fault != SqlFault::kTransaction) {
      break;
    }
  }
  return status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenPostgresStore(const PostgresOptions& options,
                                                         const StoreLimits& limits,
                                                         PostgresNews* news) {
  RETURN_IF_ERROR(CheckPostgresUrl(options.url));
  const std::string where = absl::StrCat("store ", WithoutPassword(options.url));
  RETURN_IF_ERROR(Annotate(Prepare(options), where));
  SqlDatabaseOptions database_options{
      .begin_write = "BEGIN ISOLATION LEVEL READ COMMITTED",
      .begin_read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
      .writers = options.writers,
      .readers = options.readers,
      .tries_max = options.tries_max,
      .reconnect_pause = options.reconnect_pause,
      .at_end = &SettleJobs};
  if (news != nullptr) {
    database_options.after_commit = [news](const StoreNews& what) { news->Tell(what); };
  }
  auto database = SqlDatabase::Open(database_options, [options] { return Connect(options); });
  RETURN_IF_ERROR(Annotate(database.status(), where));
  return std::make_unique<SqlStore>(*std::move(database), limits);
}

}  // namespace rn
