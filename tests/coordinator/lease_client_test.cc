// The node's own lease client against the node service.
#include "daemon/lease_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <variant>

#include "tests/coordinator/node_farm.h"

namespace rn {
namespace {

using ::testing::SizeIs;

class LeaseClientMeetsServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto client = LeaseClient::Create(
        {.coordinator = farm_.address(), .job_spec_folder = folder_.path() / "specs"},
        Clock::System(),
        [this](Event event) { events_.Push(std::move(event)); });
    ASSERT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
  }
  void TearDown() override { events_.Close(); }

  template <typename T>
  T Next() {
    std::optional<Event> event = events_.PopFor(kPatience);
    if (!event.has_value() || !std::holds_alternative<T>(*event)) {
      ADD_FAILURE() << (event.has_value() ? "another event came first" : "no event");
      return T{};
    }
    return std::get<T>(*std::move(event));
  }

  void Open() {
    OpenSession open;
    open.request.set_node_id("n");
    open.request.set_protocol_min(1);
    open.request.set_protocol_max(1);
    client_->Do(std::move(open));
    session_ = Next<SessionOpened>().response.session();
    ASSERT_FALSE(session_.empty());
  }

  rn::Sync WaitFor(std::uint32_t want) {
    rn::Sync sync;
    sync.request.set_session(session_);
    sync.request.set_seq(++seq_);
    sync.request.set_state(rendernode::READY);
    sync.request.set_want(want);
    sync.request.set_wait(true);
    return sync;
  }

  NodeFarm farm_;
  const TempDir folder_ = *TempDir::Create("lease_client");
  BoundedQueue<Event> events_{100};
  std::string session_;
  std::uint64_t seq_ = 0;
  std::unique_ptr<LeaseClient> client_;
};

TEST_F(LeaseClientMeetsServiceTest, AnItemIsGrantedLookedUpAndCommitted) {
  Open();
  client_->Do(WaitFor(1));
  farm_.AwaitWaiting(1);
  const std::string job = farm_.PostJob(1);
  const auto answered = Next<SyncAnswered>();
  ASSERT_THAT(answered.response.grant(), SizeIs(1));
  const rendernode::Lease& lease = answered.response.grant(0);
  const auto spec = client_->GetJobSpec(lease.job_spec_digest());
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ((*spec)->job_id(), job);
  Commit commit;
  commit.request.set_session(session_);
  *commit.request.mutable_ref() = lease.ref();
  commit.request.mutable_result()->set_outcome(rendernode::SUCCEEDED);
  client_->Do(commit);
  EXPECT_EQ(Next<CommitAnswered>().verdict, rendernode::CommitItemResponse::COMMITTED);
  client_->Do(commit);
  EXPECT_EQ(Next<CommitAnswered>().verdict, rendernode::CommitItemResponse::DUPLICATE);
}

// The reply with the grant may be on its way when the node cuts its Sync short.
TEST_F(LeaseClientMeetsServiceTest, ALeaseGrantedToASyncThatWasCutIsNotLost) {
  Open();
  client_->Do(WaitFor(1));
  farm_.AwaitWaiting(1);
  client_->Do(CutSync{});
  EXPECT_TRUE(absl::IsCancelled(Next<SyncFailed>().status));
  farm_.PostJob(1);
  client_->Do(WaitFor(1));
  EXPECT_THAT(Next<SyncAnswered>().response.grant(), SizeIs(1));
}

TEST_F(LeaseClientMeetsServiceTest, ARestartOfTheCoordinatorIsAnErrorThatPasses) {
  Open();
  client_->Do(WaitFor(1));
  farm_.AwaitWaiting(1);
  farm_.service().Stop();
  EXPECT_TRUE(Next<SyncAnswered>().response.grant().empty());
  client_->Do(WaitFor(1));
  EXPECT_TRUE(absl::IsUnavailable(Next<SyncFailed>().status));
}

TEST_F(LeaseClientMeetsServiceTest, ANewerSessionIsARefusalThatTheNodeUnderstands) {
  Open();
  client_->Do(WaitFor(1));
  farm_.AwaitWaiting(1);
  farm_.Join("n");
  EXPECT_TRUE(absl::IsFailedPrecondition(Next<SyncFailed>().status));
}

TEST_F(LeaseClientMeetsServiceTest, AClosedSessionIsAnswered) {
  Open();
  CloseSession close;
  close.request.set_session(session_);
  client_->Do(std::move(close));
  EXPECT_TRUE(Next<SessionClosed>().status.ok());
}

}  // namespace
}  // namespace rn
