// Several coordinators over one database: what one of them does, all of them keep to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <set>
#include <thread>

#include "base/mutex.h"
#include "tests/coordinator/dice.h"
#include "tests/coordinator/store_harness.h"

namespace rn {
namespace {

using rendernode::CommitItemResponse;
using rendernode::LeaseRef;
using ::testing::_;
using ::testing::Each;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr StoreBackend kPostgres = {"Postgres", &PostgresPlace::Make};

// `store_` is one replica, `other_` the other one.
class StoreReplicasTest : public ::testing::Test, protected StoreHarness {
 protected:
  StoreReplicasTest() : StoreHarness(kPostgres) { ReopenBoth(); }

  void ReopenBoth() {
    Reopen();
    other_ = *place_->Open(limits_);
  }
  Store& replica(std::size_t number) { return number % 2 == 0 ? *store_ : *other_; }

  // `call(replica)`, at once.
  void OnBoth(const std::function<void(Store&)>& call) {
    std::thread there([&] { call(*other_); });
    call(*store_);
    there.join();
  }

  std::unique_ptr<Store> other_;
};

TEST_F(StoreReplicasTest, OneIdempotencyKeySentToBothAtOnceMakesOneJob) {
  for (int round = 0; round < 10; ++round) {
    const Idempotency key{.key = absl::StrCat("key-", round), .body_sha256 = "body"};
    Mutex mutex;
    std::set<std::string> jobs;
    std::atomic<int> made = 0;
    OnBoth([&](Store& replica) {
      const NewJob job = JobOf(absl::StrCat("job_", round, "_", ++made), 20);
      const auto created = replica.CreateJob(job, key, now_);
      ASSERT_TRUE(created.ok()) << created.status();
      MutexLock lock(mutex);
      jobs.insert(created->id);
    });
    EXPECT_THAT(jobs, SizeIs(1)) << "both were told of the same job";
  }
  EXPECT_THAT(*store_->ListJobs({.tenant = "acme"}), SizeIs(10));
}

TEST_F(StoreReplicasTest, AKeyUsedAtOnceWithAnotherBodyIsRefusedByOne) {
  std::atomic<int> number = 0, refused = 0;
  OnBoth([&](Store& replica) {
    const int mine = ++number;
    const auto created = replica.CreateJob(JobOf(absl::StrCat("job_", mine), 5),
                                           {.key = "key", .body_sha256 = absl::StrCat(mine)},
                                           now_);
    refused += absl::IsFailedPrecondition(created.status()) ? 1 : 0;
  });
  EXPECT_EQ(refused, 1);
}

TEST_F(StoreReplicasTest, AQuotaIsOfAllReplicasTogether) {
  std::atomic<int> number = 0, made = 0;
  std::vector<std::thread> clients;
  for (std::size_t client = 0; client < 6; ++client) {
    clients.emplace_back([&, client] {
      NewJob job = JobOf(absl::StrCat("job_", ++number), 4);
      job.quota.items_open_max = 10;
      const auto created = replica(client).CreateJob(job, {}, now_);
      EXPECT_TRUE(created.ok() || absl::IsResourceExhausted(created.status())) << created.status();
      made += created.ok() ? 1 : 0;
    });
  }
  for (std::thread& client : clients) {
    client.join();
  }
  EXPECT_EQ(made, 2);
}

TEST_F(StoreReplicasTest, VersionsOfATemplateAreCountedByAllTogether) {
  std::atomic<int> number = 0;
  OnBoth([&](Store& replica) {
    for (int i = 0; i < 5; ++i) {
      const auto put =
          replica.PutTemplate("acme", "tpl_x", absl::StrCat("body ", ++number), {}, now_);
      EXPECT_TRUE(put.ok()) << put.status();
    }
  });
  EXPECT_EQ(store_->GetTemplate("acme", "tpl_x", 0)->version, 10);
}

TEST_F(StoreReplicasTest, ANodeGoesOnWithAnotherReplica) {
  Create("job_1", 2);
  const std::string session = Open("node");
  const LeaseRef lease = Take(session, "job_1-1");
  std::swap(store_, other_);
  EXPECT_THAT(Names(Sync(session, {lease}).renewed), ::testing::ElementsAre("job_1-1/1"))
      << "the session is known there";
  EXPECT_EQ(Commit(session, lease, Succeeded()), CommitItemResponse::COMMITTED);
  std::swap(store_, other_);
  EXPECT_EQ(Commit(session, lease, Succeeded()), CommitItemResponse::DUPLICATE);
}

TEST_F(StoreReplicasTest, AWebhookIsTakenByOne) {
  std::set<std::string> taken;
  Mutex mutex;
  for (int i = 0; i < 20; ++i) {
    NewJob job = JobOf(absl::StrCat("job_", i), 1);
    job.callback_url = "https://us/hook";
    Create(job);
    ASSERT_TRUE(store_->CancelJob("acme", job.id, now_).ok());
  }
  std::atomic<int> count = 0;
  OnBoth([&](Store& replica) {
    for (int i = 0; i < 20; ++i) {
      const auto due = replica.TakeWebhooks(3, /*held_back=*/{}, absl::Minutes(1), now_);
      ASSERT_TRUE(due.ok()) << due.status();
      MutexLock lock(mutex);
      for (const WebhookDelivery& delivery : *due) {
        ++count;
        taken.insert(delivery.job_id);
      }
    }
  });
  EXPECT_EQ(count, 20);
  EXPECT_THAT(taken, SizeIs(20));
}

TEST_F(StoreReplicasTest, ALeaseIsLostOnceHoweverManyLookForIt) {
  Create("job_1", 50);
  const std::string session = Open("node");
  for (int row = 1; row <= 50; ++row) {
    Take(session, absl::StrCat("job_1-", row));
  }
  now_ += limits_.lease.ttl + limits_.lease.reassign_grace;
  std::atomic<std::size_t> lost = 0;
  OnBoth([&](Store& replica) {
    for (int i = 0; i < 3; ++i) {
      const auto some = replica.Expire(now_, absl::InfinitePast());
      ASSERT_TRUE(some.ok()) << some.status();
      lost += some->size();
    }
  });
  EXPECT_EQ(lost, 50U);
  ExpectWhole("job_1");
}

TEST_F(StoreReplicasTest, AJobPastItsDeadlineEndsOnce) {
  NewJob job = JobOf("job_1", 40);
  job.processing_deadline = absl::Minutes(1);
  job.callback_url = "https://us/hook";
  Create(job);
  now_ += absl::Minutes(2);
  OnBoth([&](Store& replica) {
    const auto lost = replica.Expire(now_, absl::InfinitePast());
    EXPECT_TRUE(lost.ok()) << lost.status();
  });
  ExpectWhole("job_1");
  EXPECT_EQ(GetJob("job_1").state, JobState::kFailed);
  for (const Item& item : Items("job_1")) {
    EXPECT_THAT(item.errors, SizeIs(1)) << item.id;
  }
}

// ---------------------------------------------------------------- under load

class BusyReplicasTest : public StoreReplicasTest {
 protected:
  static constexpr int kJobs = 3;
  static constexpr int kItems = 120;
  static constexpr std::size_t kNodes = 8;

  static std::string JobId(int number) { return absl::StrCat("job_", number); }

  bool AllEnded() {
    if (!meanwhile_done_) {
      return false;  // It may yet open one again.
    }
    for (int job = 0; job < kJobs; ++job) {
      if (!IsTerminal(store_->GetJob("acme", JobId(job))->state)) {
        return false;
      }
    }
    return true;
  }

  std::vector<std::string> SomeItems(Dice& dice) {
    std::vector<std::string> items;
    for (int i = 0; i < 6; ++i) {
      items.push_back(
          absl::StrCat(JobId(static_cast<int>(dice.Below(kJobs))), "-", 1 + dice.Below(kItems)));
    }
    return items;
  }

  // Speaks to one replica after the other, hands items back at times, commits some twice, to both.
  void BeNode(std::size_t number) {
    Dice dice(static_cast<unsigned>(number));
    const std::string node = absl::StrCat("node-", number);
    std::string session;
    for (std::size_t turn = 0; !AllEnded(); ++turn) {
      Store& store = replica(turn);
      if (session.empty() || dice.Below(20) == 0) {
        session = absl::StrCat(node, "/", turn);
        rendernode::OpenSessionRequest open;
        open.set_node_id(node);
        const auto opened = store.OpenSession(open, session, now_);
        ASSERT_TRUE(opened.ok()) << opened.status();
      }
      const auto leases = store.Assign(session, SomeItems(dice), now_);
      ASSERT_TRUE(leases.ok()) << leases.status();
      for (const rendernode::Lease& lease : *leases) {
        {
          MutexLock lock(mutex_);
          EXPECT_TRUE(granted_.insert(Name(lease.ref())).second)
              << Name(lease.ref()) << " was granted twice";
        }
        Finish(dice, session, lease.ref());
      }
    }
  }

  void Finish(Dice& dice, const std::string& session, const LeaseRef& ref) {
    rendernode::SyncRequest sync;
    sync.set_session(session);
    const bool releases = dice.Below(10) == 0;
    *(releases ? sync.add_released() : sync.add_held()->mutable_ref()) = ref;
    const auto synced = replica(dice.Below(2)).Sync(sync, now_);
    ASSERT_TRUE(synced.ok()) << synced.status();
    rendernode::CommitItemRequest commit;
    commit.set_session(session);
    *commit.mutable_ref() = ref;
    const bool succeeds = dice.Below(30) != 0;
    *commit.mutable_result() = succeeds ? Succeeded() : Failed(Retryable::kNo);
    for (std::size_t i = dice.Below(10) == 0 ? 2 : 1; i > 0 && !releases; --i) {
      const auto verdict = replica(dice.Below(2)).Commit(commit, now_);
      ASSERT_TRUE(verdict.ok()) << verdict.status();
      if (*verdict == CommitItemResponse::COMMITTED) {
        MutexLock lock(mutex_);
        EXPECT_TRUE(outcomes_[ref.item_id()]
                        .emplace(ref.fence(), succeeds ? Outcome::kSucceeded : Outcome::kFailed)
                        .second)
            << Name(ref) << " was committed twice";
      }
    }
  }

  // Takes leases away from nodes that are at work; both replicas do.
  void BeTime(std::size_t number) {
    while (!AllEnded()) {
      const auto lost = replica(number).Expire(now_ + absl::Hours(1), absl::InfinitePast());
      ASSERT_TRUE(lost.ok()) << lost.status();
      const Job job = *store_->GetJob("acme", JobId(0));
      ASSERT_EQ(job.items_total, kItems) << "counts of one moment, not of two";
    }
  }

  // Returns once `meanwhile` has and every job has ended.
  void RunNodes(const std::function<void()>& meanwhile) {
    limits_.retry.losses_max = 1'000'000;
    ReopenBoth();
    for (int job = 0; job < kJobs; ++job) {
      Create(JobId(job), kItems);
    }
    std::vector<std::thread> threads;
    threads.emplace_back([this] { BeTime(0); });
    threads.emplace_back([this] { BeTime(1); });
    for (std::size_t node = 0; node < kNodes; ++node) {
      threads.emplace_back([this, node] { BeNode(node); });
    }
    meanwhile();
    meanwhile_done_ = true;
    for (std::thread& thread : threads) {
      thread.join();
    }
    for (int job = 0; job < kJobs; ++job) {
      ExpectWhole(JobId(job));
    }
    MutexLock lock(mutex_);
    for (const auto& [item, outcomes] : outcomes_) {
      for (const auto& [fence, outcome] : outcomes) {
        EXPECT_TRUE(outcome == Outcome::kFailed || fence == outcomes.rbegin()->first)
            << item << " went on after it had succeeded at fence " << fence;
      }
    }
  }

  Mutex mutex_;
  std::set<std::string> granted_ ABSL_GUARDED_BY(mutex_);
  enum class Outcome { kFailed, kSucceeded };
  using Outcomes = std::map<std::uint64_t, Outcome>;  // By fence.
  // What was committed, by item.
  std::map<std::string, Outcomes> outcomes_ ABSL_GUARDED_BY(mutex_);
  std::atomic<bool> meanwhile_done_ = false;
};

TEST_F(BusyReplicasTest, NoItemIsGrantedAtOneFenceTwiceNorCommittedTwice) {
  RunNodes([] {});
  std::int64_t ended = 0;
  for (int job = 0; job < kJobs; ++job) {
    ended += GetJob(JobId(job)).items_completed + GetJob(JobId(job)).items_failed;
  }
  EXPECT_EQ(ended, kJobs * kItems);
  MutexLock lock(mutex_);
  EXPECT_THAT(outcomes_, SizeIs(kJobs * kItems));
  EXPECT_THAT(outcomes_, Each(Pair(_, SizeIs(1)))) << "nobody asked for failures to be retried";
}

TEST_F(BusyReplicasTest, AJobMayBeCanceledPausedAndRetriedInTheMiddleOfIt) {
  RunNodes([this] {
    while (GetJob(JobId(1)).items_completed < 5) {
      std::this_thread::yield();
    }
    OnBoth([this](Store& replica) {
      const auto canceled = replica.CancelJob("acme", JobId(1), now_);
      EXPECT_TRUE(canceled.ok()) << canceled.status();
      for (int i = 0; i < 5; ++i) {
        (void)replica.PauseJob("acme", JobId(2), now_);
        (void)replica.ResumeJob("acme", JobId(2), now_);
        const auto retried = replica.RetryFailed("acme", JobId(0), now_);
        EXPECT_TRUE(retried.ok()) << retried.status();
      }
    });
    (void)store_->ResumeJob("acme", JobId(2), now_);
  });
  EXPECT_EQ(GetJob(JobId(1)).state, JobState::kCanceled);
  EXPECT_EQ(GetJob(JobId(0)).state, JobState::kCompleted);
}

}  // namespace
}  // namespace rn
