// The node's own lease client against the node service.
#include "daemon/lease_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <variant>

#include "absl/strings/str_cat.h"
#include "tests/coordinator/node_farm.h"
#include "tests/fakes/test_ca.h"

namespace rn {
namespace {

using ::testing::HasSubstr;
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

// The client's own side of TLS and tokens.
class LeaseClientTlsTest : public ::testing::Test {
 protected:
  LeaseClientTlsTest() {
    server_ = ca_.Issue("server", {.names = "DNS:coordinator.test"});
    node_ = ca_.Issue("node", {.names = "URI:rendernode://node/n"});
    security_ = {.ca_file = ca_.path(),
                 .cert_file = node_.certificate,
                 .key_file = node_.key,
                 .server_name = "coordinator.test",
                 .refresh = absl::Seconds(1)};
    tls_ = {.cert_file = server_.certificate,
            .key_file = server_.key,
            .client_ca_file = ca_.path(),
            .refresh = absl::Seconds(1)};
  }
  ~LeaseClientTlsTest() override { events_.Close(); }

  void StartFarm(std::map<std::string, std::string> tokens = {}) {
    farm_ = std::make_unique<NodeFarm>(
        LeaseDeskOptions{.sync_interval = absl::Minutes(10)},
        NodeServiceOptions{.address = "127.0.0.1:0", .tls = tls_, .tokens = std::move(tokens)});
  }
  absl::Status Connect() { return ConnectTo(farm_->address()); }
  absl::Status ConnectTo(const std::string& coordinators) {
    client_.reset();
    auto client = LeaseClient::Create({.coordinator = coordinators,
                                       .node_id = "n",
                                       .security = security_,
                                       .job_spec_folder = folder_.path() / "specs"},
                                      Clock::System(),
                                      [this](Event event) { events_.Push(std::move(event)); });
    RETURN_IF_ERROR(client.status());
    client_ = *std::move(client);
    return absl::OkStatus();
  }
  // What became of it.
  absl::Status Open() {
    OpenSession open;
    open.request.set_node_id("n");
    open.request.set_protocol_min(1);
    open.request.set_protocol_max(1);
    client_->Do(std::move(open));
    const std::optional<Event> event = events_.PopFor(kPatience);
    if (!event.has_value()) {
      return absl::InternalError("no event");
    }
    const auto* failed = std::get_if<SessionFailed>(&*event);
    return failed == nullptr ? absl::OkStatus() : failed->status;
  }
  absl::Status ConnectAndOpen() {
    RETURN_IF_ERROR(Connect());
    return Open();
  }
  void WriteToken(const std::string& token) {
    const std::filesystem::path path = folder_.path() / "token";
    ASSERT_TRUE(WriteFileDurably(path, token + "\n").ok());
    std::filesystem::permissions(path, std::filesystem::perms(0640));
    security_.token_file = path;
  }

  const TempDir folder_ = *TempDir::Create("lease_client_tls");
  const TestCa ca_{folder_.path(), "ca"};
  TestIdentity server_, node_;
  NodeTlsOptions tls_;
  CoordinatorSecurity security_;
  BoundedQueue<Event> events_{100};
  std::unique_ptr<NodeFarm> farm_;
  std::unique_ptr<LeaseClient> client_;
};

TEST_F(LeaseClientTlsTest, NodeAndCoordinatorKnowEachOther) {
  StartFarm();
  EXPECT_TRUE(ConnectAndOpen().ok());
}

TEST_F(LeaseClientTlsTest, ACoordinatorOfAnotherCaIsNotBelieved) {
  StartFarm();
  security_.ca_file = TestCa(folder_.path(), "other_ca").path();
  EXPECT_TRUE(absl::IsUnavailable(ConnectAndOpen()));
}

TEST_F(LeaseClientTlsTest, ACoordinatorUnderAnotherNameIsNotBelieved) {
  StartFarm();
  security_.server_name.clear();  // 127.0.0.1 is not in its certificate.
  EXPECT_TRUE(absl::IsUnavailable(ConnectAndOpen()));
  security_.server_name = "another.test";
  EXPECT_TRUE(absl::IsUnavailable(ConnectAndOpen()));
}

TEST_F(LeaseClientTlsTest, OfSeveralCoordinatorsEachMustBeBelieved) {
  StartFarm();
  const TestIdentity other = ca_.Issue("other", {.names = "DNS:another.test"});
  NodeFarm impostor(LeaseDeskOptions{.sync_interval = absl::Minutes(10)},
                    NodeServiceOptions{.address = "127.0.0.1:0",
                                       .tls = NodeTlsOptions{.cert_file = other.certificate,
                                                             .key_file = other.key,
                                                             .client_ca_file = ca_.path()}});
  ASSERT_TRUE(ConnectTo(absl::StrCat(impostor.address(), ",", farm_->address())).ok());
  EXPECT_TRUE(absl::IsUnavailable(Open()));
  EXPECT_TRUE(Open().ok()) << "at the other one";
}

TEST_F(LeaseClientTlsTest, AnExpiredCoordinatorIsNotBelieved) {
  ca_.Issue("server",
            {.names = "DNS:coordinator.test",
             .valid_from = -absl::Hours(2),
             .valid_until = -absl::Hours(1)});
  StartFarm();
  EXPECT_TRUE(absl::IsUnavailable(ConnectAndOpen()));
}

TEST_F(LeaseClientTlsTest, WithoutTlsATlsCoordinatorIsNotReached) {
  StartFarm();
  security_ = {};
  EXPECT_TRUE(absl::IsUnavailable(ConnectAndOpen()));
}

TEST_F(LeaseClientTlsTest, OurRenewedCertificateIsTakenUpWithoutARestart) {
  StartFarm();
  ca_.Issue("node",
            {.names = "URI:rendernode://node/n",
             .valid_from = -absl::Hours(2),
             .valid_until = -absl::Hours(1)});
  ASSERT_TRUE(Connect().ok());
  EXPECT_TRUE(absl::IsUnavailable(Open()));
  ca_.Issue("node", {.names = "URI:rendernode://node/n"});
  const absl::Duration end = Clock::System().SinceBoot() + kPatience;
  while (!Open().ok()) {
    ASSERT_LT(Clock::System().SinceBoot(), end) << "the renewed certificate was never used";
    absl::SleepFor(absl::Milliseconds(100));
  }
}

TEST_F(LeaseClientTlsTest, ATokenInsteadOfACertificate) {
  tls_.client_ca_file.clear();
  security_.cert_file.clear();
  security_.key_file.clear();
  StartFarm({{"n", Sha256("good")}});
  WriteToken("good");
  EXPECT_TRUE(ConnectAndOpen().ok());
  WriteToken("wrong");
  EXPECT_TRUE(absl::IsUnauthenticated(Open()));
  WriteToken("good");
  EXPECT_TRUE(Open().ok());
  std::filesystem::remove(security_.token_file);
  EXPECT_TRUE(Open().ok());  // With the last that there was.
}

TEST_F(LeaseClientTlsTest, WhatIsWrongWithOurFilesIsSaid) {
  StartFarm();
  const CoordinatorSecurity good = security_;
  const auto message = [&] { return std::string(Connect().message()); };
  security_.cert_file = ca_.Issue("b", {.names = "URI:rendernode://node/b"}).certificate;
  security_.key_file = folder_.path() / "b.key";
  EXPECT_THAT(message(), HasSubstr("b.crt: is node b's certificate, and node_id is n"));
  security_ = good;
  security_.cert_file = ca_.Issue("c", {.names = "DNS:n"}).certificate;
  security_.key_file = folder_.path() / "c.key";
  EXPECT_THAT(message(), HasSubstr("needs one URI \"rendernode://node/<node_id>\""));
  security_ = good;
  security_.key_file = folder_.path() / "b.key";
  EXPECT_THAT(message(), HasSubstr("b.key: is not the key of the certificate in"));
  security_ = good;
  security_.ca_file = folder_.path() / "absent.crt";
  EXPECT_THAT(message(), HasSubstr("coordinator.ca_file"));
  security_ = good;
  WriteToken("secret");
  std::filesystem::permissions(security_.token_file, std::filesystem::perms(0644));
  EXPECT_THAT(message(), HasSubstr("mode 0644 lets others at a secret"));
  EXPECT_THAT(message(), ::testing::Not(HasSubstr("secret\n")));
}

}  // namespace
}  // namespace rn
