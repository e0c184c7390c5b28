// A PostgreSQL server of the tests' own; see postgres.sh.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/file.h"
#include "base/subprocess.h"

namespace rn {

class PostgresServer {
 public:
  // Serves on return, and as long as we and the thread that called live. `settings` as
  // postgresql.conf has them: "fsync = on".
  static absl::StatusOr<std::unique_ptr<PostgresServer>> Start(
      const std::vector<std::string>& settings = {});

  // The one of this program's run of tests: that of CTest, when it started one, else our own, made
  // at the first call.
  static const PostgresServer& Shared();

  // A new, empty database; its URL. Whoever connects is a superuser.
  std::string NewDatabase() const;
  // Its connections are closed.
  void DropDatabase(const std::string& url) const;
  // SQL as an operator would type it, in any database; its first column, a row each.
  std::vector<std::string> Execute(const std::string& url, const std::string& sql) const;
  std::string UrlOf(const std::string& database) const;

  // Of one that Start() made.
  Subprocess& process() { return *process_; }

 private:
  PostgresServer() = default;

  std::unique_ptr<TempDir> own_folder_;
  std::filesystem::path folder_;         // Of its socket.
  std::unique_ptr<Subprocess> process_;  // Null: it is not ours.
};

// A database while it lives.
class PostgresDatabase {
 public:
  explicit PostgresDatabase(const PostgresServer& server = PostgresServer::Shared())
      : server_(server), url_(server.NewDatabase()) {}
  ~PostgresDatabase() { server_.DropDatabase(url_); }
  PostgresDatabase(const PostgresDatabase&) = delete;
  PostgresDatabase& operator=(const PostgresDatabase&) = delete;

  const std::string& url() const { return url_; }
  std::vector<std::string> Execute(const std::string& sql) const {
    return server_.Execute(url_, sql);
  }
  // Whoever is connected is so no more; returns when nothing is under way.
  void Disconnect() const;

 private:
  const PostgresServer& server_;  // Outlives us.
  const std::string url_;
};

}  // namespace rn
