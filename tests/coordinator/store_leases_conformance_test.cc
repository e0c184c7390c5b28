// What every store does for nodes: sessions, leases, fences, verdicts, attempts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/store_harness.h"

namespace rn {
namespace {

using rendernode::CommitItemResponse;
using rendernode::LeaseRef;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StoreLeasesTest : public StoreTest {};

INSTANTIATE_TEST_SUITE_P(Every, StoreLeasesTest, ::testing::ValuesIn(kStoreBackends), BackendName);

// ---------------------------------------------------------------- sessions

TEST_P(StoreLeasesTest, AnOrderToDrainIsKeptUntilItIsTakenBack) {
  Open("a");
  Open("b");
  EXPECT_THAT(*store_->DrainedNodes(), IsEmpty());
  ASSERT_TRUE(store_->SetNodeDrain("a", true, now_).ok());
  ASSERT_TRUE(store_->SetNodeDrain("a", true, now_).ok()) << "asking twice is no error";
  ASSERT_TRUE(store_->SetNodeDrain("b", true, now_).ok());
  Reopen();
  EXPECT_THAT(*store_->DrainedNodes(), ElementsAre("a", "b"));
  ASSERT_TRUE(store_->SetNodeDrain("a", false, now_).ok());
  EXPECT_THAT(*store_->DrainedNodes(), ElementsAre("b"));
}

TEST_P(StoreLeasesTest, ANodeThatIsAwayMayBeDrainedAndOneThatNeverWasMayNot) {
  EXPECT_TRUE(absl::IsNotFound(store_->SetNodeDrain("nobody", true, now_)));
  EXPECT_TRUE(absl::IsNotFound(store_->SetNodeDrain("nobody", false, now_)));
  rendernode::OpenSessionRequest request;
  request.set_node_id("away");
  request.set_journal_id("journal");
  ASSERT_TRUE(store_->OpenSession(request, "session", now_).ok());
  ASSERT_TRUE(store_->CloseSession("session", now_).ok());
  ASSERT_TRUE(store_->SetNodeDrain("away", true, now_).ok());
  EXPECT_THAT(*store_->DrainedNodes(), ElementsAre("away"));
}

TEST_P(StoreLeasesTest, TheNewestSessionOfANodeWins) {
  Create("job_1", 1);
  const std::string old = Open("node");
  const std::string newest = Open("node");
  EXPECT_EQ(*store_->SessionNode(newest), "node");
  rendernode::SyncRequest sync;
  sync.set_session(old);
  EXPECT_TRUE(absl::IsFailedPrecondition(store_->Sync(sync, now_).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(store_->SessionNode(old).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(store_->Assign(old, {"job_1-1"}, now_).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(TryCommit(old, Ref("job_1-1", 1), Succeeded()).status()));
}

TEST_P(StoreLeasesTest, ANewSessionAdoptsWhatItsNodeStillHolds) {
  Create("job_1", 2);
  const std::string old = Open("node");
  const auto lease = Take(old, "job_1-1");
  const SessionInfo info = OpenWith("node", {lease, Ref("job_1-2", 1), Ref("unknown", 1)});
  EXPECT_THAT(Names(info.adopt), ElementsAre("job_1-1/1"));
  EXPECT_THAT(Names(info.drop), ElementsAre("job_1-2/1", "unknown/1"));
  EXPECT_EQ(Commit(info.session, lease, Succeeded()), CommitItemResponse::COMMITTED);
}

TEST_P(StoreLeasesTest, LeasesThatANewSessionDoesNotHoldWaitAgainAtOnce) {
  Create("job_1", 1);
  const auto lease = Take(Open("node"), "job_1-1");
  const std::string session = Open("node");
  EXPECT_THAT(WaitingItems(), ElementsAre("job_1-1"));
  EXPECT_EQ(Take(session, "job_1-1").fence(), 2U);
  EXPECT_EQ(Commit(session, lease, Succeeded()), CommitItemResponse::SUPERSEDED);
}

TEST_P(StoreLeasesTest, AnExpiredLeaseThatNobodyElseGotIsAdopted) {
  Create("job_1", 2);
  const std::string old = Open("node");
  const auto kept = Take(old, "job_1-1");
  const auto lost = Take(old, "job_1-2");
  LetLeasesExpire();
  Take(Open("other"), "job_1-2");
  const SessionInfo info = OpenWith("node", {kept, lost});
  EXPECT_THAT(Names(info.adopt), ElementsAre("job_1-1/1"));
  EXPECT_THAT(Names(info.drop), ElementsAre("job_1-2/1")) << "its fence has moved on";
}

TEST_P(StoreLeasesTest, ANodeDoesNotGetAnothersLeaseByNamingIt) {
  Create("job_1", 2);
  const std::string owner = Open("owner");
  const auto lease = Take(owner, "job_1-1");
  const auto expired = Take(owner, "job_1-2");
  const SessionInfo thief = OpenWith("thief", {lease});
  EXPECT_THAT(Names(thief.drop), ElementsAre("job_1-1/1"));
  EXPECT_THAT(Names(Sync(thief.session, {lease}).cancel), ElementsAre("job_1-1/1"));
  EXPECT_FALSE(Sync(thief.session, {}, {lease}).freed);
  EXPECT_EQ(Commit(thief.session, lease, Succeeded()), CommitItemResponse::SUPERSEDED);
  now_ += limits_.lease.ttl + limits_.lease.reassign_grace;
  Sync(owner, {lease});
  EXPECT_EQ(Expire(), 1);
  EXPECT_THAT(Names(Sync(thief.session, {expired}).cancel), ElementsAre("job_1-2/1"));
  EXPECT_EQ(Commit(thief.session, expired, Succeeded()), CommitItemResponse::SUPERSEDED);
  EXPECT_EQ(Commit(owner, lease, Succeeded()), CommitItemResponse::COMMITTED);
}

TEST_P(StoreLeasesTest, AClosedSessionGivesEverythingBackAndIsNoMore) {
  Create("job_1", 2);
  const std::string session = Open("node");
  Assign(session, {"job_1-1", "job_1-2"});
  ASSERT_TRUE(store_->CloseSession(session, now_).ok());
  EXPECT_THAT(WaitingItems(), ElementsAre("job_1-1", "job_1-2"));
  EXPECT_TRUE(absl::IsFailedPrecondition(store_->SessionNode(session).status()));
  EXPECT_TRUE(store_->CloseSession(session, now_).ok()) << "the answer may have been lost";
}

TEST_P(StoreLeasesTest, AnOlderSessionThatClosesTakesNothingFromTheNewest) {
  Create("job_1", 1);
  const std::string old = Open("node");
  const auto lease = Take(old, "job_1-1");
  const SessionInfo newest = OpenWith("node", {lease});
  ASSERT_TRUE(store_->CloseSession(old, now_).ok());
  EXPECT_THAT(Names(Sync(newest.session, {lease}).renewed), ElementsAre("job_1-1/1"));
}

// ---------------------------------------------------------------- whose journal it is

TEST_P(StoreLeasesTest, AnOlderStartOfANodeIsRefusedAndTakesNothing) {
  Create("job_1", 1);
  const auto newest = OpenStart("node", "journal", 7);
  ASSERT_TRUE(newest.ok()) << newest.status();
  const auto lease = Take(newest->session, "job_1-1");
  const absl::Status refused = OpenStart("node", "journal", 6).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("start 6 of its journal, but start 7"));
  EXPECT_THAT(Names(Sync(newest->session, {lease}).renewed), ElementsAre("job_1-1/1"));
  EXPECT_TRUE(OpenStart("other", "journal of other", 6).ok());
  EXPECT_TRUE(OpenStart("node", "journal", 7).ok()) << "the same start, after an outage";
  EXPECT_TRUE(OpenStart("node", "journal", 8).ok());
}

TEST_P(StoreLeasesTest, AnOlderStartIsRefusedAlsoAfterTheNewestHasClosedItsSession) {
  const auto newest = OpenStart("node", "journal", 7);
  ASSERT_TRUE(newest.ok()) << newest.status();
  ASSERT_TRUE(store_->CloseSession(newest->session, now_).ok());
  Reopen();
  EXPECT_TRUE(absl::IsFailedPrecondition(OpenStart("node", "journal", 6).status()));
}

TEST_P(StoreLeasesTest, ANodeWithAnotherJournalHoldsNothingOfTheOld) {
  Create("job_1", 1);
  const auto old = OpenStart("node", "old", 7);
  ASSERT_TRUE(old.ok()) << old.status();
  EXPECT_FALSE(old->new_journal);
  const auto lease = Take(old->session, "job_1-1");
  const auto fresh = OpenStart("node", "fresh", 1, {lease});
  ASSERT_TRUE(fresh.ok()) << fresh.status();
  EXPECT_TRUE(fresh->new_journal);
  EXPECT_THAT(fresh->adopt, IsEmpty());
  EXPECT_THAT(Names(fresh->drop), ElementsAre("job_1-1/1"));
  EXPECT_THAT(WaitingItems(), ElementsAre("job_1-1"));
  EXPECT_EQ(Take(fresh->session, "job_1-1").fence(), 2U);
}

// ---------------------------------------------------------------- waiting and assigning

TEST_P(StoreLeasesTest, AnItemThatFailedAvoidsTheNodeWhileThereIsAnother) {
  Create("job_1", 1);
  const std::string first = Open("first");
  const std::string second = Open("second");
  const auto lease = Take(first, "job_1-1");
  EXPECT_EQ(Commit(first, lease, Failed(Retryable::kYes)), CommitItemResponse::COMMITTED);
  const auto avoided = [&] {
    now_ += limits_.retry.backoff_min;
    Sync(first, {});
    const auto waiting = Waiting(10);
    return waiting.at(0).avoided.count("job_1-1") > 0 ? waiting[0].avoided.at("job_1-1") : "";
  };
  EXPECT_EQ(avoided(), "first");
  rendernode::SyncRequest draining;
  draining.set_session(second);
  draining.set_state(rendernode::DRAINING);
  ASSERT_TRUE(store_->Sync(draining, now_).ok());
  EXPECT_EQ(avoided(), "") << "the only other node takes no work";
  Sync(second, {});
  EXPECT_EQ(avoided(), "first");
  ASSERT_TRUE(store_->CloseSession(second, now_).ok());
  EXPECT_EQ(avoided(), "");
}

TEST_P(StoreLeasesTest, AnItemDoesNotWaitForAnotherNodeForEver) {
  limits_.retry.avoid_for = absl::Seconds(5);
  limits_.retry.backoff_min = absl::Milliseconds(10);
  Reopen();
  Create("job_1", 1);
  const std::string first = Open("first");
  Open("second");
  EXPECT_EQ(Commit(first, Take(first, "job_1-1"), Failed(Retryable::kYes)),
            CommitItemResponse::COMMITTED);
  now_ += absl::Seconds(5);
  EXPECT_FALSE(Waiting(10).at(0).avoided.empty());
  now_ += limits_.retry.backoff_min;
  EXPECT_TRUE(Waiting(10).at(0).avoided.empty());
}

TEST_P(StoreLeasesTest, ABackOffDoesNotOutlastAClockThatIsSetBack) {
  Create("job_1", 1);
  const std::string session = Open("node");
  EXPECT_EQ(Commit(session, Take(session, "job_1-1"), Failed(Retryable::kYes)),
            CommitItemResponse::COMMITTED);
  EXPECT_THAT(WaitingItems(), IsEmpty());
  now_ -= absl::Hours(1);
  EXPECT_THAT(WaitingItems(), ElementsAre("job_1-1"));
  EXPECT_EQ(Take(session, "job_1-1").fence(), 2U);
}

TEST_P(StoreLeasesTest, ALeaseCarriesTheTraceOfItsJobAndTheClientsCorrelationId) {
  NewJob made = JobOf("job_1", 2);
  made.correlation_id = "client-17";
  Create(made);
  EXPECT_EQ(*store_->CorrelationId("job_1"), "client-17");
  EXPECT_TRUE(absl::IsNotFound(store_->CorrelationId("job_2").status()));
  const auto leases = Assign(Open("node"), {"job_1-1", "job_1-2"});
  ASSERT_EQ(leases.size(), 2U);
  const std::string first = leases[0].trace_context().at("traceparent");
  const std::string second = leases[1].trace_context().at("traceparent");
  EXPECT_THAT(first, ::testing::MatchesRegex("00-[0-9a-f]{32}-[0-9a-f]{16}-01"));
  EXPECT_EQ(first.substr(0, 36), second.substr(0, 36)) << "one trace for the job";
  EXPECT_NE(first.substr(36), second.substr(36)) << "one span for each attempt";
  EXPECT_EQ(leases[0].trace_context().at("correlation_id"), "client-17");
}

TEST_P(StoreLeasesTest, WaitingJobsNameTheFirstOfTheirItems) {
  NewJob made = JobOf("job_1", 12);
  made.priority = JobPriority::kHigh;
  Create(made);
  const std::string session = Open("node");
  Assign(session, {"job_1-1", "job_1-2"});
  const auto waiting = Waiting(/*per_job=*/3);
  ASSERT_EQ(waiting.size(), 1U);
  EXPECT_EQ(waiting[0].job_id, "job_1");
  EXPECT_EQ(waiting[0].priority, JobPriority::kHigh);
  EXPECT_EQ(waiting[0].created_at, now_);
  EXPECT_EQ(waiting[0].leased, 2);
  EXPECT_THAT(waiting[0].items, ElementsAre("job_1-3", "job_1-4", "job_1-5"));
  EXPECT_THAT(waiting[0].refused_nodes, IsEmpty());
}

TEST_P(StoreLeasesTest, OpenJobsSayWhatTheSchedulerWeighs) {
  NewJob made = JobOf("job_1", 3);
  made.tenant = "initech";
  made.processing_deadline = absl::Hours(1);
  Create(made);
  Create("job_2", 1);
  const std::string session = Open("node");
  Take(session, "job_1-1");
  Take(session, "job_2-1");
  auto jobs = *store_->OpenJobs(now_);
  ASSERT_EQ(jobs.size(), 2U);
  EXPECT_EQ(jobs[0].tenant, "initech");
  EXPECT_EQ(jobs[0].deadline_at, now_ + absl::Hours(1));
  EXPECT_EQ(jobs[0].pending, 2);
  EXPECT_EQ(jobs[0].leased, 1);
  EXPECT_EQ(jobs[1].job_id, "job_2") << "all leased, and that counts for its tenant";
  EXPECT_EQ(jobs[1].deadline_at, absl::InfiniteFuture());
  EXPECT_EQ(jobs[1].pending, 0);
  ASSERT_TRUE(store_->PauseJob("initech", "job_1", now_).ok());
  jobs = *store_->OpenJobs(now_);
  EXPECT_EQ(jobs[0].pending, 0) << "paused";
  EXPECT_EQ(jobs[0].leased, 1);
  EXPECT_EQ(store_->ReadyItems("job_1", 1, now_)->more, true);
  EXPECT_EQ(store_->ReadyItems("job_1", 5, now_)->more, false);
}

TEST_P(StoreLeasesTest, ManyAreServedTogetherEachWithItsOwn) {
  Create("job_1", 4);
  const std::string old = Open("first");
  const std::string first = Open("first");
  const std::string second = Open("second");
  const auto granted = *store_->AssignAll({{first, {"job_1-1", "job_1-2"}},
                                           {old, {"job_1-3"}},
                                           {second, {"job_1-2", "job_1-4"}},
                                           {second, {}}},
                                          now_);
  ASSERT_EQ(granted.size(), 4U);
  EXPECT_EQ(granted[0]->size(), 2U);
  EXPECT_TRUE(absl::IsFailedPrecondition(granted[1].status())) << granted[1].status();
  ASSERT_EQ(granted[2]->size(), 1U) << "the other was gone";
  EXPECT_EQ(granted[2]->at(0).ref().item_id(), "job_1-4");
  EXPECT_THAT(*granted[3], IsEmpty());
  EXPECT_THAT(WaitingItems(), ElementsAre("job_1-3"));
  EXPECT_EQ(store_->OpenJobs(now_)->at(0).leased, 3);
}

TEST_P(StoreLeasesTest, AnItemIsGivenToOneNodeOnly) {
  Create("job_1", 2);
  const std::string first = Open("first");
  EXPECT_EQ(Assign(first, {"job_1-1", "job_1-1"}).size(), 1U);
  const auto leases = Assign(Open("second"), {"job_1-1", "job_1-2", "job_1-3", "nonsense", ""});
  ASSERT_EQ(leases.size(), 1U);
  EXPECT_EQ(leases[0].ref().item_id(), "job_1-2");
}

TEST_P(StoreLeasesTest, ALeaseCarriesTheItemAndWhereItsOutputGoes) {
  NewJob made = JobOf("job_1", 1);
  made.priority = JobPriority::kHigh;
  Create(made);
  const auto leases = Assign(Open("node"), {"job_1-1"});
  const rendernode::Lease& lease = leases.at(0);
  EXPECT_EQ(Name(lease.ref()), "job_1-1/1");
  EXPECT_EQ(lease.job_id(), "job_1");
  EXPECT_TRUE(store_->GetJobSpec(lease.job_spec_digest()).ok());
  EXPECT_EQ(lease.item().values().at("title"), "Title 1");
  EXPECT_EQ(lease.priority(), static_cast<int>(JobPriority::kHigh));
  EXPECT_EQ(lease.output_prefix(), "bucket/job_1/job_1-1/1/");
}

// ---------------------------------------------------------------- Sync

TEST_P(StoreLeasesTest, SyncRenewsWhatIsHeldAndLetsTheRestExpire) {
  Create("job_1", 2);
  const std::string session = Open("node");
  const auto held = Take(session, "job_1-1");
  Take(session, "job_1-2");
  const absl::Duration life = limits_.lease.ttl + limits_.lease.reassign_grace;
  now_ += life - absl::Seconds(1);
  EXPECT_THAT(Names(Sync(session, {held}).renewed), ElementsAre("job_1-1/1"));
  EXPECT_EQ(Expire(), 0);
  now_ += absl::Seconds(1);
  EXPECT_EQ(Expire(), 1);
  EXPECT_EQ(GetItem("job_1", 1).state, ItemState::kLeased);
  EXPECT_THAT(WaitingItems(), ElementsAre("job_1-2"));
}

TEST_P(StoreLeasesTest, ReleasedLeasesWaitAgainAtOnceAndOnlyOnce) {
  Create("job_1", 2);
  const std::string session = Open("node");
  const auto released = Take(session, "job_1-1");
  const auto held = Take(session, "job_1-2");
  EXPECT_TRUE(Sync(session, {held}, {released}).freed);
  EXPECT_THAT(WaitingItems(), ElementsAre("job_1-1"));
  EXPECT_FALSE(Sync(session, {held}, {released}).freed) << "the answer may have been lost";
  const auto again = Take(session, "job_1-1");
  EXPECT_EQ(again.fence(), 2U);
  EXPECT_FALSE(Sync(session, {held, again}, {released}).freed) << "this is another lease";
  EXPECT_EQ(GetItem("job_1", 1).state, ItemState::kLeased);
}

TEST_P(StoreLeasesTest, ALateSyncDoesNotBringBackWhatWasReleasedOrCommitted) {
  Create("job_1", 2);
  const std::string session = Open("node");
  const auto released = Take(session, "job_1-1");
  const auto interrupted = Take(session, "job_1-2");
  Sync(session, {}, {released});
  Commit(session, interrupted, Interrupted());
  const SyncOutcome late = Sync(session, {released, interrupted});
  EXPECT_THAT(Names(late.cancel), ElementsAre("job_1-1/1", "job_1-2/1"));
  EXPECT_THAT(WaitingItems(), ElementsAre("job_1-1", "job_1-2"));
}

TEST_P(StoreLeasesTest, ANodeThatComesBackKeepsWhatNobodyElseGot) {
  Create("job_1", 2);
  const std::string session = Open("node");
  const auto kept = Take(session, "job_1-1");
  const auto lost = Take(session, "job_1-2");
  LetLeasesExpire();
  const std::string other = Open("other");
  const auto taken = Take(other, "job_1-2");
  const SyncOutcome outcome = Sync(session, {kept, lost});
  EXPECT_THAT(Names(outcome.renewed), ElementsAre("job_1-1/1"));
  EXPECT_THAT(Names(outcome.cancel), ElementsAre("job_1-2/1"));
  EXPECT_THAT(WaitingItems(), IsEmpty());
  EXPECT_EQ(Commit(session, lost, Succeeded()), CommitItemResponse::SUPERSEDED);
  EXPECT_EQ(Commit(other, taken, Succeeded()), CommitItemResponse::COMMITTED);
  ExpectWhole("job_1");
}

// ---------------------------------------------------------------- Expire

TEST_P(StoreLeasesTest, NoLeaseExpiresBeforeTheTimeAfterARestart) {
  Create("job_1", 1);
  Take(Open("node"), "job_1-1");
  now_ += absl::Hours(1);  // The coordinator was away.
  const absl::Time not_before = now_ + limits_.lease.ttl + limits_.lease.reassign_grace;
  EXPECT_THAT(*store_->Expire(now_, not_before), IsEmpty());
  EXPECT_THAT(*store_->Expire(not_before - absl::Milliseconds(1), not_before), IsEmpty());
  const auto lost = *store_->Expire(not_before, not_before);
  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(Name(lost[0].ref), "job_1-1/1");
  EXPECT_EQ(lost[0].node_id, "node");
  EXPECT_TRUE(lost[0].again);
}

TEST_P(StoreLeasesTest, AWallClockThatWasSetBackDoesNotKeepALeaseAlive) {
  Create("job_1", 1);
  Take(Open("node"), "job_1-1");
  now_ -= absl::Hours(5);
  EXPECT_EQ(Expire(), 0);
  now_ += limits_.lease.ttl + limits_.lease.reassign_grace;
  EXPECT_EQ(Expire(), 1);
}

TEST_P(StoreLeasesTest, AnItemThatEveryNodeLosesFailsInTheEnd) {
  Create("job_1", 1);
  for (int loss = 1; loss <= limits_.retry.losses_max; ++loss) {
    EXPECT_EQ(GetItem("job_1", 1).state, ItemState::kPending) << loss;
    Take(Open(absl::StrCat("node-", loss)), "job_1-1");
    LetLeasesExpire();
  }
  const Item item = GetItem("job_1", 1);
  EXPECT_EQ(item.state, ItemState::kFailed);
  EXPECT_THAT(item.errors.back().message, HasSubstr("node-5 was not heard of for 40s"));
  EXPECT_EQ(GetJob("job_1").state, JobState::kFailed);
}

// ---------------------------------------------------------------- Commit

TEST_P(StoreLeasesTest, ACommittedResultIsThereForGood) {
  Create("job_1", 1);
  const std::string session = Open("node");
  const auto lease = Take(session, "job_1-1");
  rendernode::ItemResult result = Succeeded();
  result.mutable_usage()->set_encoder("libx264");
  EXPECT_EQ(Commit(session, lease, result), CommitItemResponse::COMMITTED);
  const Item item = GetItem("job_1", 1);
  EXPECT_EQ(item.state, ItemState::kCompleted);
  EXPECT_EQ(item.result->SerializeAsString(), result.SerializeAsString());
  EXPECT_EQ(item.fence, 1U);
  EXPECT_EQ(item.node_id, "node");
}

TEST_P(StoreLeasesTest, ACommitSaidTwiceIsADuplicateWhateverCameOfTheFirst) {
  Create("job_1", 3);
  const std::string session = Open("node");
  const std::pair<const char*, rendernode::ItemResult> results[] = {
      {"job_1-1", Succeeded()}, {"job_1-2", Failed(Retryable::kYes)}, {"job_1-3", Interrupted()}};
  for (const auto& [item, result] : results) {
    const auto lease = Take(session, item);
    EXPECT_EQ(Commit(session, lease, result), CommitItemResponse::COMMITTED) << item;
    EXPECT_EQ(Commit(session, lease, result), CommitItemResponse::DUPLICATE) << item;
  }
  EXPECT_EQ(GetItem("job_1", 2).errors.size(), 1U);
  ExpectWhole("job_1");
}

TEST_P(StoreLeasesTest, ACommitAtAFenceThatNeverWasIsSuperseded) {
  Create("job_1", 1);
  const std::string session = Open("node");
  Take(session, "job_1-1");
  for (const LeaseRef& ref :
       {Ref("job_1-1", 0), Ref("job_1-1", 2), Ref("job_1-2", 1), Ref("?", 1)}) {
    EXPECT_EQ(Commit(session, ref, Succeeded()), CommitItemResponse::SUPERSEDED) << Name(ref);
  }
  EXPECT_EQ(GetItem("job_1", 1).state, ItemState::kLeased);
}

TEST_P(StoreLeasesTest, AResultThatComesAfterItsLeaseExpiredStillCounts) {
  Create("job_1", 1);
  const std::string session = Open("node");
  const auto lease = Take(session, "job_1-1");
  LetLeasesExpire();
  EXPECT_EQ(Commit(session, lease, Succeeded()), CommitItemResponse::COMMITTED);
  EXPECT_EQ(GetJob("job_1").state, JobState::kCompleted);
  EXPECT_THAT(WaitingItems(), IsEmpty());
  ExpectWhole("job_1");
}

TEST_P(StoreLeasesTest, AnInterruptedItemWaitsAgainAtOnceHoweverOften) {
  Create("job_1", 1);
  const std::string session = Open("node");
  for (std::uint64_t fence = 1; fence <= 10; ++fence) {
    const auto lease = Take(session, "job_1-1");
    EXPECT_EQ(lease.fence(), fence);
    Commit(session, lease, Interrupted());
  }
  EXPECT_THAT(WaitingItems(), ElementsAre("job_1-1"));
  EXPECT_THAT(GetItem("job_1", 1).errors, IsEmpty());
}

// ---------------------------------------------------------------- attempts

TEST_P(StoreLeasesTest, AFailureThatMayPassIsTriedAgainAfterAPause) {
  Create("job_1", 1);
  const std::string session = Open("node");
  Commit(session, Take(session, "job_1-1"), Failed(Retryable::kYes));
  EXPECT_THAT(WaitingItems(), IsEmpty());
  EXPECT_THAT(Assign(session, {"job_1-1"}), IsEmpty());
  now_ += limits_.retry.backoff_min;
  EXPECT_THAT(WaitingItems(), ElementsAre("job_1-1"));
  Commit(session,
         Take(session, "job_1-1"),
         Failed(Retryable::kYes, rendernode::ITEM_ERROR_ASSET_DOWNLOAD_FAILED, "503"));
  const Item item = GetItem("job_1", 1);
  EXPECT_EQ(item.state, ItemState::kFailed);
  ASSERT_EQ(item.errors.size(), 2U) << "one for each attempt";
  EXPECT_EQ(item.errors[1].message, "503");
  EXPECT_EQ(item.result->error_message(), "503");
  EXPECT_EQ(GetJob("job_1").last_error->code, rendernode::ITEM_ERROR_ASSET_DOWNLOAD_FAILED);
}

TEST_P(StoreLeasesTest, AFailureThatWillNotPassIsNotTriedAgain) {
  Create("job_1", 1);
  const std::string session = Open("node");
  Commit(session, Take(session, "job_1-1"), Failed(Retryable::kNo));
  EXPECT_EQ(GetItem("job_1", 1).state, ItemState::kFailed);
}

TEST_P(StoreLeasesTest, LossesOfTheNodeAreCountedApartFromFailuresOfTheItem) {
  Create("job_1", 1);
  const std::string session = Open("node");
  Commit(session, Take(session, "job_1-1"), Failed(Retryable::kYes));
  for (int loss = 1; loss < limits_.retry.losses_max; ++loss) {
    now_ += limits_.retry.backoff_max;
    Commit(session, Take(session, "job_1-1"), LostByTheNode());
    EXPECT_EQ(GetItem("job_1", 1).state, ItemState::kPending) << loss;
  }
  now_ += limits_.retry.backoff_max;
  Commit(session, Take(session, "job_1-1"), LostByTheNode());
  EXPECT_EQ(GetItem("job_1", 1).state, ItemState::kFailed);
}

TEST_P(StoreLeasesTest, AnItemThatFoundNoEncoderSessionOftenerThanItMayFailCompletesAllTheSame) {
  Create("job_1", 1);
  const std::string session = Open("node");
  ASSERT_LT(limits_.retry.failures_max, limits_.retry.losses_max);
  for (int loss = 0; loss < limits_.retry.failures_max; ++loss) {
    rendernode::ItemResult refused =
        Failed(Retryable::kYes, rendernode::ITEM_ERROR_VIDEO_ENCODING_ERROR, "no session left");
    refused.set_infrastructure(true);
    Commit(session, Take(session, "job_1-1"), refused);
    now_ += limits_.retry.backoff_max;
  }
  Commit(session, Take(session, "job_1-1"), Succeeded());
  EXPECT_EQ(GetItem("job_1", 1).state, ItemState::kCompleted);
  EXPECT_EQ(GetJob("job_1").state, JobState::kCompleted);
}

TEST_P(StoreLeasesTest, ThePauseDoublesUpToItsLimit) {
  limits_.retry = {
      .failures_max = 100, .backoff_min = absl::Seconds(2), .backoff_max = absl::Seconds(7)};
  Reopen();
  Create("job_1", 1);
  const std::string session = Open("node");
  for (const int pause : {2, 4, 7, 7}) {
    Commit(session, Take(session, "job_1-1"), Failed(Retryable::kYes));
    now_ += absl::Seconds(pause) - absl::Milliseconds(1);
    EXPECT_THAT(WaitingItems(), IsEmpty());
    now_ += absl::Milliseconds(1);
    EXPECT_THAT(WaitingItems(), ElementsAre("job_1-1"));
  }
}

TEST_P(StoreLeasesTest, AFullStoreDefersAnItemAndCostsItNoAttempt) {
  Create("job_1", 1);
  const std::string session = Open("node");
  for (int i = 0; i < 10; ++i) {
    Commit(session,
           Take(session, "job_1-1"),
           Failed(Retryable::kNo, rendernode::ITEM_ERROR_QUOTA_EXCEEDED, "bucket full"));
    EXPECT_THAT(WaitingItems(), IsEmpty());
    now_ += limits_.retry.backoff_max;
  }
  const Item item = GetItem("job_1", 1);
  EXPECT_EQ(item.state, ItemState::kPending);
  ASSERT_EQ(item.errors.size(), 1U) << "the last one is enough";
  EXPECT_EQ(item.errors[0].message, "bucket full");
}

TEST_P(StoreLeasesTest, ANodeOnWhichAJobFailsTwiceIsRefusedForThatJob) {
  Create("job_1", 3);
  Create("job_2", 1);
  const std::string bad = Open("bad");
  Open("good");
  Commit(bad, Take(bad, "job_1-1"), LostByTheNode());
  EXPECT_THAT(Waiting(10).at(0).refused_nodes, IsEmpty());
  Commit(bad, Take(bad, "job_1-2"), Failed(Retryable::kYes));
  const auto waiting = Waiting(10);
  ASSERT_EQ(waiting.size(), 2U);
  EXPECT_THAT(waiting[0].refused_nodes, ElementsAre("bad"));
  EXPECT_THAT(waiting[1].refused_nodes, IsEmpty());
}

TEST_P(StoreLeasesTest, ASuccessOfTheJobOnTheNodeClearsItsName) {
  Create("job_1", 4);
  const std::string node = Open("node");
  Open("other");
  Commit(node, Take(node, "job_1-1"), LostByTheNode());
  Commit(node, Take(node, "job_1-2"), Succeeded());
  Commit(node, Take(node, "job_1-3"), LostByTheNode());
  EXPECT_THAT(Waiting(10).at(0).refused_nodes, IsEmpty());
}

TEST_P(StoreLeasesTest, FailuresOfARowAreNotHeldAgainstTheNode) {
  Create("job_1", 4);
  const std::string node = Open("node");
  Open("other");
  Commit(node, Take(node, "job_1-1"), Failed(Retryable::kNo));
  Commit(node, Take(node, "job_1-2"), Failed(Retryable::kNo));
  EXPECT_THAT(Waiting(10).at(0).refused_nodes, IsEmpty());
}

TEST_P(StoreLeasesTest, TheOnlyNodeIsNotRefused) {
  Create("job_1", 3);
  const std::string gone = Open("gone");
  now_ += absl::Hours(1);
  const std::string bad = Open("bad");
  Commit(bad, Take(bad, "job_1-1"), LostByTheNode());
  Commit(bad, Take(bad, "job_1-2"), LostByTheNode());
  EXPECT_THAT(Waiting(10).at(0).refused_nodes, IsEmpty()) << "else the job would wait for ever";
  Open("good");
  EXPECT_THAT(Waiting(10).at(0).refused_nodes, ElementsAre("bad"));
}

TEST_P(StoreLeasesTest, ANodeThatTakesNoWorkIsNoReasonToRefuseTheOthers) {
  Create("job_1", 3);
  const std::string bad = Open("bad");
  Commit(bad, Take(bad, "job_1-1"), LostByTheNode());
  Commit(bad, Take(bad, "job_1-2"), LostByTheNode());
  rendernode::SyncRequest sync;
  sync.set_session(Open("good"));
  for (const auto& [state, refused] : {std::pair(rendernode::READY, 1U),
                                       std::pair(rendernode::NOT_READY, 0U),
                                       std::pair(rendernode::DRAINING, 0U)}) {
    sync.set_state(state);
    ASSERT_TRUE(store_->Sync(sync, now_).ok());
    EXPECT_EQ(Waiting(10).at(0).refused_nodes.size(), refused) << state;
  }
}

// ---------------------------------------------------------------- restart

TEST_P(StoreLeasesTest, AStoreOpenedAgainKnowsEverything) {
  NewJob made = JobOf("job_1", 4);
  made.processing_deadline = absl::Hours(1);
  const Idempotency key{.key = "k", .body_sha256 = "body"};
  Create(made, key);
  const std::string session = Open("node");
  const auto done = Take(session, "job_1-1");
  const auto held = Take(session, "job_1-2");
  Commit(session, done, Succeeded());
  Commit(session, Take(session, "job_1-3"), Failed(Retryable::kYes));
  Reopen();
  const Job job = GetJob("job_1");
  EXPECT_EQ(job.state, JobState::kRunning);
  EXPECT_EQ(job.items_completed, 1);
  EXPECT_EQ(job.items_leased, 1);
  EXPECT_EQ(Create(JobOf("job_2", 1), key).id, "job_1");
  EXPECT_EQ(Commit(session, done, Succeeded()), CommitItemResponse::DUPLICATE);
  EXPECT_THAT(Names(Sync(session, {held}).renewed), ElementsAre("job_1-2/1"));
  EXPECT_EQ(Commit(session, held, Succeeded()), CommitItemResponse::COMMITTED);
  EXPECT_THAT(WaitingItems(), ElementsAre("job_1-4")) << "the failed one still pauses";
  ExpectWhole("job_1");
}

}  // namespace
}  // namespace rn
