#include "coordinator/sql_database.h"

#include <soci/sqlite3/soci-sqlite3.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"

namespace rn {
namespace {

// Bounds how long the first of a batch waits for the last.
constexpr std::size_t kBatchMax = 256;

absl::StatusCode CodeOf(int sqlite_result) {
  switch (sqlite_result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_NOMEM:
      return absl::StatusCode::kUnavailable;
    case SQLITE_CONSTRAINT:
      return absl::StatusCode::kAlreadyExists;
    case SQLITE_CORRUPT:
      return absl::StatusCode::kDataLoss;
    case SQLITE_NOTADB:
      return absl::StatusCode::kFailedPrecondition;
    default:
      return absl::StatusCode::kInternal;
  }
}

void Rollback(SqlConnection& connection) {
  // What fails here was rolled back by the database already.
  (void)CatchingSql([&] {
    connection.Run("ROLLBACK");
    return absl::OkStatus();
  });
}

}  // namespace

absl::Status CatchingSql(absl::FunctionRef<absl::Status()> body) {
  try {
    return body();
  } catch (const soci::sqlite3_soci_error& error) {
    return absl::Status(CodeOf(error.result()), absl::StrCat("store: ", error.what()));
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("store: ", error.what()));
  }
}

SqlDatabase::SqlDatabase(const char* begin,
                         std::unique_ptr<SqlConnection> writer,
                         std::vector<std::unique_ptr<SqlConnection>> readers)
    : begin_(begin), writer_(std::move(writer)), readers_(std::move(readers)) {}

absl::Status SqlDatabase::Write(Body body) {
  Request mine{body};
  {
    MutexLock lock(mutex_);
    queue_.push_back(&mine);
  }
  while (true) {
    std::vector<Request*> batch;
    {
      MutexLock lock(mutex_);
      while (writing_ && !mine.done) {
        written_.Wait(mutex_);
      }
      if (mine.done) {
        return mine.status;
      }
      writing_ = true;
      batch = TakeBatch();
    }
    RunBatch(batch);
    MutexLock lock(mutex_);
    writing_ = false;
    for (Request* request : batch) {
      request->done = true;
    }
    written_.NotifyAll();
  }
}

std::vector<SqlDatabase::Request*> SqlDatabase::TakeBatch() {
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(std::min(queue_.size(), kBatchMax));
  std::vector<Request*> batch(queue_.begin(), end);
  queue_.erase(queue_.begin(), end);
  return batch;
}

void SqlDatabase::RunBatch(const std::vector<Request*>& batch) {
  const absl::Status status = CatchingSql([&]() -> absl::Status {
    writer_->Run(begin_);
    for (Request* request : batch) {
      RETURN_IF_ERROR(RunApart(*request));
    }
    writer_->Run("COMMIT");
    return absl::OkStatus();
  });
  if (status.ok()) {
    return;
  }
  Rollback(*writer_);
  for (Request* request : batch) {
    request->status = status;
  }
}

// A request that fails takes back its own changes alone. An error: the whole transaction is lost.
absl::Status SqlDatabase::RunApart(Request& request) {
  writer_->Run("SAVEPOINT request");
  request.status = CatchingSql([&] { return request.body(*writer_); });
  return CatchingSql([&] {
    if (!request.status.ok()) {
      writer_->Run("ROLLBACK TO SAVEPOINT request");
    }
    writer_->Run("RELEASE SAVEPOINT request");
    return absl::OkStatus();
  });
}

absl::Status SqlDatabase::Read(Body body) {
  std::unique_ptr<SqlConnection> reader;
  {
    MutexLock lock(readers_mutex_);
    while (readers_.empty()) {
      reader_free_.Wait(readers_mutex_);
    }
    reader = std::move(readers_.back());
    readers_.pop_back();
  }
  absl::Status status = CatchingSql([&]() -> absl::Status {
    reader->Run("BEGIN");
    absl::Status read = body(*reader);
    reader->Run("COMMIT");
    return read;
  });
  if (!status.ok()) {
    Rollback(*reader);
  }
  MutexLock lock(readers_mutex_);
  readers_.push_back(std::move(reader));
  reader_free_.NotifyOne();
  return status;
}

}  // namespace rn
