// Transactions over a few writing and a few reading connections.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "coordinator/sql_connection.h"
#include "coordinator/sql_error.h"

namespace rn {

struct SqlDatabaseOptions {
  // What starts a transaction that writes, and one that reads on one snapshot.
  std::string begin_write = "BEGIN IMMEDIATE", begin_read = "BEGIN";
  int writers = 1, readers = 1;
  // Of a transaction that loses against another one, or whose connection was lost before its end.
  int tries_max = 5;
  // After a connection could not be made: until then nobody tries again.
  absl::Duration reconnect_pause = absl::Seconds(1);
  // Runs at the end of a transaction that writes.
  std::function<void(SqlConnection&)> at_end = [](SqlConnection&) {};
  // And once it is durable, with what it has to tell; quick.
  std::function<void(const StoreNews&)> after_commit = [](const StoreNews&) {};
};

// Thread-safe; both methods block on the database. A body may run on another caller's thread, and
// more than once: what it keeps of an earlier run, it must overwrite.
class SqlDatabase {
 public:
  using Body = absl::FunctionRef<absl::Status(SqlConnection&)>;
  using Connect = std::function<absl::StatusOr<std::unique_ptr<SqlConnection>>()>;

  // Makes all connections at once. One that is lost later is made anew when it is needed.
  static absl::StatusOr<std::unique_ptr<SqlDatabase>> Open(const SqlDatabaseOptions& options,
                                                           Connect connect);

  // Durable on return: all that `body` changed, or nothing when it fails. Those who come while
  // every writer is busy share the next transaction, and so its fsync. Unavailable: nothing was
  // changed; but where the connection was lost while the transaction ended, as the message says
  // then, it may have been.
  absl::Status Write(Body body) { return WriteInTurn("", body); }
  // Bodies that share a transaction run in the order of their turns: with what each locks first as
  // its turn, no two transactions wait for each other.
  absl::Status WriteInTurn(const std::string& turn, Body body);

  // On one snapshot; `body` changes nothing.
  absl::Status Read(Body body);

 private:
  using Connection = std::unique_ptr<SqlConnection>;  // Null: it was lost.

  struct Request {
    Body body;
    const std::string& turn;
    absl::Status status = absl::OkStatus();
    bool taken = false, done = false;  // Guarded by mutex_.
  };
  using Batch = std::vector<Request*>;
  // How the requests of a batch are run: with a way back for each, or, which is quicker, without.
  enum class Apart { kNo, kYes };

  SqlDatabase(const SqlDatabaseOptions& options, Connect connect)
      : options_(options), connect_(std::move(connect)) {}

  Batch TakeBatch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RunBatch(Connection& writer, const Batch& batch);
  SqlOutcome RunOnce(SqlConnection& writer, const Batch& batch, Apart apart, bool& body_failed);
  SqlOutcome RunApart(SqlConnection& writer, Request& request);
  SqlOutcome ReadOnce(SqlConnection& reader, Body body);
  absl::Status Reconnect(Connection& connection);
  void AfterFault(Connection& connection, SqlFault fault);

  const SqlDatabaseOptions options_;
  const Connect connect_;

  Mutex mutex_;
  CondVar written_;
  std::vector<Request*> queue_ ABSL_GUARDED_BY(mutex_);
  std::vector<Connection> writers_ ABSL_GUARDED_BY(mutex_);  // Idle ones.

  Mutex readers_mutex_;
  CondVar reader_free_;
  std::vector<Connection> readers_ ABSL_GUARDED_BY(readers_mutex_);

  Mutex outage_mutex_;
  absl::Duration connect_again_at_ ABSL_GUARDED_BY(outage_mutex_);  // SinceBoot.
  absl::Status outage_ ABSL_GUARDED_BY(outage_mutex_);
};

}  // namespace rn
