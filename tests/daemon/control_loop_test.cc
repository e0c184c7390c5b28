// The whole node but its main(): the coordinator's wire, journal, fetcher, uploader and worker
// processes (tests/workers) are real.
#include "daemon/control_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/daemon/test_node.h"

namespace rn {
namespace {
namespace fs = std::filesystem;

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ControlLoopTest : public ::testing::Test {
 protected:
  void TearDown() override { Drain(); }

  void Start(const std::string& worker = "ok") {
    node_ = std::make_unique<TestNode>(worker);
    Run();
  }

  void Run() {
    auto config = ParseDaemonConfig(node_->config_text(), "node.toml");
    ASSERT_TRUE(config.ok()) << config.status();
    change_(*config);
    auto loop = ControlLoop::Create(*config, "test", Clock::System());
    ASSERT_TRUE(loop.ok()) << loop.status();
    loop_ = *std::move(loop);
    thread_ = std::thread([this] { loop_->Run(); });
  }

  // As SIGTERM: returns once the node has ended by itself.
  void Drain() {
    if (loop_ != nullptr) {
      loop_->Post(DrainRequested{.exit = true});
      thread_.join();
      loop_.reset();
    }
  }

  FakeCoordinator& coordinator() { return node_->coordinator(); }

  rendernode::ItemResult Committed() {
    const auto commit = coordinator().committed.PopFor(kPatience);
    EXPECT_TRUE(commit.has_value()) << "no commit";
    return commit.has_value() ? commit->result() : rendernode::ItemResult();
  }

  // The first status for which `is` holds.
  template <typename Predicate>
  rendernode::NodeStatus AwaitStatus(Predicate is) {
    const absl::Time give_up = absl::Now() + kPatience;
    while (absl::Now() < give_up) {
      const absl::StatusOr<rendernode::NodeStatus> status = loop_->Status();
      if (status.ok() && is(*status)) {
        return *status;
      }
      usleep(2000);
    }
    ADD_FAILURE() << "the node never got there";
    return {};
  }

  std::function<void(DaemonConfig&)> change_ = [](DaemonConfig&) {};
  std::unique_ptr<TestNode> node_;
  std::unique_ptr<ControlLoop> loop_;
  std::thread thread_;
};

TEST_F(ControlLoopTest, AGrantedLeaseIsRenderedUploadedCommittedAndForgotten) {
  Start();
  coordinator().Grant(node_->NewLease("a"));
  const rendernode::ItemResult result = Committed();
  EXPECT_EQ(result.outcome(), rendernode::SUCCEEDED) << result.error_message();
  ASSERT_EQ(result.artifacts_size(), 1);
  EXPECT_EQ(result.artifacts(0).path(), "");
  EXPECT_THAT(result.artifacts(0).url(), HasSubstr("bucket/job/a/1/video.mp4"));
  EXPECT_EQ(*ReadFile(node_->root() / "store/bucket/job/a/1/video.mp4", 1000), "video of a");
  Drain();
  EXPECT_THAT(node_->Journalled(), IsEmpty());
  EXPECT_EQ(node_->WorkFoldersLeft(), 0);
}

TEST_F(ControlLoopTest, ManyLeasesGoThroughOneWorkerEachOnce) {
  Start();
  constexpr int kItems = 40;
  for (int i = 0; i < kItems; ++i) {
    coordinator().Grant(node_->NewLease(absl::StrCat("item-", i)));
  }
  std::set<std::string> items;
  for (int i = 0; i < kItems; ++i) {
    const auto commit = coordinator().committed.PopFor(kPatience);
    ASSERT_TRUE(commit.has_value());
    EXPECT_EQ(commit->result().outcome(), rendernode::SUCCEEDED);
    items.insert(commit->ref().item_id());
  }
  EXPECT_EQ(items.size(), kItems);
}

TEST_F(ControlLoopTest, AWorkerThatDiesCostsItsItemAndNoMore) {
  Start("crash");
  coordinator().Grant(node_->NewLease("a"));
  const rendernode::ItemResult result = Committed();
  EXPECT_EQ(result.outcome(), rendernode::FAILED);
  EXPECT_EQ(result.error_code(), rendernode::ITEM_ERROR_VIDEO_ENCODING_ERROR);
  EXPECT_TRUE(result.infrastructure());
  EXPECT_THAT(result.error_message(), HasSubstr("signal 6"));
  AwaitStatus([](const auto& status) { return status.slots(0).worker_pid() > 0; });
}

TEST_F(ControlLoopTest, AnEncoderWithoutASessionIsCommittedAsALossAndTheNextItemRenders) {
  Start("script");
  rendernode::Lease lease = node_->NewLease("a");
  (*lease.mutable_item()->mutable_values())["script"] = "full:1";
  coordinator().Grant(lease);
  const rendernode::ItemResult lost = Committed();
  EXPECT_EQ(lost.outcome(), rendernode::FAILED);
  EXPECT_EQ(lost.error_code(), rendernode::ITEM_ERROR_VIDEO_ENCODING_ERROR);
  EXPECT_TRUE(lost.infrastructure());
  EXPECT_TRUE(lost.retryable());
  lease.mutable_ref()->set_fence(2);
  coordinator().Grant(lease);
  EXPECT_EQ(Committed().outcome(), rendernode::SUCCEEDED);
}

TEST_F(ControlLoopTest, ACancelledLeaseDiesWithItsWorkerAndReportsNothing) {
  Start("hang");
  const rendernode::Lease lease = node_->NewLease("a");
  coordinator().Grant(lease);
  const auto rendering = AwaitStatus([](const auto& status) {
    return status.items_size() == 1 && status.items(0).progress_permille() > 100;
  });
  coordinator().Cancel(lease.ref());
  EXPECT_TRUE(AwaitEnd(static_cast<pid_t>(rendering.slots(0).worker_pid())));
  AwaitStatus([](const auto& status) { return status.items().empty(); });
  Drain();
  EXPECT_EQ(coordinator().committed.size(), 0);
  EXPECT_EQ(node_->WorkFoldersLeft(), 0);
}

TEST_F(ControlLoopTest, AResultFinishedBeforeTheCrashIsUploadedAndCommittedWithoutARender) {
  node_ = std::make_unique<TestNode>("crash");  // A render would fail.
  node_->LeaveFinishedResult(node_->NewLease("a"), "rendered before");
  Run();
  EXPECT_EQ(Committed().outcome(), rendernode::SUCCEEDED);
  EXPECT_EQ(*ReadFile(node_->root() / "store/bucket/job/a/1/video.mp4", 1000), "rendered before");
  Drain();
  EXPECT_THAT(node_->Journalled(), IsEmpty());
}

TEST_F(ControlLoopTest, EveryStartRaisesTheIncarnation) {
  Start();
  EXPECT_EQ(coordinator().opened.PopFor(kPatience)->incarnation(), 1);
  Drain();
  Run();
  EXPECT_EQ(coordinator().opened.PopFor(kPatience)->incarnation(), 2);
}

TEST_F(ControlLoopTest, ADamagedJournalIsSetAsideAndTheNodeSaysSoUnderANewName) {
  Start();
  const std::string before = coordinator().opened.PopFor(kPatience)->journal_id();
  EXPECT_FALSE(before.empty());
  Drain();
  std::filesystem::resize_file(node_->root() / "state" / "journal.sqlite", 0);
  Run();
  const auto opened = coordinator().opened.PopFor(kPatience);
  ASSERT_TRUE(opened.has_value());
  EXPECT_NE(opened->journal_id(), before);
  EXPECT_EQ(opened->incarnation(), 1);
  const auto status = AwaitStatus([](const auto& now) { return now.connected(); });
  ASSERT_EQ(status.warnings_size(), 1);
  EXPECT_THAT(status.warnings(0), HasSubstr("journal.sqlite.damaged-"));
}

TEST_F(ControlLoopTest, WithoutRoomOnTheDiskNothingIsPulled) {
  change_ = [](DaemonConfig& config) {
    config.disk_free_bytes_min = std::numeric_limits<std::int64_t>::max();
  };
  Start();
  const auto sync = coordinator().synced.PopFor(kPatience);
  ASSERT_TRUE(sync.has_value());
  EXPECT_EQ(sync->want(), 0);
  EXPECT_EQ(sync->state(), rendernode::NOT_READY);
  EXPECT_THAT(sync->reason(), HasSubstr("folders.disk_free_min"));
}

TEST_F(ControlLoopTest, ASecondNodeOnTheSameStateFolderIsRefused) {
  Start();
  const auto config = ParseDaemonConfig(node_->config_text(), "node.toml");
  const auto second = ControlLoop::Create(*config, "test", Clock::System());
  EXPECT_TRUE(absl::IsUnavailable(second.status()));
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr("another rendernoded runs on the same folders.state"));
}

TEST_F(ControlLoopTest, ATinyQueueOfEventsSlowsAndNeverStops) {
  change_ = [](DaemonConfig& config) { config.events_max = 1; };
  Start("chatter");
  for (const char* item : {"a", "b", "c"}) {
    coordinator().Grant(node_->NewLease(item));
  }
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Committed().outcome(), rendernode::SUCCEEDED);
  }
}

TEST_F(ControlLoopTest, DrainingLetsTheRunningItemFinishAndClosesTheSession) {
  Start();
  coordinator().Grant(node_->NewLease("a"));
  AwaitStatus(
      [](const auto& status) { return !status.items().empty() || status.items_completed() > 0; });
  Drain();
  EXPECT_EQ(coordinator().closed.size(), 1);
}

TEST_F(ControlLoopTest, OnceItHasEndedNobodyWaitsForAnAnswer) {
  Start();
  loop_->Post(DrainRequested{.exit = true});
  thread_.join();
  EXPECT_TRUE(absl::IsUnavailable(loop_->Status().status()));
  loop_->Post(UndrainRequested{});
  loop_.reset();
}

TEST_F(ControlLoopTest, AnItemThatAnOperatorGivesUpIsReportedInterrupted) {
  Start("hang");
  coordinator().Grant(node_->NewLease("a"));
  AwaitStatus([](const auto& status) { return status.slots(0).item_id() == "a"; });
  loop_->Post(CancelRequested{"a"});
  EXPECT_EQ(Committed().outcome(), rendernode::INTERRUPTED);
}

TEST_F(ControlLoopTest, GarbageIsWhatNoLeaseNeeds) {
  Start("hang");
  coordinator().Grant(node_->NewLease("a"));
  AwaitStatus([](const auto& status) { return status.slots(0).item_id() == "a"; });
  const fs::path stale = node_->root() / "work" / "stale-7";
  ASSERT_TRUE(CreateDirectories(stale).ok());
  const auto collected = loop_->CollectGarbage();
  ASSERT_TRUE(collected.ok()) << collected.status();
  EXPECT_EQ(collected->work_folders_removed(), 1u);
  EXPECT_FALSE(fs::exists(stale));
  EXPECT_EQ(node_->WorkFoldersLeft(), 1);
  loop_->Post(CancelRequested{"a"});
}

}  // namespace
}  // namespace rn
