// What every store does, whatever database is behind it. Jobs here; leases in
// store_leases_conformance_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/store_harness.h"

namespace rn {
namespace {

using rendernode::CommitItemResponse;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string MessageOf(const absl::Status& status) {
  return std::string(status.message());
}

INSTANTIATE_TEST_SUITE_P(Every, StoreTest, ::testing::ValuesIn(kStoreBackends), BackendName);

// ---------------------------------------------------------------- jobs

TEST_P(StoreTest, AJobComesBackAsItWasMade) {
  NewJob made = JobOf("job_1", 2);
  made.priority = JobPriority::kHigh;
  made.callback_url = "https://us/hook";
  made.warnings = {"3 empty rows will be skipped", "caf\xc3\xa9"};
  made.processing_deadline = absl::Hours(1);
  const Job created = Create(made);
  const Job job = GetJob("job_1");
  EXPECT_EQ(job.id, "job_1");
  EXPECT_EQ(job.tenant, "acme");
  EXPECT_EQ(job.title, "Campaign");
  EXPECT_EQ(job.state, JobState::kPending);
  EXPECT_EQ(job.priority, JobPriority::kHigh);
  EXPECT_EQ(job.items_total, 2);
  EXPECT_EQ(job.progress_items, 0);
  EXPECT_EQ(job.created_at, now_);
  EXPECT_EQ(job.updated_at, now_);
  EXPECT_EQ(job.started_at, std::nullopt);
  EXPECT_EQ(job.deadline_at, now_ + absl::Hours(1));
  EXPECT_FALSE(job.last_error.has_value());
  EXPECT_EQ(job.request_json, made.request_json);
  EXPECT_EQ(job.callback_url, made.callback_url);
  EXPECT_EQ(job.warnings, made.warnings);
  EXPECT_EQ(created.id, job.id);
  EXPECT_EQ(created.items_total, job.items_total);
}

TEST_P(StoreTest, TheSpecOfAJobIsFoundByItsDigest) {
  Create("job_1", 1);
  const auto waiting = Waiting(1);
  const auto spec = store_->GetJobSpec(waiting.at(0).spec_digest);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(Sha256(*spec), waiting.at(0).spec_digest);
  rendernode::JobSpec parsed;
  ASSERT_TRUE(parsed.ParseFromString(*spec));
  EXPECT_EQ(parsed.job_id(), "job_1");
  EXPECT_TRUE(absl::IsNotFound(store_->GetJobSpec("unknown").status()));
}

TEST_P(StoreTest, AnotherTenantsJobIsNotFound) {
  Create("job_1", 1);
  EXPECT_TRUE(absl::IsNotFound(store_->GetJob("zeta", "job_1").status()));
  EXPECT_TRUE(absl::IsNotFound(store_->CancelJob("zeta", "job_1", now_).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->PauseJob("zeta", "job_1", now_).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->ResumeJob("zeta", "job_1", now_).status()));
  EXPECT_TRUE(absl::IsNotFound(store_->RetryFailed("zeta", "job_1", now_).status()));
  EXPECT_THAT(*store_->ListJobs({.tenant = "zeta"}), IsEmpty());
}

TEST_P(StoreTest, ATenantHasNoMoreOpenItemsThanItsQuota) {
  const auto try_create = [&](const std::string& id, int items, const std::string& tenant) {
    NewJob job = JobOf(id, items);
    job.tenant = tenant;
    job.quota.items_open_max = 5;
    return store_->CreateJob(job, {.key = id, .body_sha256 = "body"}, now_).status();
  };
  EXPECT_TRUE(try_create("job_1", 3, "acme").ok());
  const absl::Status refused = try_create("job_2", 3, "acme");
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_THAT(MessageOf(refused), HasSubstr("3 videos, and 3 of the tenant's wait"));
  EXPECT_TRUE(absl::IsNotFound(store_->GetJob("acme", "job_2").status()));
  EXPECT_TRUE(try_create("job_3", 5, "zeta").ok());
  EXPECT_TRUE(try_create("job_1", 3, "acme").ok()) << "the same job again costs nothing";
  ASSERT_TRUE(store_->CancelJob("acme", "job_1", now_).ok());
  EXPECT_TRUE(try_create("job_2", 5, "acme").ok());
}

TEST_P(StoreTest, ATenantAsksForNoMoreItemsADayThanItsQuota) {
  const auto try_create = [&](const std::string& id, int items) {
    NewJob job = JobOf(id, items);
    job.quota.items_per_day_max = 5;
    return store_->CreateJob(job, {}, now_).status();
  };
  EXPECT_TRUE(try_create("job_1", 3).ok());
  ASSERT_TRUE(store_->CancelJob("acme", "job_1", now_).ok());
  now_ += absl::Hours(23);
  EXPECT_TRUE(try_create("job_2", 2).ok());
  const absl::Status refused = try_create("job_3", 1);
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_THAT(MessageOf(refused), HasSubstr("5 within the last 24 hours; at most 5 a day"));
  now_ += absl::Hours(1);
  EXPECT_TRUE(try_create("job_3", 3).ok());
}

TEST_P(StoreTest, AJobThatFailsHalfWayIsNotThereAtAll) {
  NewJob twice = JobOf("job_1", 2);
  twice.items[1].spec.set_row(1);
  const auto refused = store_->CreateJob(twice, {.key = "k", .body_sha256 = "body"}, now_);
  EXPECT_FALSE(refused.ok());
  EXPECT_TRUE(absl::IsNotFound(store_->GetJob("acme", "job_1").status()));
  EXPECT_EQ(*store_->FindByIdempotency("acme", {.key = "k", .body_sha256 = "body"}, now_),
            std::nullopt);
}

TEST_P(StoreTest, AJobWithoutItemsIsRefused) {
  EXPECT_TRUE(absl::IsInvalidArgument(store_->CreateJob(JobOf("job_1", 0), {}, now_).status()));
}

TEST_P(StoreTest, ARowThatCannotBeRenderedFailsAloneFromTheStart) {
  NewJob made = JobOf("job_1", 2);
  made.items[0].error = {rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR, "no script"};
  const Job job = Create(made);
  EXPECT_EQ(job.state, JobState::kPending);
  EXPECT_EQ(job.items_failed, 1);
  const Item item = GetItem("job_1", 1);
  EXPECT_EQ(item.state, ItemState::kFailed);
  ASSERT_EQ(item.errors.size(), 1U);
  EXPECT_EQ(item.errors[0].code, rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR);
  EXPECT_EQ(item.errors[0].message, "no script");
  EXPECT_THAT(WaitingItems(), ElementsAre("job_1-2"));
}

TEST_P(StoreTest, AJobWhoseRowsAllFailedIsFailedAtOnce) {
  NewJob made = JobOf("job_1", 1);
  made.items[0].error = {rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR, "no script"};
  const Job job = Create(made);
  EXPECT_EQ(job.state, JobState::kFailed);
  EXPECT_EQ(job.ended_at, now_);
  EXPECT_EQ(job.last_error->message, "no script");
}

TEST_P(StoreTest, TextOfEveryKindIsKeptAsItIs) {
  NewJob made = JobOf("job_1", 1);
  made.title = "'; DROP TABLE jobs; -- \xf0\x9f\x98\x80 \"quoted\" :name ?";
  (*made.items[0].spec.mutable_values())["title"] = std::string("a\0b\n\xe2\x82\xac", 7);
  made.items[0].spec.mutable_assets()->Add()->set_url("https://x/?a=:b");
  Create(made);
  EXPECT_EQ(GetJob("job_1").title, made.title);
  const auto leases = Assign(Open("node"), {"job_1-1"});
  EXPECT_EQ(leases.at(0).item().SerializeAsString(), made.items[0].spec.SerializeAsString());
}

TEST_P(StoreTest, AnItemThatNobodyCouldReadBackIsRefusedWithItsRow) {
  NewJob made = JobOf("job_1", 2);
  (*made.items[1].spec.mutable_values())["title"] = "\xff";
  const absl::Status refused = store_->CreateJob(made, {}, now_).status();
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_THAT(MessageOf(refused), HasSubstr("row 2 is not UTF-8"));
}

// ---------------------------------------------------------------- idempotency

TEST_P(StoreTest, TheSameKeyAndBodyGiveTheSameJob) {
  const Idempotency key{.key = "k", .body_sha256 = "body"};
  Create(JobOf("job_1", 1), key);
  EXPECT_EQ(Create(JobOf("job_2", 1), key).id, "job_1");
  EXPECT_TRUE(absl::IsNotFound(store_->GetJob("acme", "job_2").status()));
  EXPECT_EQ((*store_->FindByIdempotency("acme", key, now_))->id, "job_1");
}

TEST_P(StoreTest, TheSameKeyWithAnotherBodyIsRefused) {
  Create(JobOf("job_1", 1), {.key = "k", .body_sha256 = "body"});
  const Idempotency other{.key = "k", .body_sha256 = "other"};
  EXPECT_TRUE(
      absl::IsFailedPrecondition(store_->CreateJob(JobOf("job_2", 1), other, now_).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(store_->FindByIdempotency("acme", other, now_).status()));
}

TEST_P(StoreTest, KeysBelongToTheirTenant) {
  const Idempotency key{.key = "k", .body_sha256 = "body"};
  Create(JobOf("job_1", 1), key);
  NewJob zeta = JobOf("job_2", 1);
  zeta.tenant = "zeta";
  EXPECT_EQ(Create(zeta, key).id, "job_2");
}

TEST_P(StoreTest, AKeyIsForgottenWhenItsTimeHasPassedSweptOrNot) {
  const Idempotency key{.key = "k", .body_sha256 = "body", .kept = absl::Hours(24)};
  Create(JobOf("job_1", 1), key);
  now_ += absl::Hours(24) - absl::Milliseconds(1);
  Expire();
  EXPECT_TRUE(store_->FindByIdempotency("acme", key, now_)->has_value());
  now_ += absl::Milliseconds(1);
  EXPECT_FALSE(store_->FindByIdempotency("acme", key, now_)->has_value());
  EXPECT_EQ(Create(JobOf("job_2", 1), {.key = "k", .body_sha256 = "other"}).id, "job_2");
}

// ---------------------------------------------------------------- lists

TEST_P(StoreTest, JobsAreListedNewestFirstAndFiltered) {
  for (const char* id : {"job_1", "job_2", "job_3"}) {
    NewJob job = JobOf(id, 1);
    job.priority = id == std::string("job_2") ? JobPriority::kHigh : JobPriority::kNormal;
    Create(job);
  }
  ASSERT_TRUE(store_->CancelJob("acme", "job_3", now_).ok());
  const auto listed = [this](JobFilter filter) {
    filter.tenant = "acme";
    const std::vector<Job> jobs = *store_->ListJobs(filter);
    Strings ids;
    for (const Job& job : jobs) {
      ids.push_back(job.id);
    }
    return ids;
  };
  EXPECT_THAT(listed({}), ElementsAre("job_3", "job_2", "job_1"));
  EXPECT_THAT(listed({.limit = 2}), ElementsAre("job_3", "job_2"));
  EXPECT_THAT(listed({.before_id = "job_2"}), ElementsAre("job_1"));
  EXPECT_THAT(listed({.state = JobState::kCanceled}), ElementsAre("job_3"));
  EXPECT_THAT(listed({.priority = JobPriority::kHigh}), ElementsAre("job_2"));
  EXPECT_THAT(listed({.state = JobState::kCanceled, .priority = JobPriority::kHigh}), IsEmpty());
}

TEST_P(StoreTest, ItemsAreListedInOrderOfRowsAndFiltered) {
  Create("job_1", 12);
  Take(Open("node"), "job_1-10");
  const auto rows = [this](ItemFilter filter) {
    filter.job_id = "job_1";
    const std::vector<Item> items = *store_->ListItems(filter);
    std::vector<std::uint32_t> listed;
    for (const Item& item : items) {
      listed.push_back(item.row);
    }
    return listed;
  };
  EXPECT_THAT(rows({.after_row = 8}), ElementsAre(9, 10, 11, 12));
  EXPECT_THAT(rows({.after_row = 8, .limit = 2}), ElementsAre(9, 10));
  EXPECT_THAT(rows({.state = ItemState::kLeased}), ElementsAre(10));
  EXPECT_THAT(rows({.state = ItemState::kPending, .after_row = 9}), ElementsAre(11, 12));
  EXPECT_THAT(*store_->ListItems({.job_id = "unknown"}), IsEmpty());
}

TEST_P(StoreTest, WhatEndedSinceATimeIsListedAndNothingElse) {
  Create("job_1", 5);
  const std::string session = Open("node");
  Commit(session, Take(session, "job_1-1"), Succeeded());
  now_ += absl::Seconds(1);
  const absl::Time since = now_;
  Commit(session, Take(session, "job_1-4"), Failed(Retryable::kNo));
  now_ += absl::Seconds(1);
  Commit(session, Take(session, "job_1-2"), Succeeded());
  Take(session, "job_1-3");
  const auto rows = [this](ItemFilter filter) {
    filter.job_id = "job_1";
    const std::vector<Item> items = *store_->ListItems(filter);
    std::vector<std::uint32_t> listed;
    for (const Item& item : items) {
      listed.push_back(item.row);
    }
    return listed;
  };
  EXPECT_THAT(rows({.ended_since = since}), ElementsAre(2, 4));
  EXPECT_THAT(rows({.ended_since = since, .after_row = 2}), ElementsAre(4));
  EXPECT_THAT(rows({.ended_since = absl::UnixEpoch(), .limit = 2}), ElementsAre(1, 2));
  EXPECT_THAT(rows({.ended_since = now_ + absl::Seconds(1)}), IsEmpty());
}

// ---------------------------------------------------------------- states of jobs

TEST_P(StoreTest, AJobRunsFromItsFirstLeaseAndEndsWithItsLastItem) {
  Create("job_1", 2);
  const std::string session = Open("node");
  now_ += absl::Seconds(1);
  const auto first = Take(session, "job_1-1");
  const Job running = GetJob("job_1");
  EXPECT_EQ(running.state, JobState::kRunning);
  EXPECT_EQ(running.started_at, now_);
  EXPECT_EQ(running.items_leased, 1);
  Commit(session, first, Succeeded());
  EXPECT_EQ(GetJob("job_1").state, JobState::kRunning);
  EXPECT_EQ(GetJob("job_1").progress_items, 1);
  now_ += absl::Seconds(1);
  Commit(session, Take(session, "job_1-2"), Succeeded());
  const Job ended = GetJob("job_1");
  EXPECT_EQ(ended.state, JobState::kCompleted);
  EXPECT_EQ(ended.items_completed, 2);
  EXPECT_EQ(ended.ended_at, now_);
  EXPECT_EQ(ended.started_at, now_ - absl::Seconds(1));
}

TEST_P(StoreTest, AJobIsCompletedWhenOneOfItsItemsIsAndFailedWhenNoneIs) {
  Create("job_1", 2);
  Create("job_2", 1);
  const std::string session = Open("node");
  Commit(session, Take(session, "job_1-1"), Succeeded());
  Commit(session, Take(session, "job_1-2"), Failed(Retryable::kNo));
  Commit(session, Take(session, "job_2-1"), Failed(Retryable::kNo));
  EXPECT_EQ(GetJob("job_1").state, JobState::kCompleted);
  EXPECT_EQ(GetJob("job_1").items_failed, 1);
  EXPECT_EQ(GetJob("job_2").state, JobState::kFailed);
  EXPECT_EQ(GetJob("job_2").last_error->message, "encoder died");
}

TEST_P(StoreTest, ProgressCountsItemsUnderWayInPart) {
  Create("job_1", 4);
  const std::string session = Open("node");
  const auto lease = Take(session, "job_1-1");
  now_ += absl::Seconds(5);
  rendernode::SyncRequest sync;
  sync.set_session(session);
  *sync.add_held()->mutable_ref() = lease;
  sync.mutable_held(0)->set_phase(rendernode::RENDERING);
  sync.mutable_held(0)->set_progress_permille(250);
  ASSERT_TRUE(store_->Sync(sync, now_).ok());
  EXPECT_EQ(GetJob("job_1").progress_items, 0.25);
  EXPECT_EQ(GetJob("job_1").updated_at, now_);
  const Item item = GetItem("job_1", 1);
  EXPECT_EQ(item.phase, rendernode::RENDERING);
  EXPECT_EQ(item.progress_permille, 250U);
  EXPECT_EQ(item.node_id, "node");
  EXPECT_EQ(item.updated_at, now_);
}

TEST_P(StoreTest, ACanceledJobEndsAtOnceAndItsNodesAreToldToStop) {
  Create("job_1", 3);
  const std::string session = Open("node");
  Commit(session, Take(session, "job_1-1"), Succeeded());
  const auto lease = Take(session, "job_1-2");
  const Job canceled = *store_->CancelJob("acme", "job_1", now_);
  EXPECT_EQ(canceled.state, JobState::kCanceled);
  EXPECT_EQ(canceled.ended_at, now_);
  EXPECT_EQ(canceled.items_completed, 1);
  EXPECT_EQ(canceled.items_canceled, 2);
  EXPECT_EQ(canceled.items_leased, 0);
  EXPECT_THAT(WaitingItems(), IsEmpty());
  EXPECT_THAT(Names(Sync(session, {lease}).cancel), ElementsAre("job_1-2/1"));
  EXPECT_EQ(Commit(session, lease, Succeeded()), CommitItemResponse::SUPERSEDED);
  ExpectWhole("job_1");
}

TEST_P(StoreTest, APausedJobGivesNoItemsButTakesWhatIsUnderWay) {
  Create("job_1", 2);
  const std::string session = Open("node");
  const auto lease = Take(session, "job_1-1");
  EXPECT_EQ(store_->PauseJob("acme", "job_1", now_)->state, JobState::kPaused);
  EXPECT_THAT(WaitingItems(), IsEmpty());
  EXPECT_THAT(Assign(session, {"job_1-2"}), IsEmpty());
  EXPECT_THAT(Names(Sync(session, {lease}).renewed), ElementsAre("job_1-1/1"));
  EXPECT_EQ(Commit(session, lease, Succeeded()), CommitItemResponse::COMMITTED);
  EXPECT_EQ(GetJob("job_1").state, JobState::kPaused);
  EXPECT_EQ(store_->ResumeJob("acme", "job_1", now_)->state, JobState::kRunning);
  EXPECT_THAT(WaitingItems(), ElementsAre("job_1-2"));
}

TEST_P(StoreTest, APausedJobWithNothingLeftEnds) {
  Create("job_1", 1);
  const std::string session = Open("node");
  const auto lease = Take(session, "job_1-1");
  ASSERT_TRUE(store_->PauseJob("acme", "job_1", now_).ok());
  Commit(session, lease, Succeeded());
  EXPECT_EQ(GetJob("job_1").state, JobState::kCompleted);
}

TEST_P(StoreTest, AskingForTheStateThatIsSoAlreadyIsNoError) {
  Create("job_1", 1);
  EXPECT_EQ(store_->ResumeJob("acme", "job_1", now_)->state, JobState::kPending);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(store_->PauseJob("acme", "job_1", now_)->state, JobState::kPaused);
  }
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(store_->CancelJob("acme", "job_1", now_)->state, JobState::kCanceled);
  }
}

TEST_P(StoreTest, AJobThatIsOverIsNeitherCanceledNorPausedNorResumed) {
  Create("job_1", 1);
  const std::string session = Open("node");
  Commit(session, Take(session, "job_1-1"), Succeeded());
  for (const absl::Status& refused : {store_->CancelJob("acme", "job_1", now_).status(),
                                      store_->PauseJob("acme", "job_1", now_).status(),
                                      store_->ResumeJob("acme", "job_1", now_).status()}) {
    EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
    EXPECT_THAT(MessageOf(refused), HasSubstr("job job_1 is completed"));
  }
}

// ---------------------------------------------------------------- retry-failed

TEST_P(StoreTest, FailedItemsWaitAgainWithTheirAttemptsForgotten) {
  NewJob made = JobOf("job_1", 3);
  made.items[2].error = {rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR, "no script"};
  Create(made);
  const std::string session = Open("node");
  Commit(session, Take(session, "job_1-1"), Succeeded());
  Commit(session, Take(session, "job_1-2"), Failed(Retryable::kNo));
  EXPECT_EQ(GetJob("job_1").state, JobState::kCompleted);
  const Job retried = *store_->RetryFailed("acme", "job_1", now_);
  EXPECT_EQ(retried.state, JobState::kRunning);
  EXPECT_EQ(retried.ended_at, std::nullopt);
  EXPECT_EQ(retried.items_failed, 1) << "a row that cannot be rendered stays failed";
  EXPECT_THAT(GetItem("job_1", 2).errors, IsEmpty());
  EXPECT_EQ(GetItem("job_1", 2).result, std::nullopt);
  EXPECT_THAT(WaitingItems(), ElementsAre("job_1-2"));
  const auto lease = Take(session, "job_1-2");
  EXPECT_EQ(lease.fence(), 2U);
  Commit(session, lease, Failed(Retryable::kYes));
  EXPECT_EQ(GetItem("job_1", 2).state, ItemState::kPending) << "the attempts count anew";
  ExpectWhole("job_1");
}

TEST_P(StoreTest, RetryingAJobWithoutFailedItemsChangesNothing) {
  Create("job_1", 1);
  EXPECT_EQ(store_->RetryFailed("acme", "job_1", now_)->state, JobState::kPending);
  const std::string session = Open("node");
  Commit(session, Take(session, "job_1-1"), Succeeded());
  EXPECT_EQ(store_->RetryFailed("acme", "job_1", now_)->state, JobState::kCompleted);
}

TEST_P(StoreTest, ACanceledJobIsNotRetried) {
  Create("job_1", 1);
  ASSERT_TRUE(store_->CancelJob("acme", "job_1", now_).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(store_->RetryFailed("acme", "job_1", now_).status()));
}

// ---------------------------------------------------------------- deadlines

TEST_P(StoreTest, AJobPastItsDeadlineEndsWithItsOpenItemsFailed) {
  NewJob made = JobOf("job_1", 3);
  made.processing_deadline = absl::Minutes(10);
  Create(made);
  const std::string session = Open("node");
  Commit(session, Take(session, "job_1-1"), Succeeded());
  const auto lease = Take(session, "job_1-2");
  now_ += absl::Minutes(10);
  EXPECT_THAT(WaitingItems(), IsEmpty()) << "nothing starts that cannot be finished in time";
  EXPECT_THAT(Assign(session, {"job_1-3"}), IsEmpty());
  EXPECT_EQ(Expire(), 0);
  const Job job = GetJob("job_1");
  EXPECT_EQ(job.state, JobState::kCompleted) << "one of its items is";
  EXPECT_EQ(job.items_failed, 2);
  EXPECT_THAT(job.last_error->message, HasSubstr("processing deadline passed"));
  EXPECT_THAT(GetItem("job_1", 3).errors.at(0).message, HasSubstr("processing deadline passed"));
  EXPECT_THAT(Names(Sync(session, {lease}).cancel), ElementsAre("job_1-2/1"));
  EXPECT_EQ(Commit(session, lease, Succeeded()), CommitItemResponse::SUPERSEDED);
  EXPECT_TRUE(absl::IsFailedPrecondition(store_->RetryFailed("acme", "job_1", now_).status()));
  ExpectWhole("job_1");
}

TEST_P(StoreTest, AJobThatNobodyStartedFailsAtItsDeadlineEvenWhilePaused) {
  NewJob made = JobOf("job_1", 2);
  made.processing_deadline = absl::Minutes(10);
  Create(made);
  ASSERT_TRUE(store_->PauseJob("acme", "job_1", now_).ok());
  now_ += absl::Minutes(10);
  Expire();
  EXPECT_EQ(GetJob("job_1").state, JobState::kFailed);
  ExpectWhole("job_1");
}

TEST_P(StoreTest, ALeaseCarriesWhatIsLeftOfTheDeadline) {
  NewJob made = JobOf("job_1", 1);
  made.processing_deadline = absl::Minutes(10);
  Create(made);
  Create("job_2", 1);
  now_ += absl::Minutes(4);
  const auto leases = Assign(Open("node"), {"job_1-1", "job_2-1"});
  EXPECT_EQ(leases.at(0).remaining_deadline_ms(), 6 * 60 * 1000U);
  EXPECT_EQ(leases.at(1).remaining_deadline_ms(), 0U) << "none";
}

}  // namespace
}  // namespace rn
