// The conversation with the coordinator, restarts, commits and drains, event by event.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/node.h"
#include "tests/daemon/node_harness.h"

namespace rn {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// ---------------------------------------------------------------- sessions and Sync

TEST_F(NodeTest, TheSessionOpensAtTheWorkersFirstWord) {
  Create();
  EXPECT_THAT(Say(Tick{}), ElementsAre("start 0"));
  EXPECT_THAT(Say(Ready(0)), ElementsAre("open"));
  EXPECT_EQ(last_open_.capabilities().devices(0).name(), "libx264");
}

TEST_F(NodeTest, TheSessionOpensWithoutAWorkerThatTakesTooLong) {
  Create();
  EXPECT_THAT(Say(Tick{}), ElementsAre("start 0"));
  EXPECT_EQ(node_->WakeAt(), clock_.SinceBoot() + limits_.hello_wait);
  EXPECT_THAT(After(limits_.hello_wait), ElementsAre("open"));
}

TEST_F(NodeTest, AnIdleNodeKeepsOneLongSyncOpen) {
  Create();
  Say(Tick{});
  Say(Ready(0));
  EXPECT_THAT(Say(SessionOpened{Opened(), clock_.SinceBoot()}), ElementsAre("sync want=2"));
  EXPECT_TRUE(last_sync_.wait());
  EXPECT_EQ(node_->WakeAt(), absl::InfiniteDuration());
  clock_.Advance(absl::Seconds(5));
  EXPECT_THAT(Say(Reply()), ElementsAre("sync want=2"));
  EXPECT_EQ(last_sync_.seq(), 2u);
}

TEST_F(NodeTest, NewsCutsTheLongSyncShortAndTheNextIsAnsweredAtOnce) {
  Create();
  Connect();
  GrantAndRender(kA);
  After(limits_.sync_spacing);  // Says that a/1 is held.
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(Say(Done(kA, Success())), ElementsAre("journal a/1 output SUCCEEDED", "cut"));
  EXPECT_THAT(Say(SyncFailed{absl::CancelledError("cut")}), ElementsAre("sync want=2 a/1"));
  EXPECT_FALSE(last_sync_.wait()) << "a stream of news must not starve the renewals";
  EXPECT_TRUE(node_->Status().connected());
  Say(Reply());
  EXPECT_THAT(After(limits_.sync_spacing), ElementsAre("sync want=2 a/1"));
  EXPECT_TRUE(last_sync_.wait());
}

TEST_F(NodeTest, NewsIsSpacedOut) {
  Create();
  Connect();
  EXPECT_THAT(Say(Reply({LeaseOf("a")})), ElementsAre("journal a/1"));
  EXPECT_EQ(node_->WakeAt(), sync_sent_at_ + limits_.sync_spacing);
  EXPECT_THAT(After(limits_.sync_spacing), ElementsAre("sync want=1 a/1"));
}

TEST_F(NodeTest, ProgressAloneIsSaidOnceASecond) {
  Create();
  Connect();
  GrantAndRender(kA);
  After(limits_.sync_spacing);
  EXPECT_THAT(Say(Progress(kA, 1)), IsEmpty());
  EXPECT_THAT(After(absl::Milliseconds(900)), IsEmpty());
  EXPECT_THAT(After(absl::Milliseconds(100)), ElementsAre("cut"));
  Say(SyncFailed{absl::CancelledError("cut")});
  EXPECT_EQ(last_sync_.held(0).phase(), rendernode::RENDERING);
}

TEST_F(NodeTest, ACoordinatorThatDoesNotHoldSyncsOpenIsNotFlooded) {
  Create();
  Connect();
  int syncs = 0;
  for (int ms = 0; ms < 10000; ms += 10) {
    for (const std::string& line : After(absl::Milliseconds(10))) {
      syncs += line == "sync want=2" ? 1 : 0;
    }
    if (!last_sync_.session().empty() &&
        last_sync_.seq() == static_cast<std::uint64_t>(syncs + 1)) {
      Say(Reply());
    }
  }
  EXPECT_LE(syncs, 25);
}

TEST_F(NodeTest, AnOutageIsRetriedForEverWithGrowingDelays) {
  Create();
  Connect();
  std::vector<absl::Duration> delays;
  for (int i = 0; i < 10; ++i) {
    EXPECT_THAT(Say(SyncFailed{absl::UnavailableError("down")}), IsEmpty());
    EXPECT_FALSE(node_->Status().connected());
    delays.push_back(node_->WakeAt() - clock_.SinceBoot());
    EXPECT_THAT(After(delays.back()), ElementsAre("sync want=2"));
  }
  EXPECT_EQ(delays.front(), limits_.coordinator_retry.min);
  EXPECT_EQ(delays.back(), limits_.coordinator_retry.max);
}

TEST_F(NodeTest, ARefusedSessionIsOpenedAnewWithEverythingHeld) {
  Create();
  Connect();
  GrantAndRender(kA);
  After(limits_.sync_spacing);
  Say(SyncFailed{absl::FailedPreconditionError("a newer session")});
  EXPECT_THAT(After(limits_.coordinator_retry.min), ElementsAre("open a/1"));
}

TEST_F(NodeTest, TwoDaemonsWithOneNameDoNotFightAtFullSpeed) {
  Create();
  Connect();
  absl::Duration delay;
  for (int i = 0; i < 8; ++i) {
    Say(SyncFailed{absl::FailedPreconditionError("a newer session")});
    delay = node_->WakeAt() - clock_.SinceBoot();
    EXPECT_THAT(After(delay), ElementsAre("open"));
    After(absl::Milliseconds(20));
    Say(SessionOpened{Opened(), clock_.SinceBoot()});
  }
  EXPECT_EQ(delay, limits_.coordinator_retry.max);
}

TEST_F(NodeTest, TheNodeNeverHoldsMoreThanItsBound) {
  limits_.held_max = 2;
  Create();
  Connect();
  Say(Reply({LeaseOf("a"), LeaseOf("b"), LeaseOf("c")}));
  EXPECT_THAT(After(limits_.sync_spacing), ElementsAre("sync want=0 a/1 b/1 -c/1"));
}

// ---------------------------------------------------------------- commits

TEST_F(NodeTest, ACommitIsRetriedUntilThereIsAVerdict) {
  Create();
  Connect();
  GrantAndRender(kA);
  FinishRender(kA);
  FinishUpload(kA);
  for (int i = 0; i < 10; ++i) {
    Say(CommitFailed{kA, absl::UnavailableError("down")});
    After(limits_.sync_spacing);
    Say(Reply());
    EXPECT_THAT(After(limits_.coordinator_retry.max), Contains("commit a/1 SUCCEEDED"));
  }
  Say(CommitAnswered{kA, CommitItemResponse::RETRY});
  EXPECT_THAT(After(limits_.coordinator_retry.max), Contains("commit a/1 SUCCEEDED"));
  EXPECT_THAT(Say(CommitAnswered{kA, CommitItemResponse::DUPLICATE}), Contains("forget a/1"));
}

TEST_F(NodeTest, AfterAnOutageFinishedResultsAreOfferedAtOnce) {
  Create();
  Connect();
  GrantAndRender(kA);
  FinishRender(kA);
  FinishUpload(kA);
  Say(SyncFailed{absl::UnavailableError("down")});
  for (int i = 0; i < 6; ++i) {
    Say(CommitFailed{kA, absl::UnavailableError("down")});
    After(limits_.coordinator_retry.max);
  }
  Say(CommitFailed{kA, absl::UnavailableError("down")});
  EXPECT_THAT(Say(Reply()), Contains("commit a/1 SUCCEEDED"));
}

TEST_F(NodeTest, ACommitRefusedForItsSessionOpensANewOne) {
  Create();
  Connect();
  GrantAndRender(kA);
  FinishRender(kA);
  FinishUpload(kA);
  After(limits_.sync_spacing);
  Say(CommitFailed{kA, absl::FailedPreconditionError("a newer session")});
  EXPECT_THAT(After(limits_.sync_spacing), Contains("cut"));
  EXPECT_THAT(Say(SyncFailed{absl::CancelledError("cut")}), Contains("open a/1=done"));
}

TEST_F(NodeTest, AResultThatCannotBeJournalledWaitsAndIsNotLost) {
  Create();
  Connect();
  GrantAndRender(kA);
  FinishRender(kA);
  Say(Uploaded{kA, Success()});
  EXPECT_THAT(Say(ResultJournalled{kA, absl::ResourceExhaustedError("disk full")}),
              Not(Contains("commit a/1 SUCCEEDED")));
  EXPECT_EQ(node_->Status().state(), rendernode::NOT_READY);
  EXPECT_THAT(After(limits_.journal_retry.min), Contains("journal a/1 result SUCCEEDED"));
  EXPECT_THAT(Say(Journalled(kA)), Contains("commit a/1 SUCCEEDED"));
}

// ---------------------------------------------------------------- restart

JournalledLease FromJournal(const LeaseKey& key) {
  JournalledLease journalled;
  *journalled.lease.mutable_ref() = key.ToProto();
  return journalled;
}

TEST_F(NodeTest, AfterARestartNothingStartsBeforeTheCoordinatorAdopts) {
  JournalledLease done = FromJournal(kB);
  done.result = Success();
  done.uploaded = true;
  JournalledLease rendered = FromJournal(kC);
  rendered.result = Success();
  Create({FromJournal(kA), done, rendered});
  EXPECT_THAT(Say(Tick{}), ElementsAre("start 0"));
  EXPECT_THAT(Say(Ready(0)), ElementsAre("open a/1 b/1=done c/1"));
  rendernode::OpenSessionResponse opened = Opened();
  *opened.add_adopt() = kA.ToProto();
  *opened.add_adopt() = kC.ToProto();
  EXPECT_THAT(Say(SessionOpened{opened, clock_.SinceBoot()}),
              AllOf(Contains("fetch a/1"),
                    Contains("upload c/1"),
                    Contains("commit b/1 SUCCEEDED"),
                    Not(Contains("render c/1 in 0"))));
}

TEST_F(NodeTest, ALeaseTheCoordinatorDropsAfterARestartIsForgotten) {
  Create({FromJournal(kA)});
  Say(Tick{});
  Say(Ready(0));
  rendernode::OpenSessionResponse opened = Opened();
  *opened.add_drop() = kA.ToProto();
  EXPECT_THAT(Say(SessionOpened{opened, clock_.SinceBoot()}),
              ElementsAre("discard a/1", "forget a/1", "sync want=2"));
}

TEST_F(NodeTest, TheDeadlineRunsOnWhileTheDaemonIsDown) {
  JournalledLease old = FromJournal(kA);
  old.age = absl::Minutes(5);
  old.lease.set_remaining_deadline_ms(60000);
  Create({old});
  EXPECT_THAT(Say(Tick{}), Contains("journal a/1 result asset_download_failed"));
}

TEST_F(NodeTest, ALeaseThatTakesTheDaemonDownLifeAfterLifeIsGivenBackAsALoss) {
  JournalledLease once = FromJournal(kA);
  once.starts = limits_.adoptions_max - 1;
  JournalledLease poison = FromJournal(kB);
  poison.starts = limits_.adoptions_max;
  JournalledLease done = FromJournal(kC);
  done.starts = limits_.adoptions_max;
  done.result = Success();
  Create({once, poison, done});
  EXPECT_THAT(Say(Tick{}), Contains("journal b/1 result video_encoding_error"));
  Say(Journalled(kB));
  Say(Ready(0));
  rendernode::OpenSessionResponse opened = Opened();
  for (const LeaseKey& key : {kA, kB, kC}) {
    *opened.add_adopt() = key.ToProto();
  }
  EXPECT_THAT(Say(SessionOpened{opened, clock_.SinceBoot()}),
              AllOf(Contains("fetch a/1"),
                    Contains("commit b/1 video_encoding_error"),
                    Contains("upload c/1")))
      << "a finished result is not thrown away";
  EXPECT_TRUE(last_result_.infrastructure());
  EXPECT_TRUE(last_result_.retryable());
  EXPECT_THAT(started_, ElementsAre("a/1"));
}

TEST_F(NodeTest, TheSessionSaysWhoseJournalItIs) {
  node_ = std::make_unique<Node>(limits_,
                                 NodeIdentity{"node", "boot", 4, "test", "j1"},
                                 std::vector<JournalledLease>(),
                                 clock_,
                                 [] { return 0.0; });
  Say(Tick{});
  Say(Ready(0));
  EXPECT_EQ(last_open_.journal_id(), "j1");
  EXPECT_EQ(last_open_.incarnation(), 4u);
}

// ---------------------------------------------------------------- orphans

TEST_F(NodeTest, AResultThatNobodyTakesIsKeptForAsLongAsAgreedThenDroppedAndCounted) {
  Create();
  rendernode::OpenSessionResponse opened = Opened();
  opened.mutable_timing()->set_orphan_keep_ms(3600000);
  Connect(opened);
  GrantAndRender(kA);
  FinishRender(kA);
  FinishUpload(kA);
  Say(CommitFailed{kA, absl::UnavailableError("down")});
  Say(SyncFailed{absl::UnavailableError("down")});
  clock_.Advance(absl::Minutes(59));
  EXPECT_THAT(Say(Tick{}), AllOf(Contains("commit a/1 SUCCEEDED"), Not(Contains("forget a/1"))));
  EXPECT_THAT(Say(CommitFailed{kA, absl::UnavailableError("down")}), Not(Contains("forget a/1")));
  clock_.Suspend(absl::Hours(48));
  EXPECT_THAT(Say(Tick{}), Not(Contains("forget a/1"))) << "nobody was asked meanwhile";
  clock_.Advance(absl::Minutes(1));
  EXPECT_THAT(Say(CommitFailed{kA, absl::UnavailableError("down")}), Contains("forget a/1"));
  EXPECT_EQ(node_->Status().results_orphaned(), 1u);
}

TEST_F(NodeTest, AnyWordOfTheCoordinatorsKeepsResultsAlive) {
  Create();
  rendernode::OpenSessionResponse opened = Opened();
  opened.mutable_timing()->set_orphan_keep_ms(3600000);
  Connect(opened);
  GrantAndRender(kA);
  FinishRender(kA);
  FinishUpload(kA);
  for (int i = 0; i < 10; ++i) {
    clock_.Advance(absl::Minutes(50));
    Say(CommitAnswered{kA, CommitItemResponse::RETRY});
    Say(Reply());
    EXPECT_THAT(After(limits_.coordinator_retry.max), Contains("commit a/1 SUCCEEDED"));
  }
  EXPECT_EQ(node_->Status().results_orphaned(), 0u);
}

// ---------------------------------------------------------------- versions

TEST_F(NodeTest, ACoordinatorOfOtherVersionsIsAskedSlowlyAndEverythingHeldIsKept) {
  JournalledLease done = FromJournal(kA);
  done.result = Success();
  done.uploaded = true;
  Create({done});
  Say(Tick{});
  Say(Ready(0));
  EXPECT_EQ(last_open_.protocol_min(), kProtocolMin);
  EXPECT_EQ(last_open_.protocol_max(), kProtocolMax);
  const absl::Status refusal = absl::FailedPreconditionError(
      "coordinator speaks protocol 7-9, this node 1-1: update the node");
  absl::Duration waited;
  for (int i = 0; i < 300; ++i) {  // Hours.
    Say(SessionFailed{refusal});
    EXPECT_EQ(node_->Status().coordinator_error(), refusal.message());
    EXPECT_FALSE(node_->Status().connected());
    waited = node_->WakeAt() - clock_.SinceBoot();
    EXPECT_GE(waited, limits_.refused_retry.min);
    EXPECT_THAT(After(waited), Contains("open a/1=done"));
  }
  EXPECT_EQ(waited, limits_.refused_retry.max);
  rendernode::OpenSessionResponse opened = Opened();
  opened.set_protocol(kProtocolMax);
  EXPECT_THAT(Say(SessionOpened{opened, clock_.SinceBoot()}), Contains("commit a/1 SUCCEEDED"));
  EXPECT_EQ(node_->Status().coordinator_error(), "");
  EXPECT_EQ(node_->Status().protocol(), kProtocolMax);
}

TEST_F(NodeTest, AVersionThatWasNotOfferedIsNotSpoken) {
  Create();
  Say(Tick{});
  Say(Ready(0));
  rendernode::OpenSessionResponse opened = Opened();
  opened.set_protocol(kProtocolMax + 1);
  EXPECT_THAT(Say(SessionOpened{opened, clock_.SinceBoot()}), IsEmpty());
  EXPECT_THAT(node_->Status().coordinator_error(),
              HasSubstr("coordinator speaks protocol 2, this node 1-1: update the node"));
  EXPECT_THAT(After(limits_.refused_retry.min), ElementsAre("open"));
}

// ---------------------------------------------------------------- drain

TEST_F(NodeTest, SigtermReleasesTheQueuedFinishesTheRunningAndLeaves) {
  Create();
  Connect();
  Say(Reply({LeaseOf("a"), LeaseOf("b")}));
  Say(Journalled(std::vector<LeaseKey>{kA, kB}));
  Say(Fetched{kA});
  After(limits_.sync_spacing);
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(Say(DrainRequested{.exit = true}), ElementsAre("discard b/1", "forget b/1", "cut"));
  EXPECT_THAT(Say(SyncFailed{absl::CancelledError("cut")}),
              ElementsAre("sync want=0 a/1 -b/1 DRAINING"));
  Say(Reply());
  FinishRender(kA);
  FinishUpload(kA);
  Say(CommitAnswered{kA, CommitItemResponse::COMMITTED});
  After(limits_.sync_spacing);
  EXPECT_THAT(Say(SyncFailed{absl::CancelledError("cut")}), ElementsAre("close"));
  EXPECT_THAT(Say(SessionClosed{absl::OkStatus()}), ElementsAre("exit"));
}

TEST_F(NodeTest, WithTooLittleTimeWhatRunsIsReportedInterruptedBeforeTheExit) {
  limits_.drain_timeout = absl::Seconds(8);
  Create();
  Connect();
  GrantAndRender(kA);
  After(limits_.sync_spacing);
  Say(DrainRequested{.exit = true});
  Say(Progress(kA, 5));
  EXPECT_THAT(After(absl::Seconds(5)),
              AllOf(Contains("kill 0"), Contains("journal a/1 result INTERRUPTED")));
  EXPECT_THAT(Say(Journalled(kA)), Contains("commit a/1 INTERRUPTED"));
  EXPECT_TRUE(last_result_.infrastructure());
  EXPECT_TRUE(last_result_.retryable());
  Say(SyncFailed{absl::CancelledError("cut")});
  Say(Reply());
  Say(CommitAnswered{kA, CommitItemResponse::COMMITTED});
  After(limits_.sync_spacing);
  EXPECT_THAT(Say(SyncFailed{absl::CancelledError("cut")}), ElementsAre("close"));
}

TEST_F(NodeTest, ADrainEndsInTimeEvenWithoutACoordinator) {
  Create();
  Connect();
  GrantAndRender(kA);
  FinishRender(kA);
  FinishUpload(kA);
  Say(SyncFailed{absl::UnavailableError("down")});
  Say(CommitFailed{kA, absl::UnavailableError("down")});
  Say(DrainRequested{.exit = true});
  Say(SyncFailed{absl::UnavailableError("down")});
  EXPECT_THAT(After(limits_.drain_timeout), Contains("close"));
  EXPECT_THAT(Say(SessionClosed{absl::UnavailableError("down")}), ElementsAre("exit"))
      << "the result stays in the journal";
}

TEST_F(NodeTest, ASecondSigtermInterruptsWhatStillRuns) {
  Create();
  Connect();
  GrantAndRender(kA);
  Say(DrainRequested{.exit = true});
  EXPECT_THAT(Say(DrainRequested{.exit = true}), Contains("journal a/1 result INTERRUPTED"));
}

TEST_F(NodeTest, AnIdleNodeLeavesAtOnce) {
  Create();
  Connect();
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(Say(DrainRequested{.exit = true}), ElementsAre("cut"));
  EXPECT_THAT(Say(SyncFailed{absl::CancelledError("cut")}), ElementsAre("close"));
}

TEST_F(NodeTest, AGrantThatCrossesTheDrainIsHandedBack) {
  Create();
  Connect();
  Say(DrainRequested{});
  Say(Reply({LeaseOf("a")}));
  EXPECT_THAT(After(limits_.sync_spacing), ElementsAre("sync want=0 -a/1 DRAINING"));
  Say(SyncFailed{absl::UnavailableError("lost")});
  EXPECT_THAT(After(limits_.coordinator_retry.max), Contains("sync want=0 -a/1 DRAINING"))
      << "said until heard";
  Say(Reply());
  EXPECT_THAT(After(absl::Seconds(6)), Contains("sync want=0 DRAINING"));
}

TEST_F(NodeTest, AnOperatorsDrainIsUndoneAndTheCoordinatorsToo) {
  Create();
  Connect();
  Say(DrainRequested{});
  EXPECT_EQ(node_->Status().state(), rendernode::DRAINING);
  Say(UndrainRequested{});
  EXPECT_EQ(node_->Status().state(), rendernode::READY);
  SyncAnswered drain = Reply();
  drain.response.set_desired(rendernode::DRAIN);
  Say(drain);
  EXPECT_EQ(node_->Status().state(), rendernode::DRAINING);
  After(limits_.sync_spacing);
  SyncAnswered run = Reply();
  run.response.set_desired(rendernode::RUN);
  Say(run);
  EXPECT_EQ(node_->Status().state(), rendernode::READY);
}

}  // namespace
}  // namespace rn
