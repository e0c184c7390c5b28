#include "coordinator/backlog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/bounded_queue.h"
#include "base/file.h"
#include "coordinator/sqlite_store.h"
#include "tests/fakes/failing_store.h"
#include "tests/fakes/fake_clock.h"

namespace rn {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class BacklogTest : public ::testing::Test {
 protected:
  void CreateJob(const std::string& id, int items, const std::string& tenant = "acme") {
    NewJob job{.id = id, .tenant = tenant};
    job.spec.set_job_id(id);
    for (int row = 1; row <= items; ++row) {
      job.items.emplace_back().spec.set_row(static_cast<std::uint32_t>(row));
    }
    ASSERT_TRUE(store_->CreateJob(job, {}, clock_.Now()).ok());
  }

  void Open(const std::string& node) {
    rendernode::OpenSessionRequest open;
    open.set_node_id(node);
    ASSERT_TRUE(store_->OpenSession(open, "session of " + node, clock_.Now()).ok());
  }

  static Asker AskerOf(const std::string& node, std::int64_t want) {
    return {.session = "session of " + node, .node_id = node, .want = want};
  }

  absl::StatusOr<std::int64_t> Grant(absl::Span<const Assignment> assignments) {
    ++grants_;
    std::vector<ItemsFor> wanted;
    for (const Assignment& assignment : assignments) {
      wanted.push_back({assignment.session, assignment.item_ids});
    }
    const auto granted = failing_.AssignAll(wanted, clock_.Now());
    if (!granted.ok()) {
      return granted.status();
    }
    const std::size_t before = granted_.size();
    for (const Store::Leases& leases : *granted) {
      for (const rendernode::Lease& lease : leases.value()) {
        granted_.push_back(lease.ref().item_id());
        refs_.push_back(lease.ref());
      }
    }
    return static_cast<std::int64_t>(granted_.size() - before);
  }

  // What one node gets that asks alone.
  std::vector<std::string> HandOut(std::int64_t want, const std::string& node = "n") {
    granted_.clear();
    status_ = backlog_.HandOut({AskerOf(node, want)},
                               [this](auto assignments) { return Grant(assignments); });
    return granted_;
  }

  const TempDir folder_ = *TempDir::Create("backlog");
  FakeClock clock_;
  const std::unique_ptr<Store> store_ = *OpenSqliteStore(folder_.path() / "store.db");
  FailingStore failing_{*store_};
  Backlog backlog_{failing_,
                   clock_,
                   {.scheduler = {.shares = {.named = {{"limited", {.items_running_max = 2}}}}},
                    .items_per_page = 16}};
  std::vector<std::string> granted_;
  std::vector<rendernode::LeaseRef> refs_;
  int grants_ = 0;
  absl::Status status_;
};

TEST_F(BacklogTest, AJobOfManyPagesIsHandedOutInOneGo) {
  CreateJob("job_1", 100);
  Open("n");
  const auto items = HandOut(200);
  ASSERT_EQ(items.size(), 100U);
  EXPECT_EQ(items.back(), "job_1-100");
}

// The farm may have a million items that wait, and a thousand grants a second.
TEST_F(BacklogTest, TheStoreIsNotAskedWhoWaitsForEachGrant) {
  CreateJob("job_1", 100);
  Open("n");
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(HandOut(1).size(), 1U);
  }
  EXPECT_EQ(failing_.looks(), 1);
}

TEST_F(BacklogTest, ManyNodesAreServedInAFewTransactions) {
  constexpr int kNodes = 48;
  CreateJob("job_1", kNodes);
  std::vector<Asker> askers;
  for (int i = 0; i < kNodes; ++i) {
    Open(absl::StrCat("n", i));
    askers.push_back(AskerOf(absl::StrCat("n", i), 1));
  }
  ASSERT_TRUE(
      backlog_.HandOut(askers, [this](auto assignments) { return Grant(assignments); }).ok());
  EXPECT_EQ(granted_.size(), 48U);
  EXPECT_EQ(grants_, 3) << "one for each page of sixteen";
}

TEST_F(BacklogTest, BesideAnotherCoordinatorEachItemIsGrantedOnce) {
  CreateJob("job_1", 60);
  Open("n");
  Backlog other(failing_, clock_, {.items_per_page = 16});
  for (int i = 0; i < 100 && granted_.size() < 60; ++i) {
    for (Backlog* backlog : {&backlog_, &other}) {
      ASSERT_TRUE(
          backlog
              ->HandOut({AskerOf("n", 3)}, [this](auto assignments) { return Grant(assignments); })
              .ok());
    }
    clock_.Advance(BacklogOptions().look_interval);
  }
  EXPECT_EQ(std::set<std::string>(granted_.begin(), granted_.end()).size(), 60U);
  EXPECT_EQ(granted_.size(), 60U);
}

TEST_F(BacklogTest, ASuspendedTenantGetsNothingUntilItIsResumed) {
  const auto set = [&](TenantState state) {
    ASSERT_TRUE(store_
                    ->UpdateTenant(
                        "acme", [state](Tenant& tenant) { tenant.state = state; }, {}, clock_.Now())
                    .ok());
    clock_.Advance(BacklogOptions().look_interval);
  };
  CreateJob("job_1", 4);
  CreateJob("job_2", 1, "another");
  Open("n");
  backlog_.SetNode({.node_id = "n", .slots = 1});
  ASSERT_TRUE(store_->CreateTenant({.id = "acme"}, {}, clock_.Now()).ok());
  ASSERT_EQ(HandOut(2).size(), 2U) << "one of each";
  for (const rendernode::LeaseRef& ref : refs_) {
    rendernode::CommitItemRequest commit;
    commit.set_session("session of n");
    *commit.mutable_ref() = ref;
    commit.mutable_result()->set_outcome(rendernode::SUCCEEDED);
    commit.mutable_result()->mutable_usage()->set_wall_s(7);
    ASSERT_EQ(*backlog_.Commit(commit, "n"), rendernode::CommitItemResponse::COMMITTED);
  }
  CreateJob("job_3", 2, "another");
  set(TenantState::kSuspended);
  EXPECT_THAT(HandOut(9), ElementsAre("job_3-1", "job_3-2"));
  const auto none = backlog_.Foretell("job_1");
  ASSERT_TRUE(none.has_value());
  EXPECT_FALSE(none->left.has_value()) << "nobody can tell";
  EXPECT_TRUE(backlog_.Foretell("job_3")->left.has_value()) << "and it holds up nobody else";
  set(TenantState::kActive);
  EXPECT_EQ(HandOut(9).size(), 3U);
}

TEST_F(BacklogTest, WhoWasServedIsNotKeptWaitingForTheRest) {
  CreateJob("job_1", 100);
  Open("n");
  granted_.clear();
  const auto slowly = [this](absl::Span<const Assignment> assignments) {
    clock_.Advance(BacklogOptions().look_interval);
    return Grant(assignments);
  };
  ASSERT_TRUE(backlog_.HandOut({AskerOf("n", 100)}, slowly).ok());
  EXPECT_EQ(granted_.size(), 16U) << "a page";
  EXPECT_LT(backlog_.NextLook(), BacklogOptions().look_interval) << "the others want theirs, too";
  ASSERT_TRUE(backlog_.HandOut({AskerOf("n", 84)}, slowly).ok());
  EXPECT_EQ(granted_.size(), 32U);
}

TEST_F(BacklogTest, WhatChangedWithoutAWordIsSeenAfterTheInterval) {
  Open("n");
  EXPECT_THAT(HandOut(1), IsEmpty());
  CreateJob("job_1", 1);
  EXPECT_THAT(HandOut(1), IsEmpty());
  clock_.Advance(BacklogOptions().look_interval);
  EXPECT_THAT(HandOut(1), ElementsAre("job_1-1"));
  CreateJob("job_2", 1);
  backlog_.Changed();
  EXPECT_THAT(HandOut(1), ElementsAre("job_2-1"));
}

TEST_F(BacklogTest, AJobThatWasPausedMeanwhileIsNotGranted) {
  CreateJob("job_1", 9);
  CreateJob("job_2", 9);
  Open("n");
  EXPECT_THAT(HandOut(1), ElementsAre("job_1-1"));
  ASSERT_TRUE(store_->PauseJob("acme", "job_1", clock_.Now()).ok());
  ASSERT_TRUE(store_->CancelJob("acme", "job_2", clock_.Now()).ok());
  EXPECT_THAT(HandOut(5), IsEmpty());
  EXPECT_TRUE(status_.ok()) << status_;
  ASSERT_TRUE(store_->ResumeJob("acme", "job_1", clock_.Now()).ok());
  backlog_.Changed();
  EXPECT_THAT(HandOut(1), ElementsAre("job_1-2"));
}

TEST_F(BacklogTest, AnOutageLosesNothing) {
  CreateJob("job_1", 3);
  Open("n");
  failing_.Fail(true);
  EXPECT_THAT(HandOut(3), IsEmpty());
  EXPECT_TRUE(absl::IsUnavailable(status_)) << status_;
  EXPECT_GT(backlog_.NextLook(), absl::ZeroDuration()) << "or we would ask without a pause";
  failing_.Fail(false);
  clock_.Advance(BacklogOptions().look_interval);
  EXPECT_THAT(HandOut(1), ElementsAre("job_1-1"));
  failing_.Fail(true);  // After it was decided who gets the next.
  EXPECT_THAT(HandOut(1), IsEmpty());
  failing_.Fail(false);
  clock_.Advance(BacklogOptions().look_interval);
  EXPECT_THAT(HandOut(9), ElementsAre("job_1-2", "job_1-3"));
}

TEST_F(BacklogTest, ALimitHoldsOverARestart) {
  CreateJob("job_1", 1, "limited");
  CreateJob("job_2", 9, "limited");
  Open("n");
  EXPECT_EQ(HandOut(1).size(), 1U);
  Backlog restarted(failing_,
                    clock_,
                    {.scheduler = {.shares = {.named = {{"limited", {.items_running_max = 2}}}}}});
  granted_.clear();
  ASSERT_TRUE(
      restarted.HandOut({AskerOf("n", 9)}, [this](auto assignments) { return Grant(assignments); })
          .ok());
  EXPECT_EQ(granted_.size(), 1U) << "one of two is leased already";
}

TEST_F(BacklogTest, WhatOperatorsSetForATenantGoesBeforeTheConfiguration) {
  CreateJob("job_1", 9, "limited");
  CreateJob("job_2", 9, "another");
  Open("n");
  ASSERT_TRUE(
      store_->CreateTenant({.id = "another", .limits = {.items_running_max = 3}}, {}, clock_.Now())
          .ok());
  EXPECT_EQ(HandOut(100).size(), 5U) << "two and three";
  ASSERT_TRUE(store_
                  ->UpdateTenant(
                      "another",
                      [](Tenant& tenant) { tenant.limits.items_running_max = 0; },
                      {},
                      clock_.Now())
                  .ok());
  clock_.Advance(BacklogOptions().look_interval);
  EXPECT_EQ(HandOut(100).size(), 6U) << "no bound any more";
  backlog_.SetShares({});
  EXPECT_EQ(HandOut(100).size(), 7U) << "nor in the configuration";
}

TEST_F(BacklogTest, AForecastFollowsWhatWasMeasured) {
  CreateJob("job_1", 11);
  Open("n");
  backlog_.SetNode({.node_id = "n", .slots = 1});
  ASSERT_THAT(HandOut(1), ElementsAre("job_1-1"));
  EXPECT_FALSE(backlog_.Foretell("job_1").has_value());
  rendernode::CommitItemRequest commit;
  commit.set_session("session of n");
  *commit.mutable_ref() = refs_[0];
  commit.mutable_result()->set_outcome(rendernode::SUCCEEDED);
  commit.mutable_result()->mutable_usage()->set_wall_s(7);
  ASSERT_EQ(*backlog_.Commit(commit, "n"), rendernode::CommitItemResponse::COMMITTED);
  const auto forecast = backlog_.Foretell("job_1");
  ASSERT_TRUE(forecast.has_value() && forecast->left.has_value());
  EXPECT_NEAR(absl::ToDoubleSeconds(*forecast->left), 70, 1e-6);
}

// Commits are durable before the scheduler hears of them, while the store is read all the time.
TEST_F(BacklogTest, ALimitHoldsWhateverCommitsMeanwhile) {
  constexpr int kItems = 200;
  CreateJob("job_1", kItems, "limited");
  Open("n");
  BoundedQueue<rendernode::LeaseRef> held(kItems);
  std::atomic<int> committed = 0;
  std::vector<std::thread> committers;
  for (int i = 0; i < 3; ++i) {
    committers.emplace_back([&] {
      while (const auto ref = held.Pop()) {
        rendernode::CommitItemRequest commit;
        commit.set_session("session of n");
        *commit.mutable_ref() = *ref;
        commit.mutable_result()->set_outcome(rendernode::SUCCEEDED);
        EXPECT_EQ(*backlog_.Commit(commit, "n"), rendernode::CommitItemResponse::COMMITTED);
        ++committed;
      }
    });
  }
  const absl::Duration end = Clock::System().SinceBoot() + absl::Minutes(1);
  while (committed < kItems && Clock::System().SinceBoot() < end) {
    backlog_.Changed();
    const auto before = refs_.size();
    HandOut(5);
    ASSERT_TRUE(status_.ok()) << status_;
    EXPECT_LE(store_->GetJob("limited", "job_1")->items_leased, 2);
    for (std::size_t i = before; i < refs_.size(); ++i) {
      held.Push(refs_[i]);
    }
  }
  held.Close();
  for (std::thread& committer : committers) {
    committer.join();
  }
  EXPECT_EQ(committed, kItems);
}

}  // namespace
}  // namespace rn
