// Two desks over one store: a node goes from one coordinator to the other, and comes back.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/bounded_queue.h"
#include "base/file.h"
#include "coordinator/lease_desk.h"
#include "coordinator/sqlite_store.h"

namespace rn {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);  // Ends a test that would hang.

class Caller final : public SyncCaller {
 public:
  void Reply(absl::StatusOr<rendernode::SyncResponse> response) override {
    replies_.Push(std::move(response));
  }
  bool gone() const override { return false; }
  absl::StatusOr<rendernode::SyncResponse> Await() {
    return replies_.PopFor(kPatience).value_or(absl::DeadlineExceededError("no reply"));
  }

 private:
  BoundedQueue<absl::StatusOr<rendernode::SyncResponse>> replies_{1};
};

class LeaseDeskReplicasTest : public ::testing::Test {
 protected:
  static std::string Open(LeaseDesk& desk) {
    rendernode::OpenSessionRequest request;
    request.set_node_id("node");
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
    return request;
  }
  static absl::Status Sync(LeaseDesk& desk, const std::string& session, std::uint64_t seq) {
    Caller caller;
    desk.Sync(Ask(session, seq), caller);
    return caller.Await().status();
  }

  const TempDir folder_ = *TempDir::Create("lease_desk");
  const std::unique_ptr<Store> store_ = *OpenSqliteStore(folder_.path() / "store.db");
  LeaseDesk here_{*store_, Clock::System(), {}}, there_{*store_, Clock::System(), {}};
};

TEST_F(LeaseDeskReplicasTest, ASessionGoesOnAtTheOtherDesk) {
  const std::string session = Open(here_);
  EXPECT_EQ(Sync(here_, session, 1), absl::OkStatus());
  EXPECT_EQ(Sync(there_, session, 2), absl::OkStatus());
  EXPECT_EQ(Sync(here_, session, 3), absl::OkStatus());
}

TEST_F(LeaseDeskReplicasTest, ANewerSessionFromTheOtherDeskReplacesTheOneKnownHere) {
  const std::string old = Open(here_);
  EXPECT_EQ(Sync(here_, old, 7), absl::OkStatus());
  const std::string newest = Open(there_);
  EXPECT_EQ(Sync(here_, newest, 1), absl::OkStatus()) << "the node came back";
  EXPECT_TRUE(absl::IsFailedPrecondition(Sync(here_, old, 8)));
  EXPECT_TRUE(absl::IsFailedPrecondition(Sync(there_, old, 9)));
  EXPECT_EQ(Sync(there_, newest, 2), absl::OkStatus());
}

TEST_F(LeaseDeskReplicasTest, ANodeIsDrainedAndUndrainedAtWhicheverDesk) {
  LeaseDesk patient(*store_, Clock::System(), {.sync_interval = absl::Minutes(10)});
  const std::string session = Open(patient);
  std::uint64_t seq = 0;
  for (const bool drain : {true, false}) {
    rendernode::SyncRequest waits = Ask(session, ++seq);
    waits.set_wait(true);
    Caller caller;
    patient.Sync(waits, caller);
    ASSERT_TRUE(there_.DrainNode("node", drain).ok());
    const auto told = caller.Await();
    ASSERT_TRUE(told.ok()) << told.status();
    EXPECT_EQ(told->desired(), drain ? rendernode::DRAIN : rendernode::RUN);
  }
  EXPECT_TRUE(absl::IsNotFound(there_.DrainNode("nobody", true)));
}

// It would be told at its next Sync; a Sync that waits is not to be waited for.
TEST_F(LeaseDeskReplicasTest, AWaitingNodeHearsOfACancellationThatThisDeskMayHaveMissed) {
  const absl::Time now = Clock::System().Now();
  NewJob job{.id = "job_1", .tenant = "acme"};
  job.items.emplace_back().spec.set_row(1);
  ASSERT_TRUE(store_->CreateJob(job, {}, now).ok());
  const std::string session = Open(here_);
  const auto leases = store_->Assign(session, {"job_1-1"}, now);
  ASSERT_TRUE(leases.ok() && leases->size() == 1) << leases.status();
  rendernode::SyncRequest waits = Ask(session, 1);
  waits.set_wait(true);
  *waits.add_held()->mutable_ref() = leases->at(0).ref();
  Caller caller;
  here_.Sync(waits, caller);
  ASSERT_TRUE(store_->CancelJob("acme", "job_1", now).ok());
  here_.OnAnything();
  const auto told = caller.Await();
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_EQ(told->cancel_size(), 1);
}

}  // namespace
}  // namespace rn
