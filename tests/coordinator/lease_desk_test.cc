// The desk without a wire: nodes and clients that all speak at once.
#include "coordinator/lease_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/bounded_queue.h"
#include "base/file.h"
#include "base/ulid.h"
#include "coordinator/sqlite_store.h"
#include "tests/coordinator/waiting_view.h"
#include "tests/fakes/failing_store.h"
#include "tests/fakes/fake_clock.h"

namespace rn {
namespace {

using ::testing::IsEmpty;

constexpr absl::Duration kPatience = absl::Seconds(60);  // Ends a test that would hang.

// Blocks until the desk has replied.
class Caller final : public SyncCaller {
 public:
  void Reply(absl::StatusOr<rendernode::SyncResponse> response) override {
    replies_.Push(std::move(response));
  }
  bool gone() const override { return gone_; }

  void HangUp(LeaseDesk& desk) {
    gone_ = true;
    desk.Leave(*this);
  }
  absl::StatusOr<rendernode::SyncResponse> Await() {
    return replies_.PopFor(kPatience).value_or(absl::DeadlineExceededError("no reply"));
  }

 private:
  BoundedQueue<absl::StatusOr<rendernode::SyncResponse>> replies_{1};
  std::atomic<bool> gone_ = false;
};

class LeaseDeskTest : public ::testing::Test {
 protected:
  std::string CreateJob(int items, const std::string& tenant = "acme") {
    const absl::Time now = Clock::System().Now();
    NewJob job{.id = "job_" + NewUlid(now), .tenant = tenant};
    job.spec.set_job_id(job.id);
    job.items.resize(static_cast<std::size_t>(items));
    for (int i = 0; i < items; ++i) {
      job.items[static_cast<std::size_t>(i)].spec.set_row(static_cast<std::uint32_t>(i + 1));
    }
    EXPECT_TRUE(store_->CreateJob(job, {}, now).ok());
    return job.id;
  }

  std::string Open(const std::string& node_id) { return Open(desk_, node_id); }
  static std::string Open(LeaseDesk& desk, const std::string& node_id) {
    rendernode::OpenSessionRequest request;
    request.set_node_id(node_id);
    request.set_protocol_min(1);
    request.set_protocol_max(1);
    const auto opened = desk.OpenSession(request);
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? opened->session() : "";
  }

  static rendernode::SyncRequest Ask(const std::string& session, std::uint64_t seq) {
    rendernode::SyncRequest request;
    request.set_session(session);
    request.set_seq(seq);
    request.set_state(rendernode::READY);
    request.set_want(2);
    request.set_wait(true);
    return request;
  }

  rendernode::CommitItemResponse::Verdict Commit(const std::string& session,
                                                 const rendernode::LeaseRef& ref) {
    rendernode::CommitItemRequest request;
    request.set_session(session);
    *request.mutable_ref() = ref;
    request.mutable_result()->set_outcome(rendernode::SUCCEEDED);
    return desk_.Commit(request).value_or(rendernode::CommitItemResponse::RETRY);
  }

  // Takes and completes what it is granted until `done`. Hangs up now and then, as one does that
  // cuts its Sync short, and starts afresh now and then.
  void Work(int number, std::atomic<bool>& done) {
    std::string session = Open(absl::StrCat("node-", number));
    for (std::uint64_t seq = 1; !done; ++seq) {
      if (seq % 17 == 0) {
        session = Open(absl::StrCat("node-", number));
      }
      Caller caller;
      desk_.Sync(Ask(session, seq), caller);
      if (seq % 5 == 0) {
        caller.HangUp(desk_);
      }
      const auto response = caller.Await();
      ASSERT_TRUE(response.ok() || absl::IsCancelled(response.status())) << response.status();
      if (!response.ok() || seq % 7 == 0) {
        continue;  // A reply that was lost.
      }
      for (const rendernode::Lease& lease : response->grant()) {
        if (Commit(session, lease.ref()) == rendernode::CommitItemResponse::COMMITTED) {
          ++committed_;
        }
      }
    }
  }

  const TempDir folder_ = *TempDir::Create("lease_desk");
  const std::unique_ptr<Store> store_ = *OpenSqliteStore(folder_.path() / "store.db");
  LeaseDesk desk_{*store_, Clock::System(), {.sync_interval = absl::Milliseconds(20)}};
  std::atomic<int> committed_ = 0;
};

// No lease needs its TTL to pass, or this would not end in time.
TEST_F(LeaseDeskTest, EveryItemIsCommittedOnceWhateverGetsLost) {
  constexpr int kNodes = 6, kJobs = 5, kItems = 20;
  std::atomic<bool> done = false;
  std::vector<std::thread> nodes;
  for (int i = 0; i < kNodes; ++i) {
    nodes.emplace_back([this, i, &done] { Work(i, done); });
  }
  for (int i = 0; i < kJobs; ++i) {
    CreateJob(kItems);
    desk_.OnNewWork();
  }
  const std::string canceled = CreateJob(1);
  EXPECT_TRUE(store_->CancelJob("acme", canceled, Clock::System().Now()).ok());
  desk_.OnJobCanceled(canceled);
  const absl::Duration end = Clock::System().SinceBoot() + kPatience;
  while (committed_ < kJobs * kItems && Clock::System().SinceBoot() < end) {
    std::this_thread::yield();
  }
  done = true;
  for (std::thread& node : nodes) {
    node.join();
  }
  EXPECT_EQ(committed_, kJobs * kItems);
  const auto jobs = store_->ListJobs({.tenant = "acme"});
  ASSERT_TRUE(jobs.ok()) << jobs.status();
  for (const Job& job : *jobs) {
    EXPECT_TRUE(job.id == canceled || job.state == JobState::kCompleted) << job.id;
  }
}

TEST_F(LeaseDeskTest, StoppingWhileNodesSpeakAnswersEveryOne) {
  constexpr int kNodes = 6;
  std::vector<std::thread> nodes;
  for (int i = 0; i < kNodes; ++i) {
    nodes.emplace_back([this, i] {
      const std::string session = Open(absl::StrCat("node-", i));
      for (std::uint64_t seq = 1; seq < 5; ++seq) {
        Caller caller;
        desk_.Sync(Ask(session, seq), caller);
        const auto response = caller.Await();
        ASSERT_TRUE(response.ok()) << response.status();
        EXPECT_THAT(response->grant(), IsEmpty());
      }
    });
  }
  desk_.Stop();
  for (std::thread& node : nodes) {
    node.join();
  }
}

TEST_F(LeaseDeskTest, TenantsShareTheFarmByWeight) {
  const std::string earlier = CreateJob(40, "earlier");
  const std::string heavy = CreateJob(40, "heavy");
  LeaseDeskOptions options;
  options.backlog.scheduler = {.shares = {.named = {{"heavy", {.weight = 3}}}},
                               .affinity_items = 0};
  LeaseDesk desk(*store_, Clock::System(), options);
  rendernode::SyncRequest request = Ask(Open(desk, "node"), 1);
  request.set_want(20);
  Caller caller;
  desk.Sync(request, caller);
  const auto response = caller.Await();
  ASSERT_TRUE(response.ok()) << response.status();
  std::map<std::string, int> given;
  for (const rendernode::Lease& lease : response->grant()) {
    ++given[lease.job_id()];
  }
  EXPECT_EQ(given[earlier], 5);
  EXPECT_EQ(given[heavy], 15);
}

TEST_F(LeaseDeskTest, ATenantAtItsLimitGetsTheNextAsSoonAsOneIsDone) {
  CreateJob(9);
  LeaseDeskOptions options;
  options.backlog.scheduler.shares.others.items_running_max = 1;
  FakeClock clock;  // So that no interval ends.
  LeaseDesk desk(*store_, clock, options);
  const std::string first = Open(desk, "first");
  const std::string second = Open(desk, "second");
  Caller served;
  desk.Sync(Ask(first, 1), served);
  const auto granted = served.Await();
  ASSERT_TRUE(granted.ok()) << granted.status();
  ASSERT_EQ(granted->grant_size(), 1) << "it asked for two";
  Caller waiting;
  desk.Sync(Ask(second, 1), waiting);
  rendernode::CommitItemRequest commit;
  commit.set_session(first);
  *commit.mutable_ref() = granted->grant(0).ref();
  commit.mutable_result()->set_outcome(rendernode::SUCCEEDED);
  EXPECT_EQ(*desk.Commit(commit), rendernode::CommitItemResponse::COMMITTED);
  const auto next = waiting.Await();
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(next->grant_size(), 1);
}

TEST_F(LeaseDeskTest, AJobThatNobodyCanRenderSaysSo) {
  const std::string job = CreateJob(1);
  LeaseDesk desk(*store_, Clock::System(), {});
  const std::string session = Open(desk, "node");
  rendernode::SyncRequest request = Ask(session, 1);
  request.set_state(rendernode::NOT_READY);
  request.set_slots(2);
  request.set_wait(false);
  Caller caller;
  desk.Sync(request, caller);
  ASSERT_TRUE(caller.Await().ok());
  const absl::Duration end = Clock::System().SinceBoot() + kPatience;
  while (!desk.Foretell(job).has_value() && Clock::System().SinceBoot() < end) {
    std::this_thread::yield();
  }
  const std::optional<Forecast> forecast = desk.Foretell(job);
  ASSERT_TRUE(forecast.has_value());
  EXPECT_EQ(forecast->delay, Delay::kNoNodes);
}

TEST_F(LeaseDeskTest, OnlyTheNewestSessionIsGivenAJobSpec) {
  const std::string job = CreateJob(1);
  const std::string old = Open("node");
  std::string digest;
  for (std::uint64_t seq = 1; digest.empty(); ++seq) {  // A busy desk may answer before it grants.
    Caller caller;
    desk_.Sync(Ask(old, seq), caller);
    const auto answered = caller.Await();
    ASSERT_TRUE(answered.ok()) << answered.status();
    digest = answered->grant_size() == 0 ? "" : answered->grant(0).job_spec_digest();
  }
  EXPECT_TRUE(desk_.GetJobSpec(old, digest).ok());
  const std::string newest = Open("node");
  EXPECT_TRUE(absl::IsFailedPrecondition(desk_.GetJobSpec(old, digest).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(desk_.GetJobSpec("nobody's", digest).status()));
  EXPECT_TRUE(desk_.GetJobSpec(newest, digest).ok());
}

TEST_F(LeaseDeskTest, AnOrderToDrainOutlivesTheDesk) {
  {
    LeaseDesk before(*store_, Clock::System(), {});
    rendernode::OpenSessionRequest request;
    request.set_node_id("node");
    request.set_protocol_min(1);
    request.set_protocol_max(1);
    const auto opened = before.OpenSession(request);
    ASSERT_TRUE(opened.ok()) << opened.status();
    Caller caller;
    rendernode::SyncRequest sync = Ask(opened->session(), 1);
    sync.set_want(0);
    sync.set_wait(false);
    before.Sync(sync, caller);
    ASSERT_TRUE(caller.Await().ok());
    ASSERT_TRUE(before.DrainNode("node", true).ok());
    EXPECT_TRUE(absl::IsNotFound(before.DrainNode("nobody", true)));
  }
  CreateJob(1);
  LeaseDesk after(*store_, Clock::System(), {.sync_interval = absl::Milliseconds(20)});
  rendernode::OpenSessionRequest request;
  request.set_node_id("node");
  request.set_protocol_min(1);
  request.set_protocol_max(1);
  const auto opened = after.OpenSession(request);
  ASSERT_TRUE(opened.ok()) << opened.status();
  Caller caller;
  after.Sync(Ask(opened->session(), 1), caller);
  const auto reply = caller.Await();
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->desired(), rendernode::DRAIN);
  EXPECT_THAT(reply->grant(), IsEmpty());
}

// ---------------------------------------------------------------- what an outage must not cost

// A desk whose time passes when told to, on a store that can be away.
class LeaseDeskOutageTest : public ::testing::Test {
 protected:
  static constexpr absl::Duration kTtl = absl::Seconds(30), kGrace = absl::Seconds(10);

  void SetUp() override {
    NewJob job{.id = "job_1", .tenant = "acme"};
    job.items.resize(1);
    job.items[0].spec.set_row(1);
    ASSERT_TRUE(store_->CreateJob(job, {}, clock_.Now()).ok());
    rendernode::OpenSessionRequest request;
    request.set_node_id("node");
    request.set_protocol_min(1);
    request.set_protocol_max(1);
    session_ = desk_.OpenSession(request)->session();
    const auto granted = Sync(/*want=*/1);
    ASSERT_TRUE(granted.ok()) << granted.status();
    ASSERT_EQ(granted->grant_size(), 1);
    ref_ = granted->grant(0).ref();
  }

  absl::StatusOr<rendernode::SyncResponse> Sync(std::uint32_t want) {
    rendernode::SyncRequest request;
    request.set_session(session_);
    request.set_seq(++seq_);
    request.set_state(rendernode::READY);
    request.set_want(want);
    if (want == 0) {
      *request.add_held()->mutable_ref() = ref_;
    } else {
      request.set_wait(true);
    }
    Caller caller;
    desk_.Sync(request, caller);
    return caller.Await();
  }

  // Time passes in steps that the desk keeps up with.
  void Pass(absl::Duration time) {
    for (; time > absl::ZeroDuration(); time -= absl::Seconds(5)) {
      clock_.Advance(std::min(time, absl::Seconds(5)));
      AwaitLook();
    }
  }

  bool ItemWaits() { return !ViewWaiting(*store_, 1, clock_.Now()).empty(); }

  const TempDir folder_ = *TempDir::Create("lease_desk");
  FakeClock clock_;
  const std::unique_ptr<Store> store_ = *OpenSqliteStore(
      folder_.path() / "store.db", {.lease = {.ttl = kTtl, .reassign_grace = kGrace}});
  FailingStore failing_{*store_};
  LeaseDesk desk_{failing_,
                  clock_,
                  {.lease = {.ttl = kTtl, .reassign_grace = kGrace},
                   .backlog = {.look_interval = absl::Milliseconds(1)}}};
  std::string session_;
  std::uint64_t seq_ = 0;
  rendernode::LeaseRef ref_;

 private:
  void AwaitLook() {
    const absl::Duration end = Clock::System().SinceBoot() + kPatience;
    while (failing_.expired_at() < clock_.Now() && Clock::System().SinceBoot() < end) {
      std::this_thread::yield();
    }
  }
};

TEST_F(LeaseDeskOutageTest, ASilentNodesLeaseIsLostInTheEnd) {
  Pass(kTtl + kGrace - absl::Seconds(5));
  EXPECT_FALSE(ItemWaits());
  Pass(absl::Seconds(10));
  EXPECT_TRUE(ItemWaits());
}

TEST_F(LeaseDeskOutageTest, NoLeaseIsLostBecauseTheStoreCouldNotNoteItsRenewal) {
  failing_.Fail(true);
  for (absl::Duration away; away < 3 * (kTtl + kGrace); away += absl::Seconds(5)) {
    Pass(absl::Seconds(5));
    EXPECT_TRUE(absl::IsUnavailable(Sync(0).status()));
  }
  failing_.Fail(false);
  Pass(kTtl);
  EXPECT_FALSE(ItemWaits()) << "the node has had no chance to renew";
  EXPECT_EQ(Sync(0)->renewed_size(), 1);
  Pass(kTtl);
  EXPECT_FALSE(ItemWaits());
  Pass(kGrace + absl::Seconds(5));
  EXPECT_TRUE(ItemWaits()) << "silent for as long as the store is back";
}

TEST_F(LeaseDeskOutageTest, NoLeaseIsLostBecauseTheCoordinatorItselfStoodStill) {
  clock_.Advance(absl::Hours(8));  // Suspended with the machine it runs on.
  Pass(kTtl);
  EXPECT_FALSE(ItemWaits());
  EXPECT_EQ(Sync(0)->renewed_size(), 1);
}

}  // namespace
}  // namespace rn
