// A whole farm whose nodes and coordinator know each other by certificates: docs/security.md.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "proto/node.grpc.pb.h"
#include "tests/e2e/farm.h"
#include "tests/fakes/test_ca.h"

namespace rn {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(120);
constexpr int kNodes = 2;

std::string NodeName(int node) {
  return absl::StrCat("URI:rendernode://node/", Farm::NodeId(node));
}

std::string Contents(const std::filesystem::path& path) {
  return *ReadFile(path, 1 << 20);
}

class TlsFarmTest : public ::testing::Test {
 protected:
  TlsFarmTest() { IssueAll(ca_); }

  void TearDown() override {
    if (HasFailure() && farm_ != nullptr) {
      std::printf("%s\n", farm_->Logs().c_str());
    }
  }

  // Everybody's files, and whom they believe, in the old ones' place.
  void IssueAll(const TestCa& ca) {
    ASSERT_TRUE(WriteFileDurably(trusted_, Contents(ca.path())).ok());
    ca.Issue("coordinator", {.names = "IP:127.0.0.1"});
    for (int node = 0; node < kNodes; ++node) {
      ca.Issue(Farm::NodeId(node), {.names = NodeName(node)});
    }
  }

  // Files are looked at, and connections made anew, each second.
  void StartFarm() {
    FarmOptions options{
        .nodes = kNodes,
        .slots = 1,
        .coordinator_config = absl::StrCat("[nodes.tls]\n",
                                           KeysFor("coordinator"),
                                           "client_ca_file = \"",
                                           trusted_.string(),
                                           "\"\nrefresh = \"1s\"\nconnection_age_max = \"1s\"\n")};
    for (int node = 0; node < kNodes; ++node) {
      options.node_wires.push_back(absl::StrCat(KeysFor(Farm::NodeId(node)),
                                                "ca_file = \"",
                                                trusted_.string(),
                                                "\"\ntls_refresh = \"1s\"\n"));
    }
    auto farm = Farm::Create(options);
    ASSERT_TRUE(farm.ok()) << farm.status();
    farm_ = *std::move(farm);
  }

  std::string KeysFor(const std::string& name) const {
    const std::string stem = (folder_.path() / name).string();
    return absl::StrCat("cert_file = \"", stem, ".crt\"\nkey_file = \"", stem, ".key\"\n");
  }

  bool Renders(const std::string& name, int rows) {
    std::vector<std::array<std::string, 3>> sheet;
    for (int row = 0; row < rows; ++row) {
      sheet.push_back({absl::StrCat(name, " ", row), "One sentence.", "speaker.jpg"});
    }
    farm_->WriteSheet(name, sheet);
    const auto job = farm_->Submit(name, name);
    return job.ok() && farm_->WaitForJob(*job, kPatience, [](const nlohmann::json& state) {
      return state.at("state") == "completed";
    });
  }

  bool BecomesConnected(int node) {
    return farm_->WaitUntil(kPatience, [&] {
      const auto state = farm_->NodeState(node);
      return state.ok() && state->connected();
    });
  }

  bool CoordinatorSays(const std::string& text) {
    return farm_->WaitUntil(kPatience,
                            [&] { return absl::StrContains(farm_->CoordinatorLog(), text); });
  }

  // What the coordinator answers to whoever presents `identity` and calls himself `node_id`.
  grpc::Status OpenSession(const TestIdentity& identity, const std::string& node_id) {
    grpc::ChannelArguments own_connection;
    own_connection.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto stub = rendernode::NodeService::NewStub(grpc::CreateCustomChannel(
        absl::StrCat("127.0.0.1:", farm_->node_port()),
        grpc::SslCredentials({.pem_root_certs = Contents(ca_.path()) + Contents(trusted_),
                              .pem_private_key = Contents(identity.key),
                              .pem_cert_chain = Contents(identity.certificate)}),
        own_connection));
    rendernode::OpenSessionRequest request;
    request.set_node_id(node_id);
    request.set_protocol_min(1);
    request.set_protocol_max(1);
    rendernode::OpenSessionResponse response;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoSeconds(kPatience));
    return stub->OpenSession(&context, request, &response);
  }

  const TempDir folder_ = *TempDir::Create("tls_farm");
  const std::filesystem::path trusted_ = folder_.path() / "trusted.crt";
  const TestCa ca_{folder_.path(), "ca"};
  std::unique_ptr<Farm> farm_;
};

int Times(absl::string_view text, absl::string_view what) {
  return static_cast<int>(std::vector<absl::string_view>(absl::StrSplit(text, what)).size()) - 1;
}

TEST_F(TlsFarmTest, ItemsAreRenderedOverCertificatesAndWithoutARestartOverTheNextOnes) {
  StartFarm();
  EXPECT_TRUE(Renders("before", 4));
  const TestIdentity old = ca_.Issue("old", {.names = "URI:rendernode://node/old"});
  ASSERT_TRUE(OpenSession(old, "old").ok());
  const TestCa next(folder_.path(), "next_ca");
  IssueAll(next);
  const TestIdentity fresh = next.Issue("fresh", {.names = "URI:rendernode://node/fresh"});
  ASSERT_TRUE(farm_->WaitUntil(kPatience, [&] { return OpenSession(fresh, "fresh").ok(); }));
  EXPECT_FALSE(OpenSession(old, "old").ok()) << "the CA that was taken out is still believed";
  EXPECT_TRUE(Renders("after", 4));
  for (int node = 0; node < kNodes; ++node) {
    EXPECT_TRUE(BecomesConnected(node)) << node;
    EXPECT_EQ(Times(farm_->NodeLog(node), "node starts"), 1);
  }
  EXPECT_EQ(Times(farm_->CoordinatorLog(), "coordinator starts"), 1);
  for (const auto& [item, commits] : farm_->Commits()) {
    EXPECT_EQ(commits, 1) << item;
  }
}

TEST_F(TlsFarmTest, ANodeOfAnotherCaIsKeptOutUntilItHasACertificateOfOurs) {
  const TestCa other(folder_.path(), "other_ca");
  other.Issue(Farm::NodeId(1), {.names = NodeName(1)});
  StartFarm();
  EXPECT_TRUE(CoordinatorSays("certificate verify failed"));
  EXPECT_TRUE(Renders("without_it", 2));
  const auto refused = farm_->NodeState(1);
  ASSERT_TRUE(refused.ok()) << refused.status();
  EXPECT_FALSE(refused->connected());
  EXPECT_NE(refused->coordinator_error(), "");
  EXPECT_THAT(farm_->CoordinatorLog(),
              ::testing::Not(HasSubstr(absl::StrCat("session opened node=", Farm::NodeId(1)))));
  ca_.Issue(Farm::NodeId(1), {.names = NodeName(1)});
  EXPECT_TRUE(BecomesConnected(1));
}

TEST_F(TlsFarmTest, ACertificateWithAnotherNodesNameOrNoneIsRefusedAndTheCoordinatorSaysWhose) {
  StartFarm();
  ASSERT_TRUE(BecomesConnected(0));
  const TestIdentity another = ca_.Issue("another", {.names = "URI:rendernode://node/box-9"});
  EXPECT_EQ(OpenSession(another, Farm::NodeId(0)).error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(CoordinatorSays("node box-9 may not open a session as node e2e-0"));
  const TestIdentity nameless = ca_.Issue("nameless", {.names = "DNS:e2e-0"});
  EXPECT_EQ(OpenSession(nameless, Farm::NodeId(0)).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_TRUE(CoordinatorSays("UNAUTHENTICATED"));
  EXPECT_TRUE(Renders("undisturbed", 2));
}

}  // namespace
}  // namespace rn
