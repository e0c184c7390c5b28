#include "coordinator/sql_database.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"

namespace rn {
namespace {

// Bounds how long the first of a batch waits for the last.
constexpr std::size_t kBatchMax = 256;

SqlOutcome RunStatement(SqlConnection& connection, const char* statement) {
  return RunSql([&] {
    connection.Run(statement);
    return absl::OkStatus();
  });
}

// What fails here was rolled back by the database already.
void Rollback(SqlConnection& connection) {
  (void)RunStatement(connection, "ROLLBACK");
  connection.DropFailed();
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqlDatabase>> SqlDatabase::Open(const SqlDatabaseOptions& options,
                                                               Connect connect) {
  std::unique_ptr<SqlDatabase> database(new SqlDatabase(options, std::move(connect)));
  for (int i = 0; i < options.writers; ++i) {
    ASSIGN_OR_RETURN(Connection writer, database->connect_());
    MutexLock lock(database->mutex_);
    database->writers_.push_back(std::move(writer));
  }
  for (int i = 0; i < options.readers; ++i) {
    ASSIGN_OR_RETURN(Connection reader, database->connect_());
    MutexLock lock(database->readers_mutex_);
    database->readers_.push_back(std::move(reader));
  }
  return database;
}

absl::Status SqlDatabase::WriteInTurn(const std::string& turn, Body body) {
  Request mine{body, turn};
  {
    MutexLock lock(mutex_);
    queue_.push_back(&mine);
  }
  while (true) {
    Batch batch;
    Connection writer;
    {
      MutexLock lock(mutex_);
      while (!mine.done && (mine.taken || writers_.empty())) {
        written_.Wait(mutex_);
      }
      if (mine.done) {
        return mine.status;
      }
      writer = std::move(writers_.back());
      writers_.pop_back();
      batch = TakeBatch();
    }
    RunBatch(writer, batch);
    MutexLock lock(mutex_);
    writers_.push_back(std::move(writer));
    for (Request* request : batch) {
      request->done = true;
    }
    written_.NotifyAll();
  }
}

SqlDatabase::Batch SqlDatabase::TakeBatch() {
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(std::min(queue_.size(), kBatchMax));
  Batch batch(queue_.begin(), end);
  queue_.erase(queue_.begin(), end);
  for (Request* request : batch) {
    request->taken = true;
  }
  std::stable_sort(batch.begin(), batch.end(), [](const Request* a, const Request* b) {
    return a->turn < b->turn;
  });
  return batch;
}

void SqlDatabase::RunBatch(Connection& writer, const Batch& batch) {
  SqlOutcome outcome;
  Apart apart = Apart::kNo;
  for (int tries = 0; tries < options_.tries_max;) {
    if (outcome.status = Reconnect(writer); !outcome.status.ok()) {
      break;
    }
    bool body_failed = false;
    outcome = RunOnce(*writer, batch, apart, body_failed);
    if (outcome.status.ok()) {
      return;
    }
    AfterFault(writer, outcome.fault);
    if (outcome.fault == SqlFault::kStatement) {
      if (!body_failed || apart == Apart::kYes) {
        break;
      }
      apart = Apart::kYes;
      continue;
    }
    ++tries;
    SPDLOG_DEBUG("transaction fails tries={} error=\"{}\"", tries, outcome.status.ToString());
    if (outcome.fault == SqlFault::kNone) {
      break;
    }
  }
  for (Request* request : batch) {
    request->status = outcome.status;
  }
}

// `body_failed`: it was a body of the batch that did. kNone with an error: the connection was lost
// when the transaction ended, and nobody knows how.
SqlOutcome SqlDatabase::RunOnce(SqlConnection& writer,
                                const Batch& batch,
                                Apart apart,
                                bool& body_failed) {
  writer.job_changes().clear();
  writer.news() = {};
  if (SqlOutcome begun = RunStatement(writer, options_.begin_write.c_str()); !begun.status.ok()) {
    return begun;
  }
  for (Request* request : batch) {
    if (apart == Apart::kYes) {
      if (SqlOutcome outcome = RunApart(writer, *request); !outcome.status.ok()) {
        return outcome;
      }
      continue;
    }
    SqlOutcome outcome = RunSql([&] { return request->body(writer); });
    request->status = outcome.status;
    if (!outcome.status.ok()) {
      if (batch.size() == 1 && outcome.fault == SqlFault::kStatement) {
        Rollback(writer);
        return {};
      }
      body_failed = true;
      return outcome;
    }
  }
  SqlOutcome ended = RunSql([&] {
    options_.at_end(writer);
    return absl::OkStatus();
  });
  if (!ended.status.ok()) {
    return ended;
  }
  ended = RunStatement(writer, "COMMIT");
  if (ended.fault == SqlFault::kConnection) {
    return {absl::UnavailableError(absl::StrCat(
                ended.status.message(),
                " (as a transaction ended: it is not known whether it was committed)")),
            SqlFault::kNone};
  }
  if (ended.status.ok()) {
    options_.after_commit(std::exchange(writer.news(), {}));
  }
  return ended;
}

// A request that fails takes back its own changes alone. An error: the whole transaction is lost.
SqlOutcome SqlDatabase::RunApart(SqlConnection& writer, Request& request) {
  JobChanges changes_before = writer.job_changes();
  StoreNews news_before = writer.news();
  if (SqlOutcome outcome = RunStatement(writer, "SAVEPOINT request"); !outcome.status.ok()) {
    return outcome;
  }
  SqlOutcome outcome = RunSql([&] { return request.body(writer); });
  request.status = outcome.status;
  if (!outcome.status.ok()) {
    if (outcome.fault != SqlFault::kStatement) {
      return outcome;
    }
    writer.job_changes() = std::move(changes_before);
    writer.news() = std::move(news_before);
    if (outcome = RunStatement(writer, "ROLLBACK TO SAVEPOINT request"); !outcome.status.ok()) {
      return outcome;
    }
    writer.DropFailed();
  }
  return RunStatement(writer, "RELEASE SAVEPOINT request");
}

absl::Status SqlDatabase::Read(Body body) {
  Connection reader;
  {
    MutexLock lock(readers_mutex_);
    while (readers_.empty()) {
      reader_free_.Wait(readers_mutex_);
    }
    reader = std::move(readers_.back());
    readers_.pop_back();
  }
  SqlOutcome outcome;
  for (int tries = 0; tries < options_.tries_max; ++tries) {
    if (outcome.status = Reconnect(reader); !outcome.status.ok()) {
      break;
    }
    outcome = ReadOnce(*reader, body);
    if (!outcome.status.ok()) {
      AfterFault(reader, outcome.fault);
    }
    if (outcome.status.ok() || outcome.fault == SqlFault::kStatement) {
      break;
    }
  }
  MutexLock lock(readers_mutex_);
  readers_.push_back(std::move(reader));
  reader_free_.NotifyOne();
  return outcome.status;
}

SqlOutcome SqlDatabase::ReadOnce(SqlConnection& reader, Body body) {
  return RunSql([&]() -> absl::Status {
    reader.Run(options_.begin_read.c_str());
    RETURN_IF_ERROR(body(reader));
    reader.Run("COMMIT");
    return absl::OkStatus();
  });
}

// The connection is as after its making, or gone.
void SqlDatabase::AfterFault(Connection& connection, SqlFault fault) {
  if (fault == SqlFault::kConnection || fault == SqlFault::kNone) {
    connection.reset();
  } else {
    Rollback(*connection);
  }
}

absl::Status SqlDatabase::Reconnect(Connection& connection) {
  if (connection != nullptr) {
    return absl::OkStatus();
  }
  {
    MutexLock lock(outage_mutex_);
    if (Clock::System().SinceBoot() < connect_again_at_) {
      return outage_;
    }
  }
  absl::StatusOr<Connection> fresh = connect_();
  if (fresh.ok()) {
    connection = *std::move(fresh);
    return absl::OkStatus();
  }
  MutexLock lock(outage_mutex_);
  connect_again_at_ = Clock::System().SinceBoot() + options_.reconnect_pause;
  outage_ = absl::UnavailableError(fresh.status().message());
  return outage_;
}

}  // namespace rn
