#include "tests/fakes/postgres_server.h"

#include <libpq-fe.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr char kHome[] = "postgres";  // The database of an operator.
constexpr absl::Duration kStartTimeout = absl::Minutes(1);

}  // namespace

absl::StatusOr<std::unique_ptr<PostgresServer>> PostgresServer::Start(
    const std::vector<std::string>& settings) {
  std::unique_ptr<PostgresServer> server(new PostgresServer);
  // A path of a Unix socket is short.
  ASSIGN_OR_RETURN(TempDir folder, TempDir::Create("rn-pg-", "/tmp"));
  server->own_folder_ = std::make_unique<TempDir>(std::move(folder));
  server->folder_ = server->own_folder_->path();
  // Its log is there for who looks for it.
  SubprocessOptions options{
      .argv = {"/bin/sh",
               "-c",
               absl::StrCat("exec \"$@\" >'", server->folder_.string(), "/log' 2>&1"),
               "sh",
               "/bin/sh",
               absl::StrCat(RN_SOURCE_DIR, "/tests/fakes/postgres.sh"),
               "run",
               server->folder_.string()},
      .environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"},
      .with_channel = false};
  options.argv.insert(options.argv.end(), settings.begin(), settings.end());
  ASSIGN_OR_RETURN(Subprocess process, Subprocess::Start(options));
  server->process_ = std::make_unique<Subprocess>(std::move(process));
  const Clock& clock = Clock::System();
  for (const absl::Duration end = clock.SinceBoot() + kStartTimeout;
       !std::filesystem::exists(server->folder_ / "ready");) {
    if (clock.SinceBoot() > end || server->process_->Wait(absl::ZeroDuration()).ok()) {
      return absl::DeadlineExceededError(absl::StrCat(
          "no PostgreSQL server: ", ReadFile(server->folder_ / "log", 1 << 20).value_or("no log")));
    }
    absl::SleepFor(absl::Milliseconds(20));
  }
  return server;
}

const PostgresServer& PostgresServer::Shared() {
  // Ends with the program: its process dies with the thread that started it, or a little later.
  static const std::unique_ptr<PostgresServer> server = [] {
    if (std::filesystem::exists(std::filesystem::path(RN_POSTGRES_FOLDER) / "ready")) {
      std::unique_ptr<PostgresServer> theirs(new PostgresServer);
      theirs->folder_ = RN_POSTGRES_FOLDER;
      return theirs;
    }
    auto own = Start();
    if (!own.ok()) {
      std::fprintf(stderr, "%s\n", own.status().ToString().c_str());
    }
    CHECK(own.ok());
    return *std::move(own);
  }();
  return *server;
}

std::string PostgresServer::UrlOf(const std::string& database) const {
  return absl::StrCat("postgresql://postgres@/",
                      database,
                      "?options=-cclient_min_messages%3Dwarning&host=",
                      absl::StrReplaceAll(folder_.string(), {{"/", "%2F"}}));
}

std::vector<std::string> PostgresServer::Execute(const std::string& url,
                                                 const std::string& sql) const {
  PGconn* connection = PQconnectdb(url.c_str());
  PGresult* result = PQexec(connection, sql.c_str());
  const ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    std::fprintf(stderr, "%s: %s\n", sql.c_str(), PQerrorMessage(connection));
    CHECK(false);
  }
  std::vector<std::string> rows;
  for (int row = 0; row < PQntuples(result); ++row) {
    rows.emplace_back(PQgetvalue(result, row, 0));
  }
  PQclear(result);
  PQfinish(connection);
  return rows;
}

std::string PostgresServer::NewDatabase() const {
  static std::atomic<int> made = 0;
  // Programs share a server; one that crashed may have left its databases.
  const std::string name = absl::StrCat("test_", getpid(), "_", ++made);
  Execute(UrlOf(kHome), absl::StrCat("DROP DATABASE IF EXISTS ", name, " WITH (FORCE)"));
  Execute(UrlOf(kHome), absl::StrCat("CREATE DATABASE ", name));
  return UrlOf(name);
}

void PostgresServer::DropDatabase(const std::string& url) const {
  const std::size_t begin = url.rfind('/', url.find('?')) + 1;
  Execute(
      UrlOf(kHome),
      absl::StrCat("DROP DATABASE ", url.substr(begin, url.find('?') - begin), " WITH (FORCE)"));
}

void PostgresDatabase::Disconnect() const {
  const char* kOthers =
      "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
      "AND backend_type = 'client backend'";
  while (!Execute(absl::StrCat("SELECT pid ", kOthers)).empty()) {
    Execute(absl::StrCat("SELECT pg_terminate_backend(pid) ", kOthers));
    absl::SleepFor(absl::Milliseconds(5));
  }
}

}  // namespace rn
