// The store's file: what is refused, what damage is found, what a power cut leaves.
#include "coordinator/sqlite_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>
#include <set>

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
  Run("PRAGMA user_version=9; PRAGMA journal_mode=DELETE");
  ExpectRefused(absl::StatusCode::kFailedPrecondition,
                "has schema version 9; this program knows versions 1 to 8");
}

// A store as version 1 left it: one job whose rows are done, leased, and waiting.
TEST_F(SqliteStoreTest, AStoreOfVersion1IsBroughtToOursAndLosesNothing) {
  const std::string schema =
      *ReadFile(std::filesystem::path(RN_SOURCE_DIR) / "tests/coordinator/schema_v1.sql", 1 << 20);
  Run(schema.c_str());
  Run("INSERT INTO jobs VALUES('job_1', 'acme', 1, 1, 'digest', 'bucket', 1000, 1000, 1000, 0, 0, "
      "1, 1, 1, 0, 0, 0, '');"
      "INSERT INTO job_requests VALUES('job_1', 'Campaign', '{}', '', '[]');"
      "INSERT INTO items VALUES('job_1', 1, 2, 1, 1, 0, 0, 0, 'node', 1000);"
      "INSERT INTO items VALUES('job_1', 2, 1, 7, 0, 0, 1, 2, 'node', 1000);"
      "INSERT INTO items VALUES('job_1', 3, 0, 0, 0, 0, 0, 0, '', 1000);"
      "INSERT INTO item_specs VALUES('job_1', 3, '');"
      "INSERT INTO leases VALUES('job_1', 2, 7, 'node', 1000, 4, 500, 1000);"
      "INSERT INTO nodes VALUES('node', 'session', 'boot', 9, '0.1', 1, 1000, 1000);"
      "PRAGMA application_id=1380864817; PRAGMA user_version=1");
  for (int start = 0; start < 2; ++start) {
    auto opened = OpenSqliteStore(path_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    Store& store = **opened;
    const auto job = store.GetJob("acme", "job_1");
    ASSERT_TRUE(job.ok()) << job.status();
    EXPECT_EQ(job->items_completed, 1);
    EXPECT_EQ(job->items_leased, 1);
    rendernode::SyncRequest sync;
    sync.set_session("session");
    *sync.add_held()->mutable_ref() = Ref("job_1-2", 7);
    const auto outcome = store.Sync(sync, absl::UnixEpoch() + absl::Seconds(2));
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    EXPECT_THAT(Names(outcome->renewed), ::testing::ElementsAre("job_1-2/7"));
  }
  auto store = *OpenSqliteStore(path_);
  rendernode::OpenSessionRequest open;
  open.set_node_id("node");
  open.set_journal_id("journal");
  open.set_incarnation(1);
  *open.add_held()->mutable_ref() = Ref("job_1-2", 7);
  const auto session = store->OpenSession(open, "new", absl::UnixEpoch() + absl::Seconds(3));
  ASSERT_TRUE(session.ok()) << session.status();
  EXPECT_THAT(Names(session->adopt), ::testing::ElementsAre("job_1-2/7"))
      << "a daemon that has just learned the name of its journal is no other node";
  const auto leases = store->Assign("new", {"job_1-3"}, absl::UnixEpoch() + absl::Seconds(3));
  ASSERT_TRUE(leases.ok()) << leases.status();
  EXPECT_EQ(leases->size(), 1U);
}

TEST_F(SqliteStoreTest, AStoreOfVersion1HasTheColumnsOfANewOne) {
  const auto columns = [&] {
    std::set<std::string> found;
    sqlite3* database = nullptr;
    EXPECT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(
                  database,
                  "SELECT m.name || '.' || c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' "
                  "|| COALESCE(c.dflt_value, '-') || ' ' || c.pk "
                  "FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'",
                  [](void* set, int, char** values, char**) {
                    static_cast<std::set<std::string>*>(set)->insert(values[0]);
                    return 0;
                  },
                  &found,
                  nullptr),
              SQLITE_OK)
        << sqlite3_errmsg(database);
    sqlite3_close(database);
    return found;
  };
  ASSERT_EQ(Open(), absl::OkStatus());
  const std::set<std::string> fresh = columns();
  std::filesystem::remove(path_);
  const std::string schema =
      *ReadFile(std::filesystem::path(RN_SOURCE_DIR) / "tests/coordinator/schema_v1.sql", 1 << 20);
  Run(schema.c_str());
  Run("PRAGMA application_id=1380864817; PRAGMA user_version=1");
  ASSERT_EQ(Open(), absl::OkStatus());
  EXPECT_EQ(columns(), fresh);
  EXPECT_GT(fresh.size(), 60U);
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
