// Transactions over one writing and a few reading connections.
#pragma once

#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "base/mutex.h"
#include "coordinator/sql_connection.h"

namespace rn {

// Runs `body`; a database error that it throws becomes a Status. Unavailable: busy, full, or the
// file cannot be read or written now. AlreadyExists: a constraint. DataLoss: damaged.
absl::Status CatchingSql(absl::FunctionRef<absl::Status()> body);

// Thread-safe; both methods block on the disk. A body may run on another caller's thread.
class SqlDatabase {
 public:
  using Body = absl::FunctionRef<absl::Status(SqlConnection&)>;

  // `begin`: the statement that starts a writing transaction. At least one reader.
  SqlDatabase(const char* begin,
              std::unique_ptr<SqlConnection> writer,
              std::vector<std::unique_ptr<SqlConnection>> readers);

  // Durable on return: all that `body` changed, or nothing when it fails. Those who come while a
  // transaction is being written share the next one, and so its fsync.
  absl::Status Write(Body body);

  // On one snapshot; `body` changes nothing.
  absl::Status Read(Body body);

 private:
  struct Request {
    Body body;
    absl::Status status = absl::OkStatus();
    bool done = false;  // Guarded by mutex_.
  };

  std::vector<Request*> TakeBatch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RunBatch(const std::vector<Request*>& batch);
  absl::Status RunApart(Request& request);

  const char* const begin_;
  const std::unique_ptr<SqlConnection> writer_;  // Of the one caller that set writing_.

  Mutex mutex_;
  CondVar written_;
  std::vector<Request*> queue_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;

  Mutex readers_mutex_;
  CondVar reader_free_;
  std::vector<std::unique_ptr<SqlConnection>> readers_ ABSL_GUARDED_BY(readers_mutex_);
};

}  // namespace rn
