// The node service over a real gRPC connection and a real store.
#include "coordinator/node_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <set>

#include "proto/health.grpc.pb.h"
#include "tests/coordinator/node_farm.h"

namespace rn {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using rendernode::CommitItemResponse;
using rendernode::Lease;
using rendernode::OpenSessionResponse;
using rendernode::SyncResponse;

class NodeServiceTest : public ::testing::Test {
 protected:
  NodeFarm farm_;
};

TEST_F(NodeServiceTest, SyncIsHeldOpenUntilWorkArrives) {
  StubNode node = farm_.Join("n");
  const auto sync = node.WaitFor(2);
  farm_.AwaitWaiting(1);
  const std::string job = farm_.PostJob(3);
  const SyncResponse& reply = sync->Reply();
  ASSERT_THAT(reply.grant(), SizeIs(2));
  const Lease& lease = reply.grant(0);
  EXPECT_EQ(lease.job_id(), job);
  EXPECT_EQ(lease.item().row(), 1U);
  EXPECT_EQ(
      lease.output_prefix(),
      absl::StrCat("videos/", job, "/", lease.ref().item_id(), "/", lease.ref().fence(), "/"));
}

TEST_F(NodeServiceTest, ANodeThatDoesNotWaitIsAnsweredAtOnce) {
  StubNode node = farm_.Join("n");
  const SyncResponse reply = node.Sync(node.Ask(/*want=*/2, /*wait=*/false));
  EXPECT_THAT(reply.grant(), IsEmpty());
  EXPECT_EQ(reply.desired(), rendernode::RUN);
  EXPECT_EQ(reply.timing().lease_ttl_ms(), 30'000U);
}

TEST(NodeServiceHold, AWaitingSyncIsAnsweredAfterTheInterval) {
  NodeFarm farm({.sync_interval = absl::Milliseconds(20)});
  StubNode node = farm.Join("n");
  EXPECT_THAT(node.WaitFor(1)->Reply().grant(), IsEmpty());
}

TEST_F(NodeServiceTest, ANodeThatIsNotReadyGetsNothing) {
  StubNode node = farm_.Join("n");
  farm_.PostJob(1);
  rendernode::SyncRequest request = node.Ask(/*want=*/1, /*wait=*/false);
  request.set_state(rendernode::DRAINING);
  EXPECT_THAT(node.Sync(request).grant(), IsEmpty());
}

TEST_F(NodeServiceTest, NewestSessionEndsTheOldOnesSync) {
  StubNode old = farm_.Join("n");
  const auto sync = old.WaitFor(1);
  farm_.AwaitWaiting(1);
  StubNode newest = farm_.Join("n");
  EXPECT_EQ(sync->Status().error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(old.WaitFor(1)->Status().error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  farm_.PostJob(1);
  EXPECT_EQ(newest.Take().ref().fence(), 1U);
}

TEST_F(NodeServiceTest, ASessionThatNobodyOpenedIsRefused) {
  StubNode node = farm_.Connect("n");
  EXPECT_EQ(node.WaitFor(1)->Status().error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(NodeServiceTest, ALaterSyncOvertakesTheOneThatWaits) {
  StubNode node = farm_.Join("n");
  const auto first = node.WaitFor(1);
  farm_.AwaitWaiting(1);
  const auto second = node.WaitFor(1);
  EXPECT_EQ(first->Status().error_code(), grpc::StatusCode::ABORTED);
  farm_.PostJob(1);
  EXPECT_THAT(second->Reply().grant(), SizeIs(1));
}

TEST_F(NodeServiceTest, CommitIsAnsweredTwiceWithDuplicate) {
  StubNode node = farm_.Join("n");
  farm_.PostJob(1);
  const Lease lease = node.Take();
  CommitItemResponse response;
  ASSERT_TRUE(node.Commit(lease.ref(), &response).ok());
  EXPECT_EQ(response.verdict(), CommitItemResponse::COMMITTED);
  ASSERT_TRUE(node.Commit(lease.ref(), &response).ok());
  EXPECT_EQ(response.verdict(), CommitItemResponse::DUPLICATE);
}

TEST_F(NodeServiceTest, AnInterruptedItemGoesToANodeThatWaits) {
  StubNode first = farm_.Join("first");
  farm_.PostJob(1);
  const Lease lease = first.Take();
  StubNode second = farm_.Join("second");
  const auto sync = second.WaitFor(1);
  farm_.AwaitWaiting(1);
  CommitItemResponse response;
  ASSERT_TRUE(first.Commit(lease.ref(), &response, rendernode::INTERRUPTED).ok());
  ASSERT_THAT(sync->Reply().grant(), SizeIs(1));
  EXPECT_GT(sync->Reply().grant(0).ref().fence(), lease.ref().fence());
}

TEST_F(NodeServiceTest, StoreOutageNeverReadsAsLeaseMissing) {
  StubNode node = farm_.Join("n");
  farm_.PostJob(1);
  const Lease lease = node.Take();
  farm_.failing().Fail(true);
  EXPECT_EQ(node.Start(node.Hold(lease.ref(), /*wait=*/true))->Status().error_code(),
            grpc::StatusCode::UNAVAILABLE);
  CommitItemResponse committed;
  EXPECT_EQ(node.Commit(lease.ref(), &committed).error_code(), grpc::StatusCode::UNAVAILABLE);
  rendernode::GetJobSpecResponse spec;
  EXPECT_EQ(node.GetSpec(lease.job_spec_digest(), &spec).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(node.Close().error_code(), grpc::StatusCode::UNAVAILABLE);
  OpenSessionResponse opened;
  EXPECT_EQ(farm_.Connect("m").Open(&opened).error_code(), grpc::StatusCode::UNAVAILABLE);

  farm_.failing().Fail(false);
  const SyncResponse reply = node.Sync(node.Hold(lease.ref(), /*wait=*/false));
  EXPECT_THAT(reply.renewed(), SizeIs(1));
  EXPECT_THAT(reply.cancel(), IsEmpty());
}

TEST_F(NodeServiceTest, AWaitingNodeOutlastsAnOutageOfTheStore) {
  StubNode node = farm_.Join("n");
  const auto sync = node.WaitFor(1);
  farm_.AwaitWaiting(1);
  farm_.failing().Fail(true);
  farm_.PostJob(1);
  farm_.failing().Fail(false);
  EXPECT_THAT(sync->Reply().grant(), SizeIs(1));
}

TEST_F(NodeServiceTest, VersionsThatDoNotOverlapAreRefused) {
  OpenSessionResponse response;
  const grpc::Status newer = farm_.Connect("n").Open(&response, 2, 3);
  EXPECT_EQ(newer.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(newer.error_message(),
              HasSubstr("coordinator speaks protocol 1-1, this node 2-3: update the coordinator"));
  EXPECT_THAT(farm_.Connect("n").Open(&response, 0, 0).error_message(),
              HasSubstr("update the node"));
  ASSERT_TRUE(farm_.Connect("n").Open(&response, 0, 9).ok());
  EXPECT_EQ(response.protocol(), 1U);
}

TEST_F(NodeServiceTest, ANodeWithoutANameIsRefused) {
  for (const char* name : {"", "two words", "a\nb"}) {
    OpenSessionResponse response;
    EXPECT_EQ(farm_.Connect(name).Open(&response).error_code(), grpc::StatusCode::INVALID_ARGUMENT)
        << name;
  }
}

TEST_F(NodeServiceTest, CancelReachesTheHolderAtOnce) {
  StubNode node = farm_.Join("n");
  const std::string job = farm_.PostJob(1);
  const Lease lease = node.Take();
  const auto sync = node.Start(node.Hold(lease.ref(), /*wait=*/true));
  farm_.AwaitWaiting(1);
  ASSERT_TRUE(farm_.store().CancelJob("acme", job, Clock::System().Now()).ok());
  farm_.desk().OnJobCanceled(job);
  ASSERT_THAT(sync->Reply().cancel(), SizeIs(1));
  EXPECT_EQ(sync->Reply().cancel(0).item_id(), lease.ref().item_id());
}

TEST_F(NodeServiceTest, CancelOfAnotherJobLeavesTheHolderWaiting) {
  StubNode node = farm_.Join("n");
  farm_.PostJob(1);
  const Lease lease = node.Take();
  const auto sync = node.Start(node.Hold(lease.ref(), /*wait=*/true));
  farm_.AwaitWaiting(1);
  const std::string other = farm_.CreateJob(1);
  ASSERT_TRUE(farm_.store().CancelJob("acme", other, Clock::System().Now()).ok());
  farm_.desk().OnJobCanceled(other);
  farm_.service().Stop();  // Answers whoever waits, which is how we know that it did.
  EXPECT_THAT(sync->Reply().renewed(), SizeIs(1));
  EXPECT_THAT(sync->Reply().cancel(), IsEmpty());
}

TEST_F(NodeServiceTest, AGrantWhoseReplyWasLostIsGrantedAgain) {
  StubNode node = farm_.Join("n");
  farm_.PostJob(2);
  const Lease lease = node.Take();
  const SyncResponse again = node.Sync(node.Ask(/*want=*/1, /*wait=*/true));
  ASSERT_THAT(again.grant(), SizeIs(1));
  EXPECT_EQ(again.grant(0).SerializeAsString(), lease.SerializeAsString());
  const SyncResponse renewed = node.Sync(node.Hold(lease.ref(), /*wait=*/false));
  EXPECT_THAT(renewed.renewed(), SizeIs(1));
  EXPECT_THAT(renewed.grant(), IsEmpty());
}

TEST_F(NodeServiceTest, AReleasedLeaseGoesToANodeThatWaits) {
  StubNode first = farm_.Join("first");
  farm_.PostJob(1);
  const Lease lease = first.Take();
  StubNode second = farm_.Join("second");
  const auto sync = second.WaitFor(1);
  farm_.AwaitWaiting(1);
  rendernode::SyncRequest release = first.Ask(/*want=*/0, /*wait=*/false);
  *release.add_released() = lease.ref();
  first.Sync(release);
  ASSERT_THAT(sync->Reply().grant(), SizeIs(1));
  EXPECT_GT(sync->Reply().grant(0).ref().fence(), lease.ref().fence());
}

TEST_F(NodeServiceTest, AClosedSessionGivesEverythingBackAtOnce) {
  StubNode first = farm_.Join("first");
  farm_.PostJob(1);
  first.Take();
  StubNode second = farm_.Join("second");
  const auto sync = second.WaitFor(1);
  farm_.AwaitWaiting(1);
  ASSERT_TRUE(first.Close().ok());
  EXPECT_THAT(sync->Reply().grant(), SizeIs(1));
}

TEST(NodeServiceExpiry, ASilentNodesLeaseGoesToAnother) {
  NodeFarm farm({.sync_interval = absl::Minutes(10),
                 .lease = {.ttl = absl::Milliseconds(50), .reassign_grace = absl::Milliseconds(10)},
                 .expire_interval = absl::Milliseconds(5)});
  StubNode silent = farm.Join("silent");
  farm.PostJob(1);
  const Lease lease = silent.Take();
  StubNode other = farm.Join("other");
  EXPECT_GT(other.Take().ref().fence(), lease.ref().fence());
  const SyncResponse late = silent.Sync(silent.Hold(lease.ref(), /*wait=*/false));
  EXPECT_THAT(late.cancel(), SizeIs(1));
  CommitItemResponse response;
  ASSERT_TRUE(silent.Commit(lease.ref(), &response).ok());
  EXPECT_EQ(response.verdict(), CommitItemResponse::SUPERSEDED);
}

TEST_F(NodeServiceTest, JobSpecsAreServedByDigest) {
  StubNode node = farm_.Join("n");
  const std::string job = farm_.PostJob(1);
  const Lease lease = node.Take();
  rendernode::GetJobSpecResponse response;
  ASSERT_TRUE(node.GetSpec(lease.job_spec_digest(), &response).ok());
  EXPECT_EQ(Sha256(response.job_spec()), lease.job_spec_digest());
  EXPECT_EQ(node.GetSpec(Sha256("another"), &response).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST(NodeServiceSpecs, OneBeyondTheLimitIsRefusedForGoodAndTheLimitNamed) {
  NodeFarm farm({.sync_interval = absl::Minutes(10)},
                {.address = "127.0.0.1:0", .job_spec_bytes_max = 5});
  StubNode node = farm.Join("n");
  farm.PostJob(1);
  const Lease lease = node.Take();
  rendernode::GetJobSpecResponse response;
  const grpc::Status status = node.GetSpec(lease.job_spec_digest(), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_THAT(status.error_message(), ::testing::HasSubstr("nodes.job_spec_max = 5"));
}

TEST_F(NodeServiceTest, ACallerThatLeavesDoesNotWaitAnyMore) {
  StubNode node = farm_.Join("n");
  const auto sync = node.WaitFor(1);
  farm_.AwaitWaiting(1);
  sync->Cancel();
  farm_.AwaitWaiting(0);
}

TEST_F(NodeServiceTest, StoppingAnswersWaitingSyncsAtOnce) {
  StubNode node = farm_.Join("n");
  const auto sync = node.WaitFor(1);
  farm_.AwaitWaiting(1);
  farm_.service().Stop();
  EXPECT_THAT(sync->Reply().grant(), IsEmpty());
}

TEST_F(NodeServiceTest, SessionsAndLeasesOutliveARestartOfTheCoordinator) {
  StubNode node = farm_.Join("n");
  farm_.PostJob(1);
  const Lease lease = node.Take();
  rendernode::SyncRequest hold = node.Hold(lease.ref(), /*wait=*/false);
  farm_.StartService();
  EXPECT_THAT(farm_.Connect("n").Sync(hold).renewed(), SizeIs(1));
}

TEST_F(NodeServiceTest, ManyNodesWaitAndEachGetsAnItemOfItsOwn) {
  constexpr int kNodes = 100;  // Many more than there are threads.
  std::vector<StubNode> nodes;
  std::vector<std::unique_ptr<PendingSync>> syncs;
  for (int i = 0; i < kNodes; ++i) {
    nodes.push_back(farm_.Join(absl::StrCat("n", i)));
  }
  for (StubNode& node : nodes) {
    syncs.push_back(node.WaitFor(1));
  }
  farm_.AwaitWaiting(kNodes);
  farm_.PostJob(kNodes);
  std::set<std::string> items;
  for (const auto& sync : syncs) {
    ASSERT_THAT(sync->Reply().grant(), SizeIs(1));
    items.insert(sync->Reply().grant(0).ref().item_id());
  }
  EXPECT_THAT(items, SizeIs(kNodes));
}

TEST_F(NodeServiceTest, AnAddressBeyondThisMachineIsRefused) {
  const auto service = NodeService::Start(farm_.desk(), {.address = "0.0.0.0:0"});
  EXPECT_TRUE(absl::IsInvalidArgument(service.status())) << service.status();
}

TEST_F(NodeServiceTest, APortThatIsTakenIsAnError) {
  const auto service = NodeService::Start(farm_.desk(), {.address = farm_.address()});
  EXPECT_TRUE(absl::IsUnavailable(service.status())) << service.status();
}

grpc::health::v1::HealthCheckResponse::ServingStatus HealthOf(const NodeFarm& farm) {
  const auto stub = grpc::health::v1::Health::NewStub(
      grpc::CreateChannel(farm.address(), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(PatienceEnds());
  grpc::health::v1::HealthCheckResponse response;
  const grpc::Status status = stub->Check(&context, {}, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.status();
}

TEST_F(NodeServiceTest, HealthIsTheStores) {
  EXPECT_EQ(HealthOf(farm_), grpc::health::v1::HealthCheckResponse::SERVING);
  farm_.failing().Fail(true);
  EXPECT_EQ(HealthOf(farm_), grpc::health::v1::HealthCheckResponse::NOT_SERVING);
}

TEST_F(NodeServiceTest, GrantsCommitsAndNodesAreCounted) {
  StubNode node = farm_.Join("n");
  farm_.PostJob(2);
  const Lease lease = node.Take();
  CommitItemResponse response;
  ASSERT_TRUE(node.Commit(lease.ref(), &response).ok());
  const std::string text =
      prometheus::TextSerializer().Serialize(farm_.service().metrics().registry()->Collect());
  EXPECT_THAT(text, HasSubstr("rendernode_coordinator_leases_granted_total 1"));
  EXPECT_THAT(text,
              HasSubstr("rendernode_coordinator_commits_total{outcome=\"succeeded\",verdict="
                        "\"committed\"} 1"));
  EXPECT_THAT(text, HasSubstr("rendernode_coordinator_node_call_seconds_count{call=\"Sync\"} 1"));
  const std::string gauges =
      prometheus::TextSerializer().Serialize(DeskMetrics(farm_.desk()).Collect());
  EXPECT_THAT(gauges, HasSubstr("rendernode_coordinator_nodes 1"));
}

}  // namespace
}  // namespace rn
