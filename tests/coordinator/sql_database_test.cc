// Transactions that are shared, and what one of them may do to the others: nothing.
#include "coordinator/sql_database.h"

#include <gtest/gtest.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <set>
#include <thread>

#include "base/file.h"
#include "base/status.h"

namespace rn {
namespace {

class SqlDatabaseTest : public ::testing::Test {
 protected:
  SqlDatabaseTest() {
    Connect()->Once("PRAGMA journal_mode=WAL");
    Connect()->Once("CREATE TABLE numbers(n INTEGER PRIMARY KEY)");
    database_ = *SqlDatabase::Open({}, [this] { return Connect(); });
  }

  std::unique_ptr<SqlConnection> Connect() const {
    auto connection = std::make_unique<SqlConnection>();
    connection->session().open(soci::sqlite3, (folder_.path() / "test.db").string());
    return connection;
  }

  absl::Status Insert(int n, absl::Status then = absl::OkStatus()) {
    return database_->Write([&](SqlConnection& sql) {
      sql.Run("INSERT INTO numbers(n) VALUES(:n)", n);
      return then;
    });
  }

  std::set<int> Numbers() {
    std::set<int> numbers;
    EXPECT_TRUE(database_
                    ->Read([&](SqlConnection& sql) {
                      for (const auto& [n] :
                           sql.All<std::tuple<long long>>("SELECT n FROM numbers")) {
                        numbers.insert(static_cast<int>(n));
                      }
                      return absl::OkStatus();
                    })
                    .ok());
    return numbers;
  }

  const TempDir folder_ = *TempDir::Create("sql_database");
  std::unique_ptr<SqlDatabase> database_;
};

TEST_F(SqlDatabaseTest, WhatFailsLeavesNothingBehind) {
  EXPECT_TRUE(absl::IsNotFound(Insert(1, absl::NotFoundError("no"))));
  EXPECT_EQ(Insert(2), absl::OkStatus());
  EXPECT_EQ(Numbers(), std::set<int>({2}));
}

TEST_F(SqlDatabaseTest, AConstraintIsToldApartFromABrokenStatement) {
  EXPECT_EQ(Insert(1), absl::OkStatus());
  EXPECT_TRUE(absl::IsAlreadyExists(Insert(1)));
  const absl::Status broken = database_->Write([](SqlConnection& sql) {
    sql.Run("SELECT nothing FROM nowhere");
    return absl::OkStatus();
  });
  EXPECT_TRUE(absl::IsInternal(broken)) << broken;
  EXPECT_EQ(Insert(2), absl::OkStatus()) << "and the next one works";
}

TEST_F(SqlDatabaseTest, ThoseThatShareATransactionFailAlone) {
  constexpr int kThreads = 8;
  constexpr int kEach = 25;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([this, thread] {
      for (int i = 0; i < kEach; ++i) {
        const int n = thread * kEach + i;
        const bool fails = n % 3 == 0;
        EXPECT_EQ(Insert(n, fails ? absl::AbortedError("no") : absl::OkStatus()).ok(), !fails);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  std::set<int> expected;
  for (int n = 0; n < kThreads * kEach; ++n) {
    if (n % 3 != 0) {
      expected.insert(n);
    }
  }
  EXPECT_EQ(Numbers(), expected);
}

TEST_F(SqlDatabaseTest, ATransactionThatTheDatabaseGaveUpIsAnErrorForAllAndNotForTheNext) {
  const absl::Status lost = database_->Write([](SqlConnection& sql) {
    sql.Run("INSERT INTO numbers(n) VALUES(1)");
    sql.Run("ROLLBACK");  // As SQLite itself does when the disk is full.
    return absl::OkStatus();
  });
  EXPECT_FALSE(lost.ok());
  EXPECT_EQ(Insert(2), absl::OkStatus());
  EXPECT_EQ(Numbers(), std::set<int>({2}));
}

TEST_F(SqlDatabaseTest, AReaderSeesWhatWasWrittenBefore) {
  for (int n = 0; n < 20; ++n) {
    EXPECT_EQ(Insert(n), absl::OkStatus());
    EXPECT_EQ(Numbers().size(), static_cast<std::size_t>(n + 1));
  }
}

}  // namespace
}  // namespace rn
