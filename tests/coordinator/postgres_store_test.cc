// A store in PostgreSQL: what is refused, what an outage of it is to those who use it.
#include "coordinator/postgres_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <set>
#include <thread>

#include "base/file.h"
#include "coordinator/sql_dialect.h"
#include "tests/coordinator/store_harness.h"

namespace rn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class PostgresStoreTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<Store>> Open() { return OpenPostgresStore(options_); }
  void ExpectRefused(const std::string& message) {
    const absl::Status refused = Open().status();
    EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr(message));
  }
  std::set<std::string> Columns() {
    std::set<std::string> columns;
    for (std::string& column : database_.Execute(
             "SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable "
             "|| ' ' || COALESCE(column_default, '-') || ' ' || COALESCE(collation_name, '-') "
             "FROM information_schema.columns WHERE table_schema = 'public'")) {
      columns.insert(std::move(column));
    }
    return columns;
  }
  std::string SchemaOfVersion1() {
    std::string schema = *ReadFile(
        std::filesystem::path(RN_SOURCE_DIR) / "tests/coordinator/schema_v1.sql", 1 << 20);
    return SchemaInDialect(SqlDialect::kPostgres, schema);
  }

  const PostgresDatabase database_;
  PostgresOptions options_{.url = database_.url(), .writers = 2, .readers = 2};
};

TEST_F(PostgresStoreTest, IsMadeInAnEmptyDatabaseAndOpensAgain) {
  EXPECT_EQ(Open().status(), absl::OkStatus());
  EXPECT_EQ(Open().status(), absl::OkStatus());
}

TEST_F(PostgresStoreTest, CoordinatorsThatStartAtOnceMakeOneStore) {
  std::vector<std::thread> coordinators;
  for (int i = 0; i < 6; ++i) {
    coordinators.emplace_back([this] { EXPECT_EQ(Open().status(), absl::OkStatus()); });
  }
  for (std::thread& coordinator : coordinators) {
    coordinator.join();
  }
  EXPECT_THAT(database_.Execute("SELECT version FROM store_schema"), ElementsAre("8"));
}

TEST_F(PostgresStoreTest, RefusesAnotherProgramsDatabase) {
  database_.Execute("CREATE TABLE jobs(theirs TEXT)");
  ExpectRefused("is not a coordinator's store");
  EXPECT_THAT(Columns(), ElementsAre("jobs.theirs text YES - -")) << "and leaves it as it is";
}

TEST_F(PostgresStoreTest, RefusesAStoreOfANewerVersion) {
  ASSERT_TRUE(Open().ok());
  database_.Execute("UPDATE store_schema SET version = 9");
  ExpectRefused("has schema version 9; this program knows versions 1 to 8");
}

TEST_F(PostgresStoreTest, RefusesADatabaseThatCannotHoldEveryText) {
  database_.Execute(
      "CREATE DATABASE old_encoding ENCODING 'LATIN1' TEMPLATE template0 LOCALE_PROVIDER libc "
      "LC_COLLATE 'C' LC_CTYPE 'C'");
  options_.url = PostgresServer::Shared().UrlOf("old_encoding");
  ExpectRefused("has the encoding LATIN1; it must have UTF8");
  PostgresServer::Shared().DropDatabase(options_.url);
}

TEST_F(PostgresStoreTest, AStoreOfVersion1HasTheColumnsOfANewOneAndLosesNothing) {
  ASSERT_TRUE(Open().ok());
  const std::set<std::string> fresh = Columns();
  EXPECT_GT(fresh.size(), 60U);
  database_.Execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
  database_.Execute(SchemaOfVersion1());
  database_.Execute(
      "CREATE TABLE store_schema(name TEXT PRIMARY KEY, version BIGINT NOT NULL); "
      "INSERT INTO store_schema VALUES('rendernode', 1); "
      "INSERT INTO jobs VALUES('job_1', 'acme', 1, 1, 'digest', 'bucket', 1000, 1000, 1000, 0, 0, "
      "1, 0, 0, 0, 0, 0, '');"
      "INSERT INTO job_requests VALUES('job_1', 'Campaign', '{}', '', '[]');"
      "INSERT INTO items VALUES('job_1', 1, 0, 0, 0, 0, 0, 0, '', 1000);"
      "INSERT INTO item_specs VALUES('job_1', 1, '');");
  for (int start = 0; start < 2; ++start) {
    const auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    const auto items = (*store)->ListItems({.job_id = "job_1"});
    ASSERT_TRUE(items.ok()) << items.status();
    EXPECT_EQ(items->size(), 1U);
  }
  EXPECT_EQ(Columns(), fresh);
}

TEST_F(PostgresStoreTest, SaysWhereThereIsNoServerAndKeepsThePassword) {
  options_.url = "postgresql://us:s3cret@127.0.0.1:1/store?application_name=x";
  const absl::Status refused = Open().status();
  EXPECT_TRUE(absl::IsUnavailable(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("postgresql://us@127.0.0.1:1/store: "));
  EXPECT_THAT(std::string(refused.message()), Not(HasSubstr("s3cret")));
}

TEST_F(PostgresStoreTest, RefusesWhatIsNoUrl) {
  for (const char* url : {"mysql://host/db", "host=db", "postgresql://h/db?nonsense=1"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckPostgresUrl(url))) << url;
  }
  EXPECT_TRUE(CheckPostgresUrl("postgresql://us@[::1]:5433/db?sslmode=verify-full").ok());
}

TEST_F(PostgresStoreTest, TextsMayContainWhatPostgresqlCannotHold) {
  const auto store = *Open();
  NewJob job{.id = "job_1", .tenant = "acme", .title = std::string("a\0b", 3)};
  job.items.emplace_back().spec.set_row(1);
  const auto made = store->CreateJob(job, {}, absl::UnixEpoch());
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->title,
            "a\xef\xbf\xbd"
            "b");
  const auto invalid = store->GetJob("\xff", "job_1").status();
  EXPECT_TRUE(absl::IsInvalidArgument(invalid)) << invalid;
}

TEST_F(PostgresStoreTest, ARowThatSomebodyElseLocksIsUnavailableAndNotAbsent) {
  options_.lock_timeout = absl::Milliseconds(50);
  const auto store = *Open();
  NewJob job{.id = "job_1", .tenant = "acme"};
  job.items.emplace_back().spec.set_row(1);
  ASSERT_TRUE(store->CreateJob(job, {}, absl::UnixEpoch()).ok());
  std::thread other([&] {
    database_.Execute(
        "DO $$ BEGIN PERFORM * FROM job_requests FOR UPDATE; PERFORM pg_sleep(60); "
        "EXCEPTION WHEN query_canceled THEN NULL; END $$");
  });
  absl::Status paused;
  do {  // Until the other one has it.
    paused = store->PauseJob("acme", "job_1", absl::UnixEpoch()).status();
  } while (paused.ok());
  EXPECT_TRUE(absl::IsUnavailable(paused)) << paused;
  EXPECT_TRUE(store->GetJob("acme", "job_1").ok()) << "reading goes on";
  database_.Execute(
      "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' "
      "AND pid <> pg_backend_pid() AND datname = current_database()");
  other.join();
}

TEST_F(PostgresStoreTest, ConnectionsThatAreLostAreMadeAnew) {
  const auto store = *Open();
  for (int round = 0; round < 3; ++round) {
    database_.Disconnect();
    rendernode::OpenSessionRequest open;
    open.set_node_id("node");
    const auto opened =
        store->OpenSession(open, absl::StrCat("session-", round), absl::UnixEpoch());
    EXPECT_TRUE(opened.ok()) << opened.status();
    const auto node = store->SessionNode(absl::StrCat("session-", round));
    EXPECT_TRUE(node.ok()) << node.status();
  }
}

// Each node commits every item of a job of its own, while its connections are cut all the time.
TEST_F(PostgresStoreTest, WhatWasPromisedIsKeptHoweverOftenConnectionsAreLost) {
  const auto store = *Open();
  constexpr int kItems = 30;
  const absl::Time now = absl::FromUnixSeconds(1767225600);
  std::atomic<int> working = 3;
  const auto until_answered = [](auto call) {
    auto answer = call();
    while (absl::IsUnavailable(answer.status())) {
      answer = call();
    }
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer;
  };
  const auto work = [&](int number) {
    const std::string id = absl::StrCat("job_", number);
    const std::string session = absl::StrCat("session-", number);
    NewJob job{.id = id, .tenant = "acme"};
    for (std::uint32_t row = 1; row <= kItems; ++row) {
      job.items.emplace_back().spec.set_row(row);
    }
    (void)until_answered(
        [&] { return store->CreateJob(job, {.key = id, .body_sha256 = "b"}, now); });
    rendernode::OpenSessionRequest open;
    open.set_node_id(absl::StrCat("node-", number));
    (void)until_answered([&] { return store->OpenSession(open, session, now); });
    for (int row = 1; row <= kItems; ++row) {
      // A grant whose answer was lost is the node's all the same: its fence is 1 then too.
      (void)until_answered(
          [&] { return store->Assign(session, {absl::StrCat(id, "-", row)}, now); });
      rendernode::CommitItemRequest commit;
      commit.set_session(session);
      *commit.mutable_ref() = Ref(absl::StrCat(id, "-", row), 1);
      *commit.mutable_result() = Succeeded();
      const auto verdict = until_answered([&] { return store->Commit(commit, now); });
      EXPECT_NE(*verdict, rendernode::CommitItemResponse::SUPERSEDED);
    }
    --working;
  };
  std::vector<std::thread> nodes;
  for (int node = 0; node < 3; ++node) {
    nodes.emplace_back(work, node);
  }
  while (working > 0) {
    database_.Execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND backend_type = 'client backend'");
    std::this_thread::yield();
  }
  for (std::thread& node : nodes) {
    node.join();
  }
  for (int node = 0; node < 3; ++node) {
    const auto job = store->GetJob("acme", absl::StrCat("job_", node));
    ASSERT_TRUE(job.ok()) << job.status();
    EXPECT_EQ(job->items_completed, kItems);
    EXPECT_EQ(job->state, JobState::kCompleted);
  }
}

}  // namespace
}  // namespace rn
