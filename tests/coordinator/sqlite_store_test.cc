// The store's file: what is refused, what damage is found, what a power cut leaves.
#include "coordinator/sqlite_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>

#include "tests/coordinator/store_harness.h"

namespace rn {
namespace {

using ::testing::HasSubstr;

class SqliteStoreTest : public ::testing::Test {
 protected:
  absl::Status Open() { return OpenSqliteStore(path_).status(); }
  // As somebody else's program would.
  void Run(const char* sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database);
    sqlite3_close(database);
  }
  void ExpectRefused(absl::StatusCode code, const std::string& message) {
    const std::string before = *ReadFile(path_, 1 << 24);
    const absl::Status refused = Open();
    EXPECT_EQ(refused.code(), code) << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr(message));
    EXPECT_THAT(std::string(refused.message()), HasSubstr(path_.string()));
    EXPECT_EQ(*ReadFile(path_, 1 << 24), before) << "a file that is refused is left as it is";
  }

  const TempDir folder_ = *TempDir::Create("sqlite_store");
  const std::filesystem::path path_ = folder_.path() / "with space" / "store.db";

  void SetUp() override { std::filesystem::create_directories(path_.parent_path()); }
};

TEST_F(SqliteStoreTest, IsMadeWhenAbsentAndOpensAgain) {
  EXPECT_EQ(Open(), absl::OkStatus());
  EXPECT_EQ(Open(), absl::OkStatus());
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(SqliteStoreTest, SurvivesAnUnfinishedFirstStart) {
  std::ofstream(path_.string() + ".new") << "half a file";
  EXPECT_EQ(Open(), absl::OkStatus());
}

TEST_F(SqliteStoreTest, RefusesAnotherProgramsDatabase) {
  Run("CREATE TABLE theirs(x)");
  ExpectRefused(absl::StatusCode::kFailedPrecondition, "is not a coordinator's store");
}

TEST_F(SqliteStoreTest, RefusesAFileThatIsNoDatabase) {
  std::ofstream(path_) << std::string(4096, 'x');
  ExpectRefused(absl::StatusCode::kFailedPrecondition, "not a database");
}

TEST_F(SqliteStoreTest, RefusesAStoreThatWasCutToNothing) {
  std::ofstream(path_).flush();
  ExpectRefused(absl::StatusCode::kFailedPrecondition, "is not a coordinator's store");
}

TEST_F(SqliteStoreTest, RefusesAStoreOfANewerVersion) {
  ASSERT_EQ(Open(), absl::OkStatus());
  Run("PRAGMA user_version=2; PRAGMA journal_mode=DELETE");
  ExpectRefused(absl::StatusCode::kFailedPrecondition,
                "has schema version 2; this program knows version 1");
}

TEST_F(SqliteStoreTest, FindsDamageBeforeItSpreads) {
  ASSERT_EQ(Open(), absl::OkStatus());
  Run("PRAGMA journal_mode=DELETE");
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    file << std::string(4096, '\x7f');
  }
  EXPECT_TRUE(absl::IsDataLoss(Open())) << Open();
}

TEST_F(SqliteStoreTest, SaysWhichFolderIsMissing) {
  const absl::Status missing = OpenSqliteStore(folder_.path() / "no" / "store.db").status();
  EXPECT_FALSE(missing.ok());
  EXPECT_THAT(std::string(missing.message()), HasSubstr((folder_.path() / "no").string()));
}

TEST_F(SqliteStoreTest, RefusesAPathThatItCannotName) {
  EXPECT_TRUE(absl::IsInvalidArgument(OpenSqliteStore(folder_.path() / "a\"b.db").status()));
}

TEST_F(SqliteStoreTest, IsUnavailableAndNotWrongWhileAnotherProcessLocksIt) {
  auto store = *OpenSqliteStore(path_, {.busy_timeout = absl::Milliseconds(1)});
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  const absl::Status busy = store->SessionNode("unknown").status();
  EXPECT_TRUE(absl::IsFailedPrecondition(busy)) << "reading goes on: " << busy;
  rendernode::OpenSessionRequest open;
  open.set_node_id("node");
  const absl::Status refused = store->OpenSession(open, "session", absl::UnixEpoch()).status();
  EXPECT_TRUE(absl::IsUnavailable(refused)) << refused;
  sqlite3_close(other);
  EXPECT_TRUE(store->OpenSession(open, "session", absl::UnixEpoch()).ok());
}

}  // namespace
}  // namespace rn
