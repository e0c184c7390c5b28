// The hub over a real store; watchers are recorded.
#include "coordinator/job_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/ulid.h"
#include "coordinator/sqlite_store.h"
#include "tests/coordinator/waiting_view.h"
#include "tests/fakes/failing_store.h"

namespace rn {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

using nlohmann::json;

constexpr absl::Duration kEventPatience = absl::Seconds(20);  // Ends a test that would hang.

// A client that takes everything at once, or nothing until it is told to.
class RecordedSocket final : public WebSocket {
 public:
  void Send(Message message) override {
    MutexLock lock(mutex_);
    messages_.push_back(*message);
    changed_.NotifyAll();
  }
  void Close(WebSocketClose) override {}

  // "job.progress", "video.completed 2", "job.state_changed running"; so far.
  std::vector<std::string> Told() {
    MutexLock lock(mutex_);
    std::vector<std::string> told;
    for (const std::string& message : messages_) {
      const json parsed = json::parse(message);
      const json& data = parsed["data"];
      told.push_back(parsed["type"].get<std::string>());
      if (data.contains("row")) {
        absl::StrAppend(&told.back(), " ", data["row"].get<int>());
      }
      if (data.contains("new_state")) {
        absl::StrAppend(&told.back(), " ", data["new_state"].get<std::string>());
      }
    }
    return told;
  }

  // Returns once it was told that, or fails.
  void Await(const std::string& what) {
    const absl::Duration end = Clock::System().SinceBoot() + kEventPatience;
    while (true) {
      const std::vector<std::string> told = Told();
      if (std::find(told.begin(), told.end(), what) != told.end()) {
        return;
      }
      if (Clock::System().SinceBoot() > end) {
        FAIL() << "not told of " << what << ", but of " << json(told).dump();
      }
      MutexLock lock(mutex_);
      changed_.WaitFor(mutex_, absl::Milliseconds(20));
    }
  }

  std::size_t count() {
    MutexLock lock(mutex_);
    return messages_.size();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::string> messages_ ABSL_GUARDED_BY(mutex_);
};

struct Client {
  std::shared_ptr<RecordedSocket> socket = std::make_shared<RecordedSocket>();
  WebSocketEvents events;
};

class JobEventsTest : public ::testing::Test {
 protected:
  void StartHub(JobEventsOptions options = {.poll_interval = absl::Hours(1)}) {
    options.look_interval = absl::Milliseconds(1);
    hub_.emplace(failing_, Clock::System(), "https://us", ArtifactUrls("https://us"), options);
  }

  std::string CreateJob(int items) {
    NewJob job;
    job.id = "job_" + NewUlid(Now());
    job.tenant = "acme";
    job.spec.set_job_id(job.id);
    job.spec.mutable_output()->set_output_bucket("videos");
    for (int row = 1; row <= items; ++row) {
      NewItem item;
      item.spec.set_row(static_cast<std::uint32_t>(row));
      job.items.push_back(std::move(item));
    }
    EXPECT_TRUE(store_->CreateJob(job, {}, Now()).ok());
    return job.id;
  }

  // A node takes what waits of it, and ends so many of them.
  void Work(const std::string& job_id, std::size_t count) {
    rendernode::OpenSessionRequest open;
    open.set_node_id("node-1");
    ASSERT_TRUE(store_->OpenSession(open, "session-1", Now()).ok());
    for (const WaitingView& job : ViewWaiting(*store_, /*per_job=*/1000, Now())) {
      if (job.job_id != job_id) {
        continue;
      }
      const auto leases = store_->Assign("session-1", job.items, Now());
      ASSERT_TRUE(leases.ok());
      for (std::size_t i = 0; i < std::min(count, leases->size()); ++i) {
        rendernode::CommitItemRequest commit;
        commit.set_session("session-1");
        *commit.mutable_ref() = (*leases)[i].ref();
        commit.mutable_result()->set_outcome(rendernode::SUCCEEDED);
        ASSERT_TRUE(store_->Commit(commit, Now()).ok());
      }
    }
  }

  Client Join(const std::string& job_id) {
    Client client;
    auto upgrade = hub_->Watch("acme", job_id);
    EXPECT_TRUE(upgrade.ok()) << upgrade.status();
    client.events = upgrade->on_open(client.socket);
    return client;
  }

  static absl::Time Now() { return Clock::System().Now(); }

  const TempDir folder_ = *TempDir::Create("events");
  std::unique_ptr<Store> store_ = *OpenSqliteStore(folder_.path() / "store.db");
  FailingStore failing_{*store_};
  std::optional<JobEvents> hub_;
};

TEST_F(JobEventsTest, AWatcherHearsOfWhatHappensInItsOrder) {
  StartHub({.progress_interval = absl::Hours(1), .poll_interval = absl::Hours(1)});
  const std::string job = CreateJob(2);
  Client client = Join(job);
  client.socket->Await("job.progress");
  Work(job, 2);
  hub_->Changed(job);
  client.socket->Await("job.completed");
  EXPECT_THAT(client.socket->Told(),
              ElementsAre("job.state_changed pending",
                          "job.progress",
                          "video.completed 1",
                          "video.completed 2",
                          "job.progress",
                          "job.state_changed completed",
                          "job.completed"));
}

TEST_F(JobEventsTest, ALateWatcherFirstGetsThePresentState) {
  StartHub();
  const std::string job = CreateJob(2);
  Work(job, 2);
  Client late = Join(job);
  late.socket->Await("job.completed");
  EXPECT_THAT(late.socket->Told(),
              ElementsAre("job.state_changed completed",
                          "job.progress",
                          "video.completed 1",
                          "video.completed 2",
                          "job.completed"));
}

TEST_F(JobEventsTest, AChangeThatNobodySpokeOfIsSeenByTheNextPoll) {
  StartHub({.poll_interval = absl::Milliseconds(50)});
  const std::string job = CreateJob(1);
  Client client = Join(job);
  client.socket->Await("job.progress");
  Work(job, 1);
  client.socket->Await("job.completed");
}

TEST_F(JobEventsTest, OtherJobsAreNoneOfItsBusiness) {
  StartHub();
  const std::string job = CreateJob(1);
  const std::string other = CreateJob(1);
  Client client = Join(job);
  Client others = Join(other);
  Work(other, 1);
  hub_->Changed(other);
  others.socket->Await("job.completed");
  EXPECT_THAT(client.socket->Told(), Not(Contains("video.completed 1")));
}

TEST_F(JobEventsTest, EarlierVideosComeAPageAtATimeAsTheClientTakesThem) {
  StartHub({.poll_interval = absl::Hours(1), .videos_per_page = 3});
  const std::string job = CreateJob(8);
  Work(job, 8);
  Client client = Join(job);
  client.socket->Await("video.completed 3");
  EXPECT_EQ(client.socket->count(), 2u + 3u) << "the client has not taken these yet";
  client.events.on_drained();
  client.socket->Await("video.completed 6");
  EXPECT_THAT(client.socket->Told(), Not(Contains("job.completed")));
  client.events.on_drained();
  client.socket->Await("job.completed");
  EXPECT_EQ(client.socket->count(), 2u + 8u + 1u);
}

TEST_F(JobEventsTest, WhatEndsWhileAClientCatchesUpIsToldOnce) {
  StartHub({.poll_interval = absl::Hours(1), .videos_per_page = 2});
  const std::string job = CreateJob(5);
  Work(job, 2);
  Client client = Join(job);
  client.socket->Await("video.completed 2");
  rendernode::CommitItemRequest commit;
  commit.set_session("session-1");
  commit.mutable_result()->set_outcome(rendernode::SUCCEEDED);
  for (int row = 3; row <= 5; ++row) {
    commit.mutable_ref()->set_item_id(absl::StrCat(job, "-", row));
    commit.mutable_ref()->set_fence(1);
    ASSERT_TRUE(store_->Commit(commit, Now()).ok());
  }
  Client second = Join(job);  // Makes the hub look at the job.
  second.socket->Await("video.completed 2");
  client.events.on_drained();
  client.socket->Await("video.completed 4");
  client.events.on_drained();
  client.socket->Await("job.completed");
  const auto told = client.socket->Told();
  for (int row = 1; row <= 5; ++row) {
    EXPECT_EQ(std::count(told.begin(), told.end(), absl::StrCat("video.completed ", row)), 1)
        << row;
  }
  EXPECT_EQ(std::count(told.begin(), told.end(), "job.completed"), 1);
}

TEST_F(JobEventsTest, AStoreThatIsAwayDelaysEventsAndLosesNone) {
  StartHub();
  const std::string job = CreateJob(1);
  failing_.Fail(true);
  Client client = Join(job);
  Work(job, 1);
  hub_->Changed(job);
  failing_.Fail(false);
  client.socket->Await("job.completed");
}

TEST_F(JobEventsTest, ATenantsPlacesAreLimitedAndComeBack) {
  StartHub({.watchers_per_tenant_max = 1, .poll_interval = absl::Hours(1)});
  const std::string job = CreateJob(1);
  std::optional<Client> client = Join(job);
  client->socket->Await("job.progress");
  EXPECT_EQ(hub_->Watch("acme", job).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(hub_->Watch("zeta", job).ok()) << "another tenant has places of its own";
  client->events.on_end();
  client.reset();
  EXPECT_TRUE(hub_->Watch("acme", job).ok());
}

TEST_F(JobEventsTest, AnUpgradeThatNeverHappensKeepsNoPlace) {
  StartHub({.watchers_per_tenant_max = 1});
  const std::string job = CreateJob(1);
  EXPECT_TRUE(hub_->Watch("acme", job).ok());
  EXPECT_TRUE(hub_->Watch("acme", job).ok());
}

}  // namespace
}  // namespace rn
