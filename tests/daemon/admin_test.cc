#include "daemon/admin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <thread>

#include "proto/health.grpc.pb.h"
#include "tests/daemon/admin_client.h"

namespace rn {
namespace {
namespace fs = std::filesystem;

using ::testing::HasSubstr;

class AdminTest : public ::testing::Test {
 protected:
  void SetUp() override {
    config_ = *ParseDaemonConfig(node_.config_text(), "node.toml");
    config_.values["store.secret"] = "hunter2";
    loop_ = *ControlLoop::Create(config_, "test", Clock::System());
  }
  void TearDown() override {
    if (thread_.joinable()) {
      loop_->Post(DrainRequested{.exit = true});
      thread_.join();
    }
  }

  void Run() {
    auto admin = AdminServer::Listen(config_.admin_socket, *loop_);
    ASSERT_TRUE(admin.ok()) << admin.status();
    admin_ = *std::move(admin);
    thread_ = std::thread([this] { loop_->Run(); });
  }

  // As a daemon that was killed leaves it; nobody listens once the descriptor is closed.
  UniqueFd BindSocket() const {
    sockaddr_un address{.sun_family = AF_UNIX};
    config_.admin_socket.native().copy(address.sun_path, sizeof(address.sun_path) - 1);
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(fd.get(), 1), 0);
    return fd;
  }

  TestNode node_;
  DaemonConfig config_;
  std::unique_ptr<ControlLoop> loop_;
  std::unique_ptr<AdminServer> admin_;
  std::thread thread_;
};

TEST_F(AdminTest, TheStatusComesFromTheRunningNode) {
  Run();
  AdminClient client(node_.AdminAddress());
  const auto status =
      client.Await([](const auto& now) { return now.connected() && now.slots(0).rss_bytes() > 0; });
  EXPECT_EQ(status.node_id(), "n1");
  EXPECT_EQ(status.version(), "test");
  EXPECT_EQ(status.state(), rendernode::READY);
  EXPECT_GT(status.cache_max_bytes(), 0);
  EXPECT_TRUE(status.session_open());
  EXPECT_EQ(status.coordinator(), node_.Address());
  EXPECT_EQ(status.store(), (node_.root() / "store").string());
  EXPECT_GT(status.disk_free_bytes(), 0);
}

TEST_F(AdminTest, DrainIsTrueAtOnceAndUndrainEndsIt) {
  Run();
  AdminClient client(node_.AdminAddress());
  EXPECT_EQ(client.Drain()->state(), rendernode::DRAINING);
  EXPECT_EQ(client.GetStatus()->state(), rendernode::DRAINING);
  EXPECT_EQ(client.Undrain()->state(), rendernode::READY);
}

TEST_F(AdminTest, OnlyTheUserAndTheGroupGetIn) {
  Run();
  struct stat info {};
  ASSERT_EQ(stat(config_.admin_socket.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0660);
}

TEST_F(AdminTest, ASocketLeftByADeadDaemonIsReplacedAndGoesWithUs) {
  BindSocket();
  Run();
  AdminClient client(node_.AdminAddress());
  EXPECT_TRUE(client.GetStatus().ok());
  admin_.reset();
  EXPECT_FALSE(fs::exists(config_.admin_socket));
}

TEST_F(AdminTest, ASocketThatIsInUseIsLeftAlone) {
  const UniqueFd other = BindSocket();
  const auto admin = AdminServer::Listen(config_.admin_socket, *loop_);
  EXPECT_TRUE(absl::IsAlreadyExists(admin.status())) << admin.status();
  EXPECT_TRUE(fs::exists(config_.admin_socket));
}

TEST_F(AdminTest, AFileInTheSocketsPlaceIsLeftAlone) {
  std::ofstream(config_.admin_socket) << "precious";
  const auto admin = AdminServer::Listen(config_.admin_socket, *loop_);
  EXPECT_TRUE(absl::IsInvalidArgument(admin.status())) << admin.status();
  EXPECT_EQ(*ReadFile(config_.admin_socket, 100), "precious");
}

TEST_F(AdminTest, APathTooLongForASocketIsSaidSo) {
  const auto admin = AdminServer::Listen(node_.root() / std::string(200, 's'), *loop_);
  EXPECT_THAT(std::string(admin.status().message()), HasSubstr("at most 107 characters"));
}

TEST_F(AdminTest, AnItemThatIsNotHeldCannotBeGivenUp) {
  Run();
  const auto status = AdminClient(node_.AdminAddress()).Cancel("job_1-1");
  EXPECT_TRUE(absl::IsNotFound(status.status())) << status.status();
  EXPECT_THAT(std::string(status.status().message()), HasSubstr("job_1-1"));
}

TEST_F(AdminTest, SupportDataTellsWhatRunsAndNoSecret) {
  Run();
  const auto data = AdminClient(node_.AdminAddress()).GetSupportData();
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->status().node_id(), "n1");
  EXPECT_EQ(data->config().count("coordinator.address"), 1);
  EXPECT_EQ(data->config().at("store.secret"), "(removed)");
  EXPECT_THAT(data->metrics(), HasSubstr("rendernode_node_state{state=\"ready\"}"));
  EXPECT_THAT(data->metrics(), HasSubstr("rendernode_build_info{version=\"test\"} 1"));
}

TEST_F(AdminTest, HealthIsTheDaemonsAndTheNodes) {
  Run();
  AdminClient client(node_.AdminAddress());
  const auto health = grpc::health::v1::Health::NewStub(
      grpc::CreateChannel(node_.AdminAddress(), grpc::InsecureChannelCredentials()));
  const auto ask = [&](const std::string& service) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoSeconds(kPatience));
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(service);
    grpc::health::v1::HealthCheckResponse response;
    const grpc::Status status = health->Check(&context, request, &response);
    return status.ok() ? absl::StatusOr<int>(response.status())
                       : absl::Status(static_cast<absl::StatusCode>(status.error_code()), "");
  };
  using Response = grpc::health::v1::HealthCheckResponse;
  client.Await([](const auto& now) { return now.connected(); });
  EXPECT_EQ(ask("").value(), Response::SERVING);
  EXPECT_EQ(ask("rendernode.Node").value(), Response::SERVING);
  ASSERT_TRUE(client.Drain().ok());
  EXPECT_EQ(ask("").value(), Response::SERVING);
  EXPECT_EQ(ask("rendernode.Node").value(), Response::NOT_SERVING);
  EXPECT_TRUE(absl::IsNotFound(ask("another").status()));
}

}  // namespace
}  // namespace rn
