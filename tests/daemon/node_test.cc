// A lease's way through the node, event by event, and everything that may befall it.
#include "daemon/node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/daemon/node_harness.h"

namespace rn {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// ---------------------------------------------------------------- one item's way

TEST_F(NodeTest, AnItemGoesFromGrantToVerdictDurableBeforeVisible) {
  Create();
  Connect();
  EXPECT_THAT(Say(Reply({LeaseOf("a")})), ElementsAre("journal a/1"));
  EXPECT_THAT(Say(Journalled(std::vector<LeaseKey>{kA})), ElementsAre("fetch a/1"));
  EXPECT_THAT(Say(Fetched{kA}), ElementsAre("render a/1 in 0"));
  EXPECT_THAT(Say(Done(kA, Success())), ElementsAre("journal a/1 output SUCCEEDED"));
  EXPECT_THAT(Say(Journalled(kA)), ElementsAre("upload a/1"));
  EXPECT_THAT(Say(Uploaded{kA, Success()}), ElementsAre("journal a/1 result SUCCEEDED"));
  EXPECT_THAT(Say(Journalled(kA)), ElementsAre("commit a/1 SUCCEEDED"));
  EXPECT_THAT(Say(CommitAnswered{kA, CommitItemResponse::COMMITTED}),
              ElementsAre("discard a/1", "forget a/1"));
  EXPECT_EQ(node_->Status().items_completed(), 1u);
}

TEST_F(NodeTest, FetchRenderAndUploadOfDifferentItemsOverlap) {
  limits_.prefetch = 2;
  Create();
  Connect();
  Say(Reply({LeaseOf("a"), LeaseOf("b"), LeaseOf("c")}));
  EXPECT_THAT(Say(Journalled(std::vector<LeaseKey>{kA, kB, kC})),
              ElementsAre("fetch a/1", "fetch b/1"));
  EXPECT_THAT(Say(Fetched{kA}), ElementsAre("render a/1 in 0", "fetch c/1"));
  EXPECT_THAT(Say(Fetched{kB}), IsEmpty()) << "one slot";
  EXPECT_THAT(Say(Done(kA, Success())),
              ElementsAre("journal a/1 output SUCCEEDED", "render b/1 in 0"));
  EXPECT_THAT(Say(Journalled(kA)), ElementsAre("upload a/1"));
}

TEST_F(NodeTest, TheHigherPriorityGoesFirst) {
  limits_.fetches_max = 1;
  Create();
  Connect();
  rendernode::Lease urgent = LeaseOf("b");
  urgent.set_priority(5);
  Say(Reply({LeaseOf("a"), urgent}));
  EXPECT_THAT(Say(Journalled(std::vector<LeaseKey>{kA, kB})), ElementsAre("fetch b/1"));
}

TEST_F(NodeTest, ALeaseThatCannotBeJournalledIsHandedBackAndTheNodeCloses) {
  Create();
  Connect();
  Say(Reply({LeaseOf("a")}));
  EXPECT_THAT(Say(LeasesJournalled{{kA}, absl::ResourceExhaustedError("disk full")}),
              ElementsAre("discard a/1", "forget a/1"));
  EXPECT_THAT(After(limits_.sync_spacing), ElementsAre("sync want=0 -a/1 NOT_READY"));
  EXPECT_THAT(last_sync_.reason(), HasSubstr("disk full"));
  Say(Reply());
  EXPECT_THAT(After(limits_.journal_retry.max), Contains("sync want=2"));
}

TEST_F(NodeTest, ABadAssetFailsTheItemAlone) {
  Create();
  Connect();
  Grant(kA);
  EXPECT_THAT(Say(FetchFailed{kA, absl::NotFoundError("404")}),
              ElementsAre("discard a/1", "journal a/1 result asset_download_failed"));
  Say(Journalled(kA));
  EXPECT_FALSE(last_result_.retryable());
  EXPECT_FALSE(last_result_.infrastructure());
  EXPECT_EQ(node_->Status().state(), rendernode::READY);
}

TEST_F(NodeTest, AJobSpecThatCannotBeHadNowIsAskedForAgain) {
  Create();
  Connect();
  Grant(kA);
  EXPECT_THAT(Say(FetchFailed{kA, absl::UnavailableError("coordinator away"), false}), IsEmpty());
  EXPECT_THAT(After(limits_.coordinator_retry.min), Contains("fetch a/1"));
}

TEST_F(NodeTest, AJobSpecThatIsTooLongIsNotAskedForAgainAndTheLimitIsNamed) {
  Create();
  Connect();
  Grant(kA);
  EXPECT_THAT(
      Say(FetchFailed{kA, absl::OutOfRangeError("longer than job_spec_max = 9 bytes"), false}),
      Contains("journal a/1 result template_render_error"));
  Say(Journalled(kA));
  EXPECT_TRUE(last_result_.infrastructure()) << "another node may have a higher limit";
  EXPECT_THAT(last_result_.error_message(), HasSubstr("job spec: longer than job_spec_max = 9"));
}

TEST_F(NodeTest, AFullDiskPausesTheStagesAndFailsNothing) {
  Create();
  Connect();
  Say(Reply({LeaseOf("a")}));
  Say(DiskChecked{absl::ResourceExhaustedError("work disk: 12 MiB left")});
  EXPECT_THAT(Say(Journalled(std::vector<LeaseKey>{kA})), Not(Contains("fetch a/1")));
  After(limits_.sync_spacing);
  EXPECT_EQ(last_sync_.reason(), "work disk: 12 MiB left");
  EXPECT_EQ(last_sync_.want(), 0u);
  EXPECT_THAT(Say(DiskChecked{absl::OkStatus()}), Contains("fetch a/1"));
}

TEST_F(NodeTest, ACacheWithoutRoomClosesTheNodeAndTheItemWaits) {
  Create();
  Connect();
  Grant(kA);
  const absl::Status full = WriteErrnoStatus(ENOSPC, "/cache/partial/1");
  EXPECT_THAT(Say(FetchFailed{kA, full, /*item_fault=*/false, /*no_room=*/true}),
              Not(Contains("discard a/1")));
  EXPECT_EQ(node_->Status().state(), rendernode::NOT_READY);
  EXPECT_THAT(node_->Status().reason(), HasSubstr("No space left"));
  EXPECT_THAT(After(limits_.journal_retry.min), Contains("fetch a/1"));
  Say(Fetched{kA});
  EXPECT_EQ(node_->Status().state(), rendernode::READY);
}

TEST_F(NodeTest, ARenderThatFillsTheDiskIsNoFailureOfTheItemAndClosesTheNode) {
  Create();
  Connect();
  GrantAndRender(kA);
  ItemResult full = FailedResult(WriteErrnoStatus(ENOSPC, "/work/a-1/video.mp4"));
  EXPECT_THAT(Say(Done(kA, full)), Contains("journal a/1 result quota_exceeded"));
  Say(Journalled(kA));
  EXPECT_TRUE(last_result_.infrastructure());
  EXPECT_TRUE(last_result_.retryable());
  EXPECT_EQ(node_->Status().state(), rendernode::NOT_READY);
  EXPECT_THAT(node_->Status().reason(), HasSubstr("work folder: /work/a-1/video.mp4"));
  clock_.Advance(limits_.journal_retry.min);
  EXPECT_EQ(node_->Status().state(), rendernode::READY) << "the next may show that it has passed";
}

TEST_F(NodeTest, AnEncoderWithoutASessionIsTheNodesLossAndNotTheItemsFailure) {
  Create();
  Connect();
  GrantAndRender(kA);
  ItemResult refused = FailedResult(WithItemError(absl::ResourceExhaustedError("no session left"),
                                                  rendernode::ITEM_ERROR_VIDEO_ENCODING_ERROR));
  refused.mutable_usage()->set_encoder("h264_nvenc");
  EXPECT_THAT(Say(Done(kA, refused)), Contains("journal a/1 result video_encoding_error"));
  Say(Journalled(kA));
  EXPECT_TRUE(last_result_.infrastructure());
  EXPECT_TRUE(last_result_.retryable());
  EXPECT_THAT(last_result_.error_message(), HasSubstr("no session left"));
  EXPECT_EQ(last_result_.usage().encoder(), "h264_nvenc");
}

TEST_F(NodeTest, AWorkerCannotPassOffTheItemsOwnFailureAsALoss) {
  Create();
  Connect();
  GrantAndRender(kA);
  ItemResult lie = Failure(rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR);
  lie.set_infrastructure(true);
  lie.set_retryable(true);
  Say(Done(kA, lie));
  Say(Journalled(kA));
  EXPECT_FALSE(last_result_.infrastructure());
  EXPECT_FALSE(last_result_.retryable());
}

TEST_F(NodeTest, WhatAnotherEncoderMightDoIsWorthOneMoreTryAndABadTemplateIsNot) {
  Create();
  Connect();
  GrantAndRender(kA);
  Say(Done(kA, Failure(rendernode::ITEM_ERROR_VIDEO_ENCODING_ERROR)));
  Say(Journalled(kA));
  EXPECT_TRUE(last_result_.retryable());
  EXPECT_FALSE(last_result_.infrastructure());
  Say(WorkerGone{0, "signal 9"});
  Say(Ready(0));
  After(limits_.sync_spacing);
  GrantAndRender(kB);
  ItemResult broken = Failure(rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR);
  broken.set_retryable(true);
  Say(Done(kB, broken));
  Say(Journalled(kB));
  EXPECT_FALSE(last_result_.retryable());
}

// ---------------------------------------------------------------- losing a lease

TEST_F(NodeTest, LeaseLostWhileRenderingKillsTheWorkerAndReportsNothing) {
  Create();
  Connect();
  GrantAndRender(kA);
  After(limits_.sync_spacing);
  EXPECT_THAT(Say(Reply({}, {kA})), ElementsAre("kill 0", "forget a/1"));
  EXPECT_THAT(Say(Done(kA, Success())), IsEmpty()) << "the report was under way";
  EXPECT_THAT(Say(WorkerGone{0, "signal 9"}), AllOf(Contains("discard a/1"), Contains("start 0")));
  EXPECT_THAT(node_->Status().items(), IsEmpty());
}

TEST_F(NodeTest, ANewerFenceOfTheSameItemReplacesTheOlder) {
  Create();
  Connect();
  GrantAndRender(kA);
  After(limits_.sync_spacing);
  EXPECT_THAT(Say(Reply({LeaseOf("a", 2)})), ElementsAre("kill 0", "forget a/1", "journal a/2"));
}

TEST_F(NodeTest, AnOlderFenceFromALateReplyIsIgnored) {
  Create();
  Connect();
  Grant({"a", 2});
  After(limits_.sync_spacing);
  Say(Reply({LeaseOf("a", 1)}));
  ASSERT_EQ(node_->Status().items_size(), 1);
  EXPECT_EQ(node_->Status().items(0).fence(), 2u);
}

TEST_F(NodeTest, AGrantSaidTwiceIsOneLease) {
  Create();
  Connect();
  GrantAndRender(kA);
  After(limits_.sync_spacing);
  EXPECT_THAT(Say(Reply({LeaseOf("a")})), Not(Contains(HasSubstr("journal"))));
  EXPECT_EQ(node_->Status().items_size(), 1);
}

TEST_F(NodeTest, ACancelledFetchThatEndsLateChangesNothing) {
  Create();
  Connect();
  Grant(kA);
  After(limits_.sync_spacing);
  EXPECT_THAT(Say(Reply({}, {kA})), ElementsAre("discard a/1", "forget a/1"));
  EXPECT_THAT(Say(FetchFailed{kA, absl::CancelledError("discarded")}), IsEmpty());
}

TEST_F(NodeTest, ACancelOfAFinishedResultLeavesTheVerdictToTheCoordinator) {
  Create();
  Connect();
  GrantAndRender(kA);
  FinishRender(kA);
  FinishUpload(kA);
  After(limits_.sync_spacing);
  EXPECT_THAT(Say(Reply({}, {kA})), Not(Contains("forget a/1")));
  EXPECT_THAT(Say(CommitAnswered{kA, CommitItemResponse::SUPERSEDED}), Contains("forget a/1"));
  EXPECT_EQ(node_->Status().items_completed(), 0u);
}

// ---------------------------------------------------------------- partition

TEST_F(NodeTest, NoFurtherStageStartsOnceTheLeaseMayBeSomebodyElses) {
  Create();
  Connect();
  GrantAndRender(kA);  // Renewed by a Sync sent now.
  After(limits_.sync_spacing);
  Say(SyncFailed{absl::UnavailableError("partition")});
  Say(Progress(kA, 1));
  clock_.Advance(absl::Seconds(25) - limits_.sync_spacing);
  Say(Progress(kA, 2));
  EXPECT_THAT(Say(Done(kA, Success())), Contains("journal a/1 output SUCCEEDED"))
      << "the stage in hand is finished and kept";
  EXPECT_THAT(Say(Journalled(kA)), Not(Contains("upload a/1")));
}

TEST_F(NodeTest, TheLeaseIsCountedFromTheSendOfTheSyncNotItsReply) {
  Create();
  Connect();
  GrantAndRender(kA);
  FinishRender(kA);
  Say(UploadFailed{kA, absl::UnavailableError("store away")});
  After(limits_.sync_spacing);
  clock_.Advance(absl::Seconds(24));
  EXPECT_THAT(Say(Reply()), Contains("upload a/1")) << "sent 24 s ago: safe for one more second";
  Say(UploadFailed{kA, absl::UnavailableError("store away")});
  clock_.Advance(absl::Seconds(2));
  EXPECT_THAT(Say(Tick{}), Not(Contains("upload a/1")));
}

TEST_F(NodeTest, AZombieThatReturnsUploadsOnlyWhatIsStillItsOwn) {
  Create();
  Connect();
  GrantAndRender(kA);
  After(limits_.sync_spacing);
  Say(SyncFailed{absl::UnavailableError("partition")});
  clock_.Advance(absl::Seconds(26));
  FinishRender(kA);
  EXPECT_THAT(Say(Tick{}), Not(Contains("upload a/1")));
  EXPECT_THAT(Say(Reply({}, {kA})), Contains("forget a/1"));
}

TEST_F(NodeTest, ALeaseTheReplyDoesNotRenewIsKeptButNotWorkedOn) {
  Create();
  Connect();
  Grant(kA);
  After(limits_.sync_spacing);
  SyncAnswered silent{.sent_at = sync_sent_at_};
  clock_.Advance(absl::Seconds(26));
  Say(silent);
  EXPECT_THAT(Say(Fetched{kA}), Not(Contains("render a/1 in 0")));
  EXPECT_EQ(node_->Status().items_size(), 1) << "a store error must never read as lease missing";
}

// ---------------------------------------------------------------- suspend, clock jumps

TEST_F(NodeTest, ABoxThatWakesDoesNotBlameItsWorkerForHavingSlept) {
  Create();
  Connect();
  rendernode::Lease lease = LeaseOf("a");
  lease.set_remaining_deadline_ms(60000);
  Say(Reply({lease}));
  Say(Journalled(std::vector<LeaseKey>{kA}));
  Say(Fetched{kA});
  Say(Progress(kA, 10));
  clock_.Advance(absl::Seconds(10));
  clock_.Suspend(absl::Hours(8));
  EXPECT_THAT(Say(Tick{}), Not(Contains("kill 0")));
  EXPECT_THAT(After(absl::Seconds(20)),
              AllOf(Contains("kill 0"), Contains("journal a/1 result video_encoding_error")))
      << "30 s awake without a frame";
}

TEST_F(NodeTest, ABoxThatWakesStartsNothingOnLeasesOfTheDayBefore) {
  Create();
  Connect();
  GrantAndRender(kA);
  After(limits_.sync_spacing);
  clock_.Suspend(absl::Seconds(26));
  EXPECT_THAT(Say(Done(kA, Success())), Contains("journal a/1 output SUCCEEDED"));
  EXPECT_THAT(Say(Journalled(kA)), Not(Contains("upload a/1")));
}

TEST_F(NodeTest, AJumpOfTheWallClockChangesNothing) {
  for (const absl::Duration jump : {absl::Hours(24), -absl::Hours(24)}) {
    Create();
    Connect();
    rendernode::Lease lease = LeaseOf("a");
    lease.set_remaining_deadline_ms(60000);
    Say(Reply({lease}));
    clock_.JumpWallClock(jump);
    EXPECT_THAT(Say(Journalled(std::vector<LeaseKey>{kA})), ElementsAre("fetch a/1"));
    EXPECT_THAT(Say(Fetched{kA}), ElementsAre("render a/1 in 0"));
    EXPECT_THAT(After(absl::Seconds(20)), Not(Contains("kill 0")));
    Say(Progress(kA, 1));
    FinishRender(kA);
    FinishUpload(kA);
    EXPECT_THAT(Say(CommitAnswered{kA, CommitItemResponse::COMMITTED}), Contains("forget a/1"));
  }
}

// ---------------------------------------------------------------- stalls and deadlines

TEST_F(NodeTest, AStalledWorkerIsKilledAndItsItemReportedAsInfrastructureLoss) {
  Create();
  Connect();
  GrantAndRender(kA);
  Say(Progress(kA, 10));
  clock_.Advance(absl::Seconds(29));
  EXPECT_THAT(Say(Progress(kA, 10)), Not(Contains("kill 0"))) << "alive, but the frame stands";
  EXPECT_THAT(After(absl::Seconds(1)),
              AllOf(Contains("kill 0"), Contains("journal a/1 result video_encoding_error")));
  Say(Journalled(kA));
  EXPECT_TRUE(last_result_.infrastructure());
  EXPECT_TRUE(last_result_.retryable());
  EXPECT_THAT(last_result_.error_message(), HasSubstr("no progress for 30s at frame 10 of 100"));
}

TEST_F(NodeTest, AWorkerThatKeepsMovingIsLeftAlone) {
  Create();
  Connect();
  GrantAndRender(kA);
  for (std::uint32_t frame = 1; frame < 10; ++frame) {
    clock_.Advance(absl::Seconds(20));
    EXPECT_THAT(Say(Progress(kA, frame)), Not(Contains("kill 0")));
  }
}

TEST_F(NodeTest, TheItemsDeadlineEndsItWhereverItIs) {
  Create();
  Connect();
  rendernode::Lease lease = LeaseOf("a");
  lease.set_remaining_deadline_ms(10000);
  Say(Reply({lease}));
  Say(Journalled(std::vector<LeaseKey>{kA}));
  EXPECT_LE(node_->WakeAt(), clock_.SinceBoot() + absl::Seconds(10));
  EXPECT_THAT(After(absl::Seconds(10)),
              AllOf(Contains("discard a/1"), Contains("journal a/1 result asset_download_failed")));
  Say(Journalled(kA));
  EXPECT_FALSE(last_result_.retryable());
  EXPECT_THAT(last_result_.error_message(), HasSubstr("deadline passed while fetching"));
}

TEST_F(NodeTest, AResultFinishedInTimeIsNotUndoneByTheDeadline) {
  Create();
  Connect();
  rendernode::Lease lease = LeaseOf("a");
  lease.set_remaining_deadline_ms(10000);
  Say(Reply({lease}));
  Say(Journalled(std::vector<LeaseKey>{kA}));
  Say(Fetched{kA});
  FinishRender(kA);
  FinishUpload(kA);
  EXPECT_THAT(After(absl::Seconds(20)), Not(Contains(HasSubstr("journal"))));
}

// ---------------------------------------------------------------- workers

TEST_F(NodeTest, AWorkerLostInMidItemIsReportedOnceAndReplaced) {
  Create();
  Connect();
  GrantAndRender(kA);
  EXPECT_THAT(Say(WorkerGone{0, "signal 11 (Segmentation fault)"}),
              Contains("journal a/1 result video_encoding_error"));
  Say(Journalled(kA));
  EXPECT_TRUE(last_result_.infrastructure());
  EXPECT_THAT(last_result_.error_message(), HasSubstr("signal 11"));
  EXPECT_THAT(After(limits_.workers.restart.min), Contains("start 0"));
}

TEST_F(NodeTest, AWorkerIsRecycledAfterItsShareOfItems) {
  Create();
  Connect();
  for (const LeaseKey& key : {kA, kB}) {
    GrantAndRender(key);
    EXPECT_THAT(Say(Done(key, Success())), Not(Contains("kill 0")));
    After(limits_.sync_spacing);
  }
  GrantAndRender(kC);
  EXPECT_THAT(Say(Done(kC, Success())), Contains("kill 0"));
  EXPECT_THAT(Say(WorkerGone{0, "signal 9"}), Contains("start 0"));
}

TEST_F(NodeTest, AWorkerIsRecycledAfterAFailure) {
  Create();
  Connect();
  GrantAndRender(kA);
  EXPECT_THAT(Say(Done(kA, Failure(rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR))),
              AllOf(Contains("kill 0"), Contains("journal a/1 result template_render_error")));
}

TEST_F(NodeTest, ASuccessWithoutAFileIsNoSuccess) {
  Create();
  Connect();
  GrantAndRender(kA);
  ItemResult lie;
  lie.set_outcome(rendernode::SUCCEEDED);
  EXPECT_THAT(Say(Done(kA, lie)), Contains("journal a/1 result video_encoding_error"));
}

TEST_F(NodeTest, AReportForAnotherItemThanTheSlotsIsIgnored) {
  Create();
  Connect();
  GrantAndRender(kA);
  EXPECT_THAT(Say(Done(kB, Success())), IsEmpty());
  EXPECT_THAT(Say(Done(kA, Success())), Contains("journal a/1 output SUCCEEDED"));
}

TEST_F(NodeTest, ACrashLoopClosesTheNodeReleasesWhatIsQueuedAndOpensAgain) {
  Create();
  Connect();
  Grant(kA);
  Say(WorkerGone{0, "exit code 1"});
  After(limits_.workers.restart.min);
  Say(WorkerGone{0, "exit code 1"});
  After(2 * limits_.workers.restart.min);
  EXPECT_THAT(Say(WorkerGone{0, "exit code 1"}), Contains("forget a/1"));
  After(limits_.sync_spacing);
  Say(SyncFailed{absl::CancelledError("cut")});
  After(limits_.sync_spacing);
  EXPECT_EQ(last_sync_.state(), rendernode::NOT_READY);
  EXPECT_THAT(last_sync_.reason(), HasSubstr("3 times in a row: exit code 1"));
  EXPECT_EQ(last_sync_.released_size(), 1);
  Say(Reply());
  After(limits_.workers.restart.max);
  Say(Ready(0));
  EXPECT_EQ(node_->Status().state(), rendernode::READY);
}

TEST_F(NodeTest, AWorkerThatNeverSaysAWordIsKilled) {
  Create();
  Say(Tick{});
  EXPECT_THAT(After(limits_.workers.start_timeout), Contains("kill 0"));
  EXPECT_THAT(After(absl::Seconds(1)), Not(Contains("kill 0")));
}

TEST_F(NodeTest, MoreSlotsStartAtOnceAndFewerEndTheirItemsFirst) {
  Create();
  Connect();
  GrantAndRender(kA);
  NodeLimits more = limits_;
  more.workers.slots = 3;
  node_->SetLimits(more);
  EXPECT_THAT(Say(Tick{}),
              AllOf(Contains("start 1"), Contains("start 2"), Not(Contains("kill 0"))));
  Say(Ready(1));
  EXPECT_EQ(node_->Status().slots_size(), 3);
  After(limits_.sync_spacing);
  Say(SyncFailed{absl::CancelledError("cut")});
  GrantAndRender(kB);  // In slot 1; 2 is still starting.
  node_->SetLimits(limits_);
  EXPECT_THAT(Say(Tick{}), AllOf(Contains("kill 2"), Not(Contains("kill 1"))));
  Say(WorkerGone{2, "signal 9"});
  EXPECT_EQ(node_->Status().slots_size(), 2) << "slot 1 finishes its item";
  EXPECT_THAT(Say(Done(kB, Success(), 1)),
              AllOf(Contains("kill 1"), Contains("journal b/1 output SUCCEEDED")));
  EXPECT_THAT(Say(WorkerGone{1, "signal 9"}), Not(Contains("start 1")));
  EXPECT_EQ(node_->Status().slots_size(), 1);
  EXPECT_EQ(node_->Status().items_size(), 2) << "leases are kept";
}

// ---------------------------------------------------------------- the store

TEST_F(NodeTest, AFailedUploadIsTriedAgainWithoutRenderingAgainAndClosesTheNode) {
  Create();
  Connect();
  GrantAndRender(kA);
  FinishRender(kA);
  Say(UploadFailed{kA, absl::UnavailableError("connection refused")});
  EXPECT_EQ(node_->Status().state(), rendernode::NOT_READY);
  EXPECT_THAT(node_->Status().reason(), HasSubstr("connection refused"));
  EXPECT_THAT(After(limits_.store_retry.min), Contains("upload a/1"));
  Say(Uploaded{kA, Success()});
  EXPECT_EQ(node_->Status().state(), rendernode::READY);
}

TEST_F(NodeTest, AFullStoreDefersTheItemAndConsumesNoAttempt) {
  Create();
  Connect();
  GrantAndRender(kA);
  FinishRender(kA);
  const absl::Status full =
      WithItemError(absl::ResourceExhaustedError("507"), rendernode::ITEM_ERROR_QUOTA_EXCEEDED);
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(Say(UploadFailed{kA, full}), Not(Contains(HasSubstr("journal"))));
    After(limits_.sync_spacing);
    Say(Reply());
    EXPECT_THAT(After(limits_.store_retry.max), Contains("upload a/1")) << i;
  }
  EXPECT_THAT(node_->Status().reason(), HasSubstr("full"));
}

TEST_F(NodeTest, AStoreThatAnswersIsNoRoomInAFullBucket) {
  Create();
  Connect();
  GrantAndRender(kA);
  FinishRender(kA);
  Say(UploadFailed{
      kA,
      WithItemError(absl::ResourceExhaustedError("507"), rendernode::ITEM_ERROR_QUOTA_EXCEEDED)});
  Say(StoreChecked{absl::OkStatus()});
  EXPECT_EQ(node_->Status().state(), rendernode::NOT_READY);
  EXPECT_THAT(node_->Status().reason(), HasSubstr("full"));
}

TEST_F(NodeTest, AnUnreachableStoreClosesTheNodeUntilItAnswers) {
  Create();
  Connect();
  Say(Reply());
  Say(StoreChecked{absl::UnavailableError("no connection")});
  EXPECT_THAT(After(limits_.sync_spacing), Contains("sync want=0 NOT_READY"));
  EXPECT_THAT(last_sync_.reason(), HasSubstr("object store: no connection"));
  Say(StoreChecked{absl::OkStatus()});
  EXPECT_EQ(node_->Status().state(), rendernode::READY);
}

TEST_F(NodeTest, WhatAnUnreachableStoreIsToTakeIsRenderedMeanwhile) {
  Create();
  Connect();
  GrantAndRender(kA);
  Say(StoreChecked{absl::UnavailableError("no connection")});
  FinishRender(kA);
  Say(Uploaded{kA, Success()});
  Say(Journalled(kA));
  EXPECT_EQ(last_result_.outcome(), rendernode::SUCCEEDED);
}

TEST_F(NodeTest, ARefusedBucketClosesTheNodeForNobodyElse) {
  Create();
  Connect();
  GrantAndRender(kA);
  FinishRender(kA);
  Say(UploadFailed{kA, absl::PermissionDeniedError("AccessDenied")});
  EXPECT_EQ(node_->Status().state(), rendernode::READY);
}

TEST_F(NodeTest, KeysTheStoreDoesNotKnowCloseTheNodeAndLeaveTheItemToOthers) {
  Create();
  Connect();
  GrantAndRender(kA);
  FinishRender(kA);
  for (std::int64_t i = 0; i < limits_.upload_refusals_max; ++i) {
    Say(UploadFailed{kA, absl::UnauthenticatedError("InvalidAccessKeyId")});
    if (i + 1 < limits_.upload_refusals_max) {
      EXPECT_EQ(node_->Status().state(), rendernode::NOT_READY);
    }
    After(limits_.sync_spacing);
    Say(Reply());
    After(limits_.store_retry.max);
  }
  Say(Journalled(kA));
  EXPECT_EQ(last_result_.error_code(), rendernode::ITEM_ERROR_STORAGE_UPLOAD_FAILED);
  EXPECT_TRUE(last_result_.infrastructure());
}

// ---------------------------------------------------------------- what nobody wants any more

class SupersededTest : public NodeTest {
 protected:
  static constexpr char kRemove[] = "remove bucket/job/a/1/";

  void RenderOne() {
    Create();
    Connect();
    rendernode::Lease lease = LeaseOf("a");
    lease.set_output_prefix("bucket/job/a/1/");
    Say(Reply({lease}));
    Say(Journalled(std::vector<LeaseKey>{kA}));
    Say(Fetched{kA});
    FinishRender(kA);
  }
  // The coordinator's word on it, while a Sync is under way.
  Lines Cancel() {
    After(limits_.sync_spacing);
    return Say(Reply({}, {kA}));
  }
};

TEST_F(SupersededTest, ASupersededAttemptIsRemovedFromTheStore) {
  RenderOne();
  FinishUpload(kA);
  EXPECT_THAT(Say(CommitAnswered{kA, CommitItemResponse::SUPERSEDED}), Contains(kRemove));
}

TEST_F(SupersededTest, ACommittedAttemptStays) {
  for (const auto verdict : {CommitItemResponse::COMMITTED, CommitItemResponse::DUPLICATE}) {
    RenderOne();
    FinishUpload(kA);
    EXPECT_THAT(Say(CommitAnswered{kA, verdict}), Not(Contains(kRemove)));
  }
}

TEST_F(SupersededTest, AnUploadUnderWayEndsBeforeWhatItPutIsRemoved) {
  RenderOne();
  EXPECT_THAT(Cancel(), AllOf(Contains("discard a/1"), Not(Contains(kRemove))));
  EXPECT_THAT(Say(UploadFailed{kA, absl::CancelledError("stopped")}), Contains(kRemove));
}

TEST_F(SupersededTest, AnAttemptThatFailedHalfUploadedIsRemovedOnceItsFailureIsDurable) {
  RenderOne();
  EXPECT_THAT(Say(UploadFailed{kA, absl::DataLossError("sha256 differs")}), Not(Contains(kRemove)));
  EXPECT_THAT(Say(Journalled(kA)), Not(Contains(kRemove)));
  EXPECT_THAT(Say(CommitAnswered{kA, CommitItemResponse::COMMITTED}), Contains(kRemove));
}

// ---------------------------------------------------------------- refusals

TEST_F(NodeTest, AnObjectTheStoreRefusesForGoodFailsTheItemInTheEnd) {
  Create();
  Connect();
  GrantAndRender(kA);
  FinishRender(kA);
  for (std::int64_t i = 1; i < limits_.upload_refusals_max; ++i) {
    EXPECT_THAT(Say(UploadFailed{kA, absl::PermissionDeniedError("403")}),
                Not(Contains(HasSubstr("journal"))));
    After(limits_.sync_spacing);
    Say(Reply());
    EXPECT_THAT(After(limits_.store_retry.max), Contains("upload a/1"));
  }
  EXPECT_THAT(Say(UploadFailed{kA, absl::PermissionDeniedError("403")}),
              Contains("journal a/1 result storage_upload_failed"));
  EXPECT_EQ(node_->Status().state(), rendernode::READY);
}

TEST_F(NodeTest, AFileThatChangedUnderUsIsAnInfrastructureLoss) {
  Create();
  Connect();
  GrantAndRender(kA);
  FinishRender(kA);
  Say(UploadFailed{kA, absl::DataLossError("sha256 differs")});
  Say(Journalled(kA));
  EXPECT_EQ(last_result_.error_code(), rendernode::ITEM_ERROR_STORAGE_UPLOAD_FAILED);
  EXPECT_TRUE(last_result_.infrastructure());
}

// ---------------------------------------------------------------- an operator gives an item up

TEST_F(NodeTest, AnItemGivenUpBeforeItBeganIsHandedBack) {
  Create();
  Connect();
  Grant(kA);
  EXPECT_THAT(Say(CancelRequested{"a"}), ElementsAre("discard a/1", "forget a/1"));
  EXPECT_THAT(After(limits_.sync_spacing), ElementsAre("sync want=2 -a/1"));
}

TEST_F(NodeTest, AnItemGivenUpWhileItRunsIsKilledAndReportedInterrupted) {
  Create();
  Connect();
  GrantAndRender(kA);
  EXPECT_THAT(Say(CancelRequested{"a"}),
              AllOf(Contains("kill 0"), Contains("journal a/1 result INTERRUPTED")));
  EXPECT_THAT(Say(Journalled(kA)), ElementsAre("commit a/1 INTERRUPTED"));
  EXPECT_TRUE(last_result_.infrastructure());
}

TEST_F(NodeTest, WhatIsFinishedOrNotHeldIsNotGivenUp) {
  Create();
  Connect();
  GrantAndRender(kA);
  FinishRender(kA);
  FinishUpload(kA);
  EXPECT_THAT(Say(CancelRequested{"a"}), IsEmpty());
  EXPECT_THAT(Say(CancelRequested{"b"}), IsEmpty());
  EXPECT_EQ(last_result_.outcome(), rendernode::SUCCEEDED);
}

}  // namespace
}  // namespace rn
