#include "daemon/journal.h"

#include <sqlite3.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "base/file.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr int kApplicationId = 0x524e4a31;  // "RNJ1"

// Each brings the schema from the version before it to its own: kMigrations[0] makes version 1. A
// new file goes the same way, so that there is only one schema of each version.
constexpr const char* kMigrations[] = {
    R"(
CREATE TABLE leases(
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  item_id TEXT NOT NULL,
  fence INTEGER NOT NULL,
  lease BLOB NOT NULL,
  granted_at_ms INTEGER NOT NULL,
  result BLOB,
  uploaded INTEGER NOT NULL DEFAULT 0,
  UNIQUE(item_id, fence));
CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES('incarnation', 0);
)",
    R"(
ALTER TABLE leases ADD COLUMN granted_boot_id TEXT NOT NULL DEFAULT '';
ALTER TABLE leases ADD COLUMN granted_since_boot_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE leases ADD COLUMN starts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE leases ADD COLUMN started_in INTEGER NOT NULL DEFAULT 0;
CREATE TABLE identity(journal_id TEXT NOT NULL);
INSERT INTO identity VALUES(lower(hex(randomblob(16))));
)"};
constexpr int kSchemaVersion = std::size(kMigrations);

absl::StatusCode CodeOf(int result) {
  switch (result & 0xff) {
    case SQLITE_FULL:
      return absl::StatusCode::kResourceExhausted;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::StatusCode::kUnavailable;
    case SQLITE_CORRUPT:
      return absl::StatusCode::kDataLoss;
    case SQLITE_NOTADB:
      return absl::StatusCode::kFailedPrecondition;
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return absl::StatusCode::kPermissionDenied;
    default:
      return absl::StatusCode::kInternal;
  }
}

absl::Status Failure(sqlite3* database, absl::string_view what) {
  return absl::Status(CodeOf(sqlite3_errcode(database)),
                      absl::StrCat("journal: ", what, ": ", sqlite3_errmsg(database)));
}

absl::Status Run(sqlite3* database, const char* sql) {
  return sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK
             ? absl::OkStatus()
             : Failure(database, sql);
}

// A prepared statement; parameters are bound in order, columns read by index.
class Statement {
 public:
  Statement(sqlite3* database, const char* sql) : database_(database), sql_(sql) {
    sqlite3_stmt* statement = nullptr;
    result_ = sqlite3_prepare_v2(database, sql, -1, &statement, nullptr);
    statement_.reset(statement);
  }

  Statement& Bind(absl::string_view text) {
    return Note(sqlite3_bind_text(
        statement_.get(), ++bound_, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT));
  }
  Statement& BindBlob(const std::string& bytes) {
    return Note(sqlite3_bind_blob64(
        statement_.get(), ++bound_, bytes.data(), bytes.size(), SQLITE_TRANSIENT));
  }
  // Fences are unsigned on the wire; SQLite keeps the same 64 bits.
  Statement& Bind(std::int64_t number) {
    return Note(sqlite3_bind_int64(statement_.get(), ++bound_, number));
  }

  // True: a row. False: done.
  absl::StatusOr<bool> Step() {
    if (result_ == SQLITE_OK) {
      const int stepped = sqlite3_step(statement_.get());
      if (stepped == SQLITE_ROW || stepped == SQLITE_DONE) {
        return stepped == SQLITE_ROW;
      }
    }
    return Failure(database_, sql_);
  }

  std::int64_t Integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }
  bool IsNull(int column) const {
    return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
  }
  std::string Text(int column) const {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
    const int size = sqlite3_column_bytes(statement_.get(), column);
    return data == nullptr ? "" : std::string(data, static_cast<std::size_t>(size));
  }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };

  Statement& Note(int result) {
    if (result_ == SQLITE_OK) {
      result_ = result;
    }
    return *this;
  }

  sqlite3* database_;
  const char* sql_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int result_ = SQLITE_OK;
  int bound_ = 0;
};

// Runs `body()` in one transaction: all of it or nothing, durable on return. Inside another
// transaction it is part of that one, which must then fail with it.
template <typename Body>
absl::Status InTransaction(sqlite3* database, Body body) {
  if (sqlite3_get_autocommit(database) == 0) {
    return body();
  }
  RETURN_IF_ERROR(Run(database, "BEGIN IMMEDIATE"));
  absl::Status status = body();
  if (status.ok()) {
    status = Run(database, "COMMIT");
  }
  if (!status.ok() && sqlite3_get_autocommit(database) == 0) {
    sqlite3_exec(database, "ROLLBACK", nullptr, nullptr, nullptr);
  }
  return status;
}

absl::StatusOr<std::int64_t> QueryInteger(sqlite3* database, const char* sql) {
  Statement query(database, sql);
  ASSIGN_OR_RETURN(const bool row, query.Step());
  return row ? query.Integer(0) : 0;
}

absl::Status CheckUndamaged(sqlite3* database, const std::filesystem::path& path) {
  Statement query(database, "PRAGMA quick_check(1)");
  ASSIGN_OR_RETURN(const bool row, query.Step());
  if (row && query.Text(0) == "ok") {
    return absl::OkStatus();
  }
  return absl::DataLossError(
      absl::StrCat("journal ", path.string(), " is damaged: ", query.Text(0)));
}

absl::Status Migrate(sqlite3* database) {
  return InTransaction(database, [&]() -> absl::Status {
    ASSIGN_OR_RETURN(std::int64_t version, QueryInteger(database, "PRAGMA user_version"));
    for (; version < kSchemaVersion; ++version) {
      RETURN_IF_ERROR(Run(database, kMigrations[version]));
    }
    RETURN_IF_ERROR(Run(database, absl::StrCat("PRAGMA application_id=", kApplicationId).c_str()));
    return Run(database, absl::StrCat("PRAGMA user_version=", kSchemaVersion).c_str());
  });
}

absl::StatusOr<std::string> QueryId(sqlite3* database) {
  Statement query(database, "SELECT journal_id FROM identity");
  ASSIGN_OR_RETURN(const bool row, query.Step());
  if (!row || query.Text(0).empty()) {
    return absl::DataLossError("journal: it has lost its id");
  }
  return query.Text(0);
}

// A foreign, newer or damaged file is refused before anything is written to it.
absl::Status CheckOurs(sqlite3* database, const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::file_size(path, error) == 0 && !error) {
    return absl::DataLossError(absl::StrCat("journal ", path.string(), " was cut to nothing"));
  }
  ASSIGN_OR_RETURN(const std::int64_t id, QueryInteger(database, "PRAGMA application_id"));
  ASSIGN_OR_RETURN(const std::int64_t version, QueryInteger(database, "PRAGMA user_version"));
  if (id != kApplicationId) {
    return absl::FailedPreconditionError(absl::StrCat(path.string(), " is not a node's journal"));
  }
  if (version < 1 || version > kSchemaVersion) {
    return absl::FailedPreconditionError(absl::StrCat("journal ",
                                                      path.string(),
                                                      " has schema version ",
                                                      version,
                                                      "; this program knows 1 to ",
                                                      kSchemaVersion));
  }
  return CheckUndamaged(database, path);
}

absl::Status Unreadable(const std::string& item_id, absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat("journal: the ", what, " of item ", item_id, " cannot be read"));
}

// Columns: item_id, fence, lease, granted_at_ms, granted_boot_id, granted_since_boot_ms, starts,
// result, uploaded. In the boot of its grant a lease's age is exact; after another the wall clock
// is all there is.
absl::StatusOr<JournalledLease> ReadLease(const Statement& row,
                                          const Clock& clock,
                                          const std::string& boot_id) {
  JournalledLease journalled;
  const std::string item_id = row.Text(0);
  if (!journalled.lease.ParseFromString(row.Text(2)) ||
      LeaseKey::Of(journalled.lease.ref()) !=
          LeaseKey{item_id, static_cast<std::uint64_t>(row.Integer(1))}) {
    return Unreadable(item_id, "lease");
  }
  const absl::Duration age = row.Text(4) == boot_id
                                 ? clock.SinceBoot() - absl::Milliseconds(row.Integer(5))
                                 : clock.Now() - absl::FromUnixMillis(row.Integer(3));
  journalled.age = std::max(absl::ZeroDuration(), age);
  journalled.starts = row.Integer(6);
  if (!row.IsNull(7) && !journalled.result.emplace().ParseFromString(row.Text(7))) {
    return Unreadable(item_id, "result");
  }
  journalled.uploaded = row.Integer(8) != 0;
  return journalled;
}

}  // namespace

void Journal::CloseDatabase::operator()(sqlite3* database) const {
  sqlite3_close_v2(database);
}

Journal::Journal(Database database, const Clock& clock, std::string boot_id, std::string id)
    : clock_(clock),
      boot_id_(std::move(boot_id)),
      id_(std::move(id)),
      database_(std::move(database)) {}
Journal::~Journal() = default;

absl::StatusOr<Journal::Database> Journal::OpenDatabase(const std::filesystem::path& path,
                                                        int flags) {
  sqlite3* opened = nullptr;
  const int result = sqlite3_open_v2(path.c_str(), &opened, flags, nullptr);
  Database database(opened);
  if (result != SQLITE_OK) {
    return Failure(opened, path.string());
  }
  sqlite3_extended_result_codes(database.get(), 1);
  // EXCLUSIVE: two daemons on one state folder would hand the same leases to two workers.
  for (const char* pragma :
       {"PRAGMA locking_mode=EXCLUSIVE", "PRAGMA synchronous=FULL", "PRAGMA trusted_schema=OFF"}) {
    RETURN_IF_ERROR(Run(database.get(), pragma));
  }
  return database;
}

// Made aside and renamed, so that a journal cut to nothing is never taken for a new one.
absl::Status Journal::Create(const std::filesystem::path& path) {
  const std::filesystem::path fresh = path.string() + ".new";
  std::error_code error;
  std::filesystem::remove(fresh, error);
  {
    ASSIGN_OR_RETURN(const Database database,
                     OpenDatabase(fresh, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
    RETURN_IF_ERROR(Migrate(database.get()));
  }
  std::filesystem::rename(fresh, path, error);
  if (error) {
    return ErrnoStatus(error.value(), path.string());
  }
  return SyncDirectory(path.has_parent_path() ? path.parent_path() : ".");
}

absl::StatusOr<std::filesystem::path> Journal::SetAside(const std::filesystem::path& path,
                                                        absl::Time now) {
  const std::filesystem::path aside = absl::StrCat(
      path.string(), ".damaged-", absl::FormatTime("%Y%m%dT%H%M%SZ", now, absl::UTCTimeZone()));
  // The log first: with the new file it would be read as the new one's.
  for (const char* suffix : {"-wal", "-shm", ""}) {
    std::error_code error;
    std::filesystem::rename(path.string() + suffix, aside.string() + suffix, error);
    if (error && error != std::errc::no_such_file_or_directory) {
      return ErrnoStatus(error.value(), path.string() + suffix);
    }
  }
  RETURN_IF_ERROR(SyncDirectory(path.has_parent_path() ? path.parent_path() : "."));
  return aside;
}

absl::StatusOr<std::unique_ptr<Journal>> Journal::Open(const std::filesystem::path& path,
                                                       const Clock& clock,
                                                       std::string boot_id) {
  const auto open = [&]() -> absl::StatusOr<Database> {
    std::error_code error;
    if (!std::filesystem::exists(path, error)) {
      RETURN_IF_ERROR(Create(path));
    }
    ASSIGN_OR_RETURN(Database database, OpenDatabase(path, SQLITE_OPEN_READWRITE));
    RETURN_IF_ERROR(CheckOurs(database.get(), path));
    RETURN_IF_ERROR(Run(database.get(), "PRAGMA journal_mode=WAL"));
    // Takes the lock now, not at the first write.
    RETURN_IF_ERROR(Migrate(database.get()));
    return database;
  };
  absl::StatusOr<Database> database = open();
  if (absl::IsUnavailable(database.status())) {
    return absl::UnavailableError(
        absl::StrCat("journal ", path.string(), " is in use by another process"));
  }
  RETURN_IF_ERROR(Annotate(database.status(), path.string()));
  ASSIGN_OR_RETURN(std::string id, QueryId(database->get()));
  return std::unique_ptr<Journal>(
      new Journal(*std::move(database), clock, std::move(boot_id), std::move(id)));
}

absl::StatusOr<std::uint64_t> Journal::RaiseIncarnation() {
  std::int64_t raised = 0;
  RETURN_IF_ERROR(InTransaction(database_.get(), [&]() -> absl::Status {
    RETURN_IF_ERROR(
        Run(database_.get(), "UPDATE meta SET value = value + 1 WHERE name = 'incarnation'"));
    ASSIGN_OR_RETURN(
        raised, QueryInteger(database_.get(), "SELECT value FROM meta WHERE name = 'incarnation'"));
    return absl::OkStatus();
  }));
  incarnation_ = static_cast<std::uint64_t>(raised);
  return incarnation_;
}

absl::StatusOr<std::vector<JournalledLease>> Journal::Load() {
  std::vector<JournalledLease> leases;
  Statement query(database_.get(),
                  "SELECT item_id, fence, lease, granted_at_ms, granted_boot_id, "
                  "granted_since_boot_ms, starts, result, uploaded FROM leases ORDER BY position");
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) {
      return leases;
    }
    ASSIGN_OR_RETURN(JournalledLease lease, ReadLease(query, clock_, boot_id_));
    leases.push_back(std::move(lease));
  }
}

absl::Status Journal::PutLeases(const std::vector<rendernode::Lease>& leases) {
  return InTransaction(database_.get(), [&]() -> absl::Status {
    for (const rendernode::Lease& lease : leases) {
      Statement put(database_.get(),
                    "INSERT INTO leases(item_id, fence, lease, granted_at_ms, granted_boot_id, "
                    "granted_since_boot_ms) VALUES(?, ?, ?, ?, ?, ?) "
                    "ON CONFLICT(item_id, fence) DO NOTHING");
      put.Bind(lease.ref().item_id())
          .Bind(static_cast<std::int64_t>(lease.ref().fence()))
          .BindBlob(lease.SerializeAsString())
          .Bind(absl::ToUnixMillis(clock_.Now()))
          .Bind(boot_id_)
          .Bind(absl::ToInt64Milliseconds(clock_.SinceBoot()));
      RETURN_IF_ERROR(put.Step().status());
    }
    return absl::OkStatus();
  });
}

absl::Status Journal::PutStart(const LeaseKey& key) {
  return InTransaction(database_.get(), [&]() -> absl::Status {
    Statement put(database_.get(),
                  "UPDATE leases SET starts = starts + 1, started_in = ?1 "
                  "WHERE item_id = ?2 AND fence = ?3 AND started_in <> ?1");
    put.Bind(static_cast<std::int64_t>(incarnation_))
        .Bind(key.item_id)
        .Bind(static_cast<std::int64_t>(key.fence));
    return put.Step().status();
  });
}

absl::Status Journal::PutResult(const LeaseKey& key,
                                const rendernode::ItemResult& result,
                                bool uploaded) {
  return InTransaction(database_.get(), [&]() -> absl::Status {
    Statement put(database_.get(),
                  "UPDATE leases SET result = ?, uploaded = ? WHERE item_id = ? AND fence = ?");
    put.BindBlob(result.SerializeAsString())
        .Bind(std::int64_t{uploaded})
        .Bind(key.item_id)
        .Bind(static_cast<std::int64_t>(key.fence));
    RETURN_IF_ERROR(put.Step().status());
    if (sqlite3_changes(database_.get()) == 0) {
      return absl::NotFoundError(
          absl::StrCat("journal: no lease of item ", key.item_id, " at fence ", key.fence));
    }
    return absl::OkStatus();
  });
}

absl::Status Journal::Forget(const std::vector<LeaseKey>& keys) {
  return InTransaction(database_.get(), [&]() -> absl::Status {
    for (const LeaseKey& key : keys) {
      Statement forget(database_.get(), "DELETE FROM leases WHERE item_id = ? AND fence = ?");
      forget.Bind(key.item_id).Bind(static_cast<std::int64_t>(key.fence));
      RETURN_IF_ERROR(forget.Step().status());
    }
    return absl::OkStatus();
  });
}

absl::Status Journal::Together(const std::function<absl::Status()>& writes) {
  return InTransaction(database_.get(), writes);
}

}  // namespace rn
