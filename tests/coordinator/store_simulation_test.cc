// The store against a reference model, and against many nodes at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <set>
#include <thread>

#include "base/mutex.h"
#include "tests/coordinator/dice.h"
#include "tests/coordinator/store_harness.h"
#include "tests/coordinator/store_model.h"

namespace rn {
namespace {

using rendernode::CommitItemResponse;
using rendernode::LeaseRef;

// ---------------------------------------------------------------- one step at a time

// Three nodes, two jobs, and no regard for what a sane node would say.
class StoreModelTest : public StoreTest {
 protected:
  static constexpr int kItems = 4;

  void Simulate(unsigned seed, int steps) {
    Dice dice(seed);
    jobs_ = {MakeJob(), MakeJob()};
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      SCOPED_TRACE(absl::StrCat("seed ", seed, " step ", i));
      now_ += absl::Milliseconds(dice.Below(3000));
      std::string& job = jobs_[dice.Below(jobs_.size())];
      if (IsTerminal(model_.jobs().at(job).state) && dice.Below(8) == 0) {
        job = MakeJob();
      }
      Step(dice);
      ExpectAsModel();
    }
  }

  std::string MakeJob() {
    const std::string id = absl::StrCat("job_", ++jobs_made_);
    Create(id, kItems);
    model_.CreateJob(id, kItems);
    return id;
  }

  void Step(Dice& dice) {
    switch (dice.Below(14)) {
      case 0:
        return OpenSomeSession(dice);
      case 1:
        ASSERT_TRUE(store_->CloseSession(session(dice), now_).ok());
        return model_.CloseSession(last_session_, now_);
      case 2:
        now_ += dice.Below(3) == 0 ? limits_.lease.ttl : absl::ZeroDuration();
        EXPECT_EQ(Expire(), model_.Expire(now_));
        return;
      case 3:
        return ActOnJob(dice);
      case 4:
      case 5:
        return SyncSome(dice);
      case 6:
      case 7:
      case 8:
      case 9:
        return AssignOne(dice);
      case 10:
        return dice.Below(10) == 0 ? Reopen() : void();
      default:
        return CommitSome(dice);
    }
  }

  const std::string& session(Dice& dice) {
    return last_session_ = given_.empty() ? "none" : dice.OneOf(given_);
  }

  std::vector<LeaseRef> SomeRefs(Dice& dice) {
    std::vector<LeaseRef> refs;
    for (std::size_t i = dice.Below(4); i > 0 && !granted_.empty(); --i) {
      refs.push_back(SomeRef(dice));
    }
    return refs;
  }
  // Recent ones mostly, of whatever node; at times one that never was.
  LeaseRef SomeRef(Dice& dice) {
    if (granted_.empty() || dice.Below(20) == 0) {
      return Ref(absl::StrCat(dice.OneOf(jobs_), "-", dice.Below(6)), dice.Below(4));
    }
    const std::size_t back = std::min(granted_.size(), std::size_t{6});
    return granted_[granted_.size() - 1 - dice.Below(back)];
  }

  void OpenSomeSession(Dice& dice) {
    const std::string node = absl::StrCat("node-", dice.Below(3));
    const auto held = SomeRefs(dice);
    const SessionInfo info = OpenWith(node, held);
    given_.push_back(info.session);
    given_.erase(given_.begin(), given_.end() - std::min<std::ptrdiff_t>(4, std::ssize(given_)));
    const auto adopted = model_.OpenSession(node, info.session, held, now_);
    EXPECT_EQ(ItemsOf(info.adopt), adopted);
    EXPECT_EQ(info.adopt.size() + info.drop.size(), held.size());
  }

  void SyncSome(Dice& dice) {
    rendernode::SyncRequest request;
    request.set_session(session(dice));
    const auto held = SomeRefs(dice);
    const auto released = dice.Below(3) == 0 ? SomeRefs(dice) : std::vector<LeaseRef>();
    for (const LeaseRef& ref : held) {
      *request.add_held()->mutable_ref() = ref;
    }
    request.mutable_released()->Assign(released.begin(), released.end());
    const auto outcome = store_->Sync(request, now_);
    const auto expected = model_.Sync(last_session_, held, released, now_);
    ASSERT_EQ(outcome.ok(), expected.has_value()) << outcome.status();
    if (outcome.ok()) {
      EXPECT_EQ(ItemsOf(outcome->renewed), *expected);
      EXPECT_EQ(outcome->renewed.size() + outcome->cancel.size(), held.size());
    }
  }

  void AssignOne(Dice& dice) {
    const std::string item = absl::StrCat(dice.OneOf(jobs_), "-", 1 + dice.Below(kItems));
    const auto leases = store_->Assign(session(dice), {item}, now_);
    const auto expected = model_.Assign(last_session_, item, now_);
    ASSERT_EQ(leases.ok() && !leases->empty(), expected.has_value()) << item;
    if (expected.has_value()) {
      EXPECT_EQ(leases->at(0).ref().fence(), *expected);
      granted_.push_back(leases->at(0).ref());
    }
  }

  void CommitSome(Dice& dice) {
    static const std::array<rendernode::ItemResult, 7> kResults = {
        Succeeded(),
        Succeeded(),
        Interrupted(),
        Failed(Retryable::kYes),
        Failed(Retryable::kNo),
        Failed(Retryable::kNo, rendernode::ITEM_ERROR_QUOTA_EXCEEDED),
        LostByTheNode()};
    const rendernode::ItemResult& result = dice.OneOf(kResults);
    const LeaseRef ref = SomeRef(dice);
    const auto verdict = TryCommit(session(dice), ref, result);
    const auto expected = model_.Commit(last_session_, ref, result, now_);
    ASSERT_EQ(verdict.ok(), expected.has_value()) << verdict.status();
    if (verdict.ok() && ref.fence() != 0) {
      EXPECT_EQ(*verdict, *expected) << Name(ref);
    }
  }

  void ActOnJob(Dice& dice) {
    const std::string job = dice.OneOf(jobs_);
    switch (dice.Below(20)) {
      case 0:
        (void)store_->CancelJob("acme", job, now_);
        return model_.CancelJob(job);
      case 1:
      case 2:
      case 3:
      case 4:
        (void)store_->PauseJob("acme", job, now_);
        return model_.PauseJob(job);
      case 5:
      case 6:
      case 7:
      case 8:
      case 9:
      case 10:
        (void)store_->RetryFailed("acme", job, now_);
        return model_.RetryFailed(job);
      default:
        (void)store_->ResumeJob("acme", job, now_);
        return model_.ResumeJob(job);
    }
  }

  static std::set<std::string> ItemsOf(const std::vector<LeaseRef>& refs) {
    std::set<std::string> items;
    for (const LeaseRef& ref : refs) {
      items.insert(ref.item_id());
    }
    return items;
  }

  void ExpectAsModel() {
    std::set<std::string> waiting;
    for (const auto& [job_id, job] : model_.jobs()) {
      EXPECT_EQ(GetJob(job_id).state, job.state) << job_id;
      for (const Item& item : Items(job_id)) {
        const auto& expected = job.items.at(item.id);
        EXPECT_EQ(item.state, expected.state) << item.id;
        EXPECT_EQ(item.fence, expected.fence) << item.id;
        EXPECT_EQ(item.node_id, expected.node) << item.id;
        const bool open = job.state == JobState::kPending || job.state == JobState::kRunning;
        if (open && expected.state == ItemState::kPending && expected.ready <= now_) {
          waiting.insert(item.id);
        }
      }
      ExpectWhole(job_id);
    }
    const Strings items = WaitingItems();
    EXPECT_EQ(std::set<std::string>(items.begin(), items.end()), waiting);
  }

  StoreModel model_{limits_};
  std::vector<std::string> jobs_;  // The present ones.
  int jobs_made_ = 0;
  Strings given_;
  std::string last_session_;
  std::vector<LeaseRef> granted_;
};

INSTANTIATE_TEST_SUITE_P(Every, StoreModelTest, ::testing::ValuesIn(kStoreBackends), BackendName);

TEST_P(StoreModelTest, DoesAsTheModelDoesAtEveryStep1) {
  Simulate(/*seed=*/1, /*steps=*/400);
}
TEST_P(StoreModelTest, DoesAsTheModelDoesAtEveryStep2) {
  Simulate(/*seed=*/2, /*steps=*/400);
}
TEST_P(StoreModelTest, DoesAsTheModelDoesAtEveryStep3) {
  Simulate(/*seed=*/3, /*steps=*/400);
}
TEST_P(StoreModelTest, DoesAsTheModelDoesAtEveryStep4) {
  Simulate(/*seed=*/4, /*steps=*/400);
}

// ---------------------------------------------------------------- all at once

class StoreConcurrencyTest : public StoreTest {
 protected:
  static constexpr int kItems = 500;
  static constexpr int kNodes = 8;

  // A node that loses its memory at times, hands items back at times, and commits some twice.
  void BeNode(int number) {
    Dice dice(static_cast<unsigned>(number));
    const std::string node = absl::StrCat("node-", number);
    std::string session;
    for (int turn = 0; !IsTerminal(store_->GetJob("acme", "job_1")->state); ++turn) {
      if (session.empty() || dice.Below(20) == 0) {
        session = absl::StrCat(node, "/", turn);
        rendernode::OpenSessionRequest open;
        open.set_node_id(node);
        ASSERT_TRUE(store_->OpenSession(open, session, now_).ok());
      }
      const auto waiting = ViewWaiting(*store_, /*per_job=*/16, now_);
      if (waiting.empty()) {
        std::this_thread::yield();
        continue;
      }
      Strings wanted;
      for (int i = 0; i < 4; ++i) {
        wanted.push_back(dice.OneOf(waiting[0].items));
      }
      const auto leases = store_->Assign(session, wanted, now_);
      ASSERT_TRUE(leases.ok()) << leases.status();
      for (const rendernode::Lease& lease : *leases) {
        Finish(dice, session, lease.ref());
      }
    }
  }

  void Finish(Dice& dice, const std::string& session, const LeaseRef& ref) {
    rendernode::SyncRequest sync;
    sync.set_session(session);
    const bool releases = dice.Below(10) == 0;
    *(releases ? sync.add_released() : sync.add_held()->mutable_ref()) = ref;
    ASSERT_TRUE(store_->Sync(sync, now_).ok());
    for (std::size_t i = dice.Below(10) == 0 ? 2 : 1; i > 0 && !releases; --i) {
      const auto verdict = TryCommit(session, ref, Succeeded());
      ASSERT_TRUE(verdict.ok()) << verdict.status();
      if (*verdict == CommitItemResponse::COMMITTED) {
        MutexLock lock(mutex_);
        ++commits_[ref.item_id()];
      }
    }
  }

  // Takes leases away from nodes that are at work.
  void BeTime() {
    while (!IsTerminal(store_->GetJob("acme", "job_1")->state)) {
      ASSERT_TRUE(store_->Expire(now_ + absl::Hours(1), absl::InfinitePast()).ok());
      const Job job = *store_->GetJob("acme", "job_1");
      ASSERT_EQ(job.items_total, kItems) << "counts of one moment, not of two";
    }
  }

  Mutex mutex_;
  std::map<std::string, int> commits_ ABSL_GUARDED_BY(mutex_);
};

INSTANTIATE_TEST_SUITE_P(Every,
                         StoreConcurrencyTest,
                         ::testing::ValuesIn(kStoreBackends),
                         BackendName);

TEST_P(StoreConcurrencyTest, EveryItemIsCommittedExactlyOnceByEightNodesAtOnce) {
  limits_.retry.losses_max = 1'000'000;
  Reopen();
  Create("job_1", kItems);
  std::vector<std::thread> threads;
  threads.emplace_back([this] { BeTime(); });
  for (int node = 0; node < kNodes; ++node) {
    threads.emplace_back([this, node] { BeNode(node); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(GetJob("job_1").state, JobState::kCompleted);
  EXPECT_EQ(GetJob("job_1").items_completed, kItems);
  ExpectWhole("job_1");
  MutexLock lock(mutex_);
  EXPECT_EQ(commits_.size(), static_cast<std::size_t>(kItems));
  for (const auto& [item, commits] : commits_) {
    EXPECT_EQ(commits, 1) << item;
  }
}

}  // namespace
}  // namespace rn
