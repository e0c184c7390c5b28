// Who may speak as which node: real gRPC connections with certificates and tokens.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/node_service.h"
#include "tests/coordinator/node_farm.h"
#include "tests/fakes/test_ca.h"

namespace rn {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

using rendernode::CommitItemResponse;
using rendernode::Lease;
using rendernode::OpenSessionResponse;

constexpr absl::Duration kOneSecond = absl::Seconds(1);

const LeaseDeskOptions kDesk{.sync_interval = absl::Minutes(10)};

std::string Contents(const std::filesystem::path& path) {
  return *ReadFile(path, 1 << 20);
}

class NodeTlsTest : public ::testing::Test {
 protected:
  NodeTlsTest() { server_ = ca_.Issue("server", {.names = "DNS:coordinator.test,IP:127.0.0.1"}); }

  NodeTlsOptions Tls() const {
    return {.cert_file = server_.certificate,
            .key_file = server_.key,
            .client_ca_file = ca_.path(),
            .refresh = kOneSecond};
  }
  void StartFarm(NodeServiceOptions options) {
    farm_ = std::make_unique<NodeFarm>(kDesk, std::move(options));
  }
  void StartFarm() { StartFarm({.address = "127.0.0.1:0", .tls = Tls()}); }

  // As another implementation would: gRPC's own SslCredentials.
  std::shared_ptr<grpc::ChannelCredentials> Credentials(const TestIdentity& identity) const {
    return grpc::SslCredentials({.pem_root_certs = Contents(ca_.path()),
                                 .pem_private_key = Contents(identity.key),
                                 .pem_cert_chain = Contents(identity.certificate)});
  }
  std::shared_ptr<grpc::ChannelCredentials> TokenCredentials(const std::string& token) const {
    return grpc::CompositeChannelCredentials(
        grpc::SslCredentials({.pem_root_certs = Contents(ca_.path())}),
        grpc::AccessTokenCredentials(token));
  }
  TestIdentity IdentityOf(const std::string& node_id) const {
    return ca_.Issue("node_" + node_id, {.names = "URI:rendernode://node/" + node_id});
  }
  StubNode Connect(const std::string& node_id, const TestIdentity& identity) {
    return {farm_->address(), node_id, Credentials(identity)};
  }
  StubNode Join(const std::string& node_id) {
    StubNode node = Connect(node_id, IdentityOf(node_id));
    node.MustOpen();
    return node;
  }

  static grpc::Status Open(StubNode node) {
    OpenSessionResponse response;
    return node.Open(&response);
  }

  // What each call but OpenSession says.
  static std::vector<grpc::StatusCode> CodesOfEveryCall(StubNode& node, const Lease& lease) {
    CommitItemResponse committed;
    rendernode::GetJobSpecResponse spec;
    return {node.Start(node.Ask(0, /*wait=*/false))->Status().error_code(),
            node.Commit(lease.ref(), &committed).error_code(),
            node.GetSpec(lease.job_spec_digest(), &spec).error_code(),
            node.Close().error_code()};
  }

  const TempDir folder_ = *TempDir::Create("node_tls");
  const TestCa ca_{folder_.path(), "ca"};
  TestIdentity server_;
  std::unique_ptr<NodeFarm> farm_;
};

TEST_F(NodeTlsTest, ANodeWithItsCertificateWorks) {
  StartFarm();
  StubNode node = Join("n");
  farm_->PostJob(1);
  const Lease lease = node.Take();
  CommitItemResponse response;
  ASSERT_TRUE(node.Commit(lease.ref(), &response).ok());
  EXPECT_EQ(response.verdict(), CommitItemResponse::COMMITTED);
  rendernode::GetJobSpecResponse spec;
  EXPECT_TRUE(node.GetSpec(lease.job_spec_digest(), &spec).ok());
  EXPECT_TRUE(node.Close().ok());
}

TEST_F(NodeTlsTest, ANodeMayNotOpenASessionUnderAnotherName) {
  StartFarm();
  const grpc::Status status = Open(Connect("other", IdentityOf("n")));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(status.error_message(), HasSubstr("node n may not open a session as node other"));
}

TEST_F(NodeTlsTest, WithoutACertificateNobodyGetsIn) {
  StartFarm();
  const auto anonymous = grpc::SslCredentials({.pem_root_certs = Contents(ca_.path())});
  EXPECT_EQ(Open({farm_->address(), "n", anonymous}).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Open({farm_->address(), "n"}).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(NodeTlsTest, ACertificateOfAnotherCaIsRefused) {
  StartFarm();
  const TestCa other(folder_.path(), "other_ca");
  const TestIdentity forged = other.Issue("forged", {.names = "URI:rendernode://node/n"});
  EXPECT_EQ(Open(Connect("n", forged)).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(NodeTlsTest, AnExpiredCertificateIsRefused) {
  StartFarm();
  const TestIdentity expired = ca_.Issue("expired",
                                         {.names = "URI:rendernode://node/n",
                                          .valid_from = -absl::Hours(2),
                                          .valid_until = -absl::Hours(1)});
  EXPECT_EQ(Open(Connect("n", expired)).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(NodeTlsTest, ACertificateThatNamesNoNodeIsRefused) {
  StartFarm();
  for (const char* names : {"DNS:n",
                            "URI:https://example.com/n",
                            "URI:rendernode://node/",
                            "URI:rendernode://node/n,URI:rendernode://node/m"}) {
    const grpc::Status status = Open(Connect("n", ca_.Issue("nameless", {.names = names})));
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED) << names;
    EXPECT_THAT(status.error_message(), HasSubstr("rendernode://node/<node_id>")) << names;
  }
}

TEST_F(NodeTlsTest, AStolenSessionIsOfNoUseToAnotherNode) {
  StartFarm();
  StubNode victim = Join("victim");
  farm_->PostJob(1);
  const Lease lease = victim.Take();
  StubNode thief = Join("thief");
  thief.UseSession(victim.session());
  EXPECT_THAT(CodesOfEveryCall(thief, lease), ::testing::Each(grpc::StatusCode::PERMISSION_DENIED));
  EXPECT_THAT(victim.Sync(victim.Hold(lease.ref(), /*wait=*/false)).renewed(), SizeIs(1));
  CommitItemResponse response;
  ASSERT_TRUE(victim.Commit(lease.ref(), &response).ok());
  EXPECT_EQ(response.verdict(), CommitItemResponse::COMMITTED);
}

TEST_F(NodeTlsTest, AnotherNodesLeaseIsNotCommittedInASessionOfOnesOwn) {
  StartFarm();
  StubNode holder = Join("holder");
  farm_->PostJob(1);
  const Lease lease = holder.Take();
  StubNode other = Join("other");
  CommitItemResponse response;
  ASSERT_TRUE(other.Commit(lease.ref(), &response).ok());
  EXPECT_EQ(response.verdict(), CommitItemResponse::SUPERSEDED);
  EXPECT_THAT(other.Sync(other.Hold(lease.ref(), /*wait=*/false)).cancel(), SizeIs(1));
  EXPECT_THAT(holder.Sync(holder.Hold(lease.ref(), /*wait=*/false)).renewed(), SizeIs(1));
}

TEST_F(NodeTlsTest, AnOldSessionReplayedByItsOwnNodeIsRefused) {
  StartFarm();
  StubNode node = Join("n");
  const std::string old = node.session();
  farm_->PostJob(1);
  const Lease lease = node.Take();
  StubNode newest = Join("n");
  node.UseSession(old);
  CommitItemResponse response;
  EXPECT_EQ(node.Start(node.Ask(0, /*wait=*/false))->Status().error_code(),
            grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(node.Commit(lease.ref(), &response).error_code(),
            grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_TRUE(node.Close().ok());  // Nothing is left to close; the newest stays.
  newest.Sync(newest.Ask(0, /*wait=*/false));
}

TEST_F(NodeTlsTest, OwnershipOutlivesARestartOfTheCoordinator) {
  StartFarm();
  const std::string session = Join("victim").session();
  farm_->StartService();
  StubNode thief = Join("thief");
  thief.UseSession(session);
  EXPECT_EQ(thief.Close().error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

class NodeTokenTest : public NodeTlsTest {
 protected:
  NodeServiceOptions WithTokens(bool certificates) const {
    NodeTlsOptions tls = Tls();
    if (!certificates) {
      tls.client_ca_file.clear();
    }
    return {.address = "127.0.0.1:0",
            .tls = tls,
            .tokens = {{"n", absl::StrCat(Sha256("old"), " ", Sha256("new"))},
                       {"m", Sha256("token of m")}}};
  }
  StubNode ConnectWith(const std::string& node_id, const std::string& token) {
    return {farm_->address(), node_id, TokenCredentials(token)};
  }
};

TEST_F(NodeTokenTest, ANodeIsWhoItsTokenSays) {
  StartFarm(WithTokens(/*certificates=*/false));
  EXPECT_TRUE(Open(ConnectWith("n", "old")).ok());
  EXPECT_TRUE(Open(ConnectWith("n", "new")).ok());
  EXPECT_EQ(Open(ConnectWith("m", "new")).error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(NodeTokenTest, AWrongOrAbsentTokenIsRefused) {
  StartFarm(WithTokens(/*certificates=*/false));
  EXPECT_EQ(Open(ConnectWith("n", "wrong")).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  const auto none = grpc::SslCredentials({.pem_root_certs = Contents(ca_.path())});
  EXPECT_EQ(Open({farm_->address(), "n", none}).error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(NodeTokenTest, TokensChangeUnderARunningServiceAndSessionsOfThoseThatStayGoOn) {
  StartFarm(WithTokens(/*certificates=*/false));
  StubNode kept = ConnectWith("n", "new");
  kept.MustOpen();
  StubNode gone = ConnectWith("m", "token of m");
  gone.MustOpen();
  const absl::Status status =
      farm_->service().SetTokens({{"n", Sha256("new")}, {"late", Sha256("token of late")}});
  ASSERT_TRUE(status.ok()) << status;
  kept.Sync(kept.Ask(0, /*wait=*/false));
  EXPECT_EQ(Open(ConnectWith("n", "old")).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(gone.Start(gone.Ask(0, /*wait=*/false))->Status().error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_TRUE(Open(ConnectWith("late", "token of late")).ok());
}

TEST_F(NodeTokenTest, TokensThatAreNoneOrFilesThatDoNotFitChangeNothing) {
  StartFarm(WithTokens(/*certificates=*/false));
  EXPECT_THAT(std::string(farm_->service().SetTokens({{"n", "new"}}).message()),
              HasSubstr("64 lower-case hex digits"));
  EXPECT_THAT(std::string(farm_->service().SetTokens({}).message()),
              HasSubstr("nodes need certificates or tokens"));
  const TestIdentity renewed = ca_.Issue("renewed", {.names = "IP:127.0.0.1"});
  std::filesystem::rename(renewed.key, server_.key);  // Its certificate is still to come.
  EXPECT_THAT(std::string(farm_->service().SetTokens({{"n", Sha256("newest")}}).message()),
              HasSubstr("server.key: is not the key of the certificate in"));
  EXPECT_TRUE(Open(ConnectWith("n", "new")).ok());
}

TEST_F(NodeTokenTest, AStolenSessionIsOfNoUseToAnotherToken) {
  StartFarm(WithTokens(/*certificates=*/false));
  StubNode victim = ConnectWith("n", "new");
  victim.MustOpen();
  farm_->PostJob(1);
  const Lease lease = victim.Take();
  StubNode thief = ConnectWith("m", "token of m");
  thief.UseSession(victim.session());
  EXPECT_THAT(CodesOfEveryCall(thief, lease), ::testing::Each(grpc::StatusCode::PERMISSION_DENIED));
}

TEST_F(NodeTokenTest, CertificateAndTokenMustBeOneNodes) {
  StartFarm(WithTokens(/*certificates=*/true));
  const auto both = [&](const std::string& node_id, const std::string& token) {
    return Open({farm_->address(),
                 node_id,
                 grpc::CompositeChannelCredentials(Credentials(IdentityOf(node_id)),
                                                   grpc::AccessTokenCredentials(token))});
  };
  EXPECT_TRUE(both("n", "new").ok());
  EXPECT_EQ(both("n", "token of m").error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Open(Connect("n", IdentityOf("n"))).error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(NodeTlsTest, ARenewedServerCertificateIsTakenUpWithoutARestart) {
  const TestSubject expired{
      .names = "IP:127.0.0.1", .valid_from = -absl::Hours(2), .valid_until = -absl::Hours(1)};
  server_ = ca_.Issue("server", expired);
  StartFarm();
  const TestIdentity identity = IdentityOf("n");
  EXPECT_EQ(Open(Connect("n", identity)).error_code(), grpc::StatusCode::UNAVAILABLE);
  ca_.Issue("server", {.names = "IP:127.0.0.1"});
  const absl::Duration end = Clock::System().SinceBoot() + kPatience;
  while (!Open(Connect("n", identity)).ok()) {
    ASSERT_LT(Clock::System().SinceBoot(), end) << "the renewed certificate was never used";
    absl::SleepFor(absl::Milliseconds(50));
  }
}

TEST_F(NodeTlsTest, ANewCaEndsOldCertificatesAndNoSession) {
  NodeTlsOptions tls = Tls();
  tls.client_ca_file = folder_.path() / "clients.crt";
  ASSERT_TRUE(WriteFileDurably(tls.client_ca_file, Contents(ca_.path())).ok());
  StartFarm({.address = "127.0.0.1:0", .tls = tls});
  StubNode node = Join("n");
  const auto sync = node.WaitFor(1);
  farm_->AwaitWaiting(1);
  const TestCa next(folder_.path(), "next_ca");
  ASSERT_TRUE(WriteFileDurably(tls.client_ca_file, Contents(next.path())).ok());
  const TestIdentity renewed = next.Issue("renewed", {.names = "URI:rendernode://node/m"});
  const absl::Duration end = Clock::System().SinceBoot() + kPatience;
  while (!Open(Connect("m", renewed)).ok()) {
    ASSERT_LT(Clock::System().SinceBoot(), end) << "the new CA was never used";
    absl::SleepFor(absl::Milliseconds(50));
  }
  EXPECT_EQ(Open(Connect("late", IdentityOf("late"))).error_code(), grpc::StatusCode::UNAVAILABLE);
  farm_->PostJob(1);
  EXPECT_THAT(sync->Reply().grant(), SizeIs(1));
}

TEST_F(NodeTlsTest, AConnectionIsLookedAtAnewWhenItIsOld) {
  NodeTlsOptions tls = Tls();
  tls.client_ca_file = folder_.path() / "clients.crt";
  tls.connection_age_max = kOneSecond;
  ASSERT_TRUE(WriteFileDurably(tls.client_ca_file, Contents(ca_.path())).ok());
  StartFarm({.address = "127.0.0.1:0", .tls = tls});
  StubNode node = Join("n");
  const TestCa next(folder_.path(), "next_ca");
  ASSERT_TRUE(WriteFileDurably(tls.client_ca_file, Contents(next.path())).ok());
  const absl::Duration end = Clock::System().SinceBoot() + kPatience;
  while (node.Start(node.Ask(0, /*wait=*/false))->Status().ok()) {
    ASSERT_LT(Clock::System().SinceBoot(), end) << "the old connection is never ended";
    absl::SleepFor(absl::Milliseconds(50));
  }
}

TEST_F(NodeTlsTest, WhatIsWrongWithOurFilesIsSaid) {
  farm_ = std::make_unique<NodeFarm>();
  const auto start = [&](const NodeTlsOptions& tls) {
    const auto service = NodeService::Start(farm_->desk(), {.address = "127.0.0.1:0", .tls = tls});
    return std::string(service.status().message());
  };
  NodeTlsOptions absent = Tls();
  absent.cert_file = folder_.path() / "absent.crt";
  EXPECT_THAT(start(absent), HasSubstr("absent.crt"));
  NodeTlsOptions mixed = Tls();
  mixed.key_file = IdentityOf("n").key;
  EXPECT_THAT(start(mixed), HasSubstr("node_n.key: is not the key of the certificate in"));
  NodeTlsOptions anybody = Tls();
  anybody.client_ca_file.clear();
  EXPECT_THAT(start(anybody), HasSubstr("with TLS nodes need certificates or tokens"));
  NodeTlsOptions open = Tls();
  std::filesystem::permissions(open.key_file, std::filesystem::perms(0644));
  EXPECT_THAT(start(open), HasSubstr("mode 0644 lets others at a secret"));
}

}  // namespace
}  // namespace rn
