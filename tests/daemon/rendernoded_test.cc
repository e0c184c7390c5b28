// The real program, from its command line to its last breath.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>

#include "absl/strings/str_replace.h"
#include "base/subprocess.h"
#include "tests/daemon/admin_client.h"
#include "tests/fakes/sanitizer_environment.h"

namespace rn {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Ended {
  std::string how;  // "exit code 0"
  std::string output;
};

class RendernodedTest : public ::testing::Test {
 protected:
  explicit RendernodedTest(const std::string& worker = "ok") : node_(worker) {}

  absl::StatusOr<Subprocess> Launch(const std::vector<std::string>& flags, bool with_output) {
    std::vector<std::string> argv = {RN_BIN_DIR "/rendernoded"};
    argv.insert(argv.end(), flags.begin(), flags.end());
    std::vector<std::string> environment = SanitizerEnvironment();
    environment.insert(environment.end(), environment_.begin(), environment_.end());
    return Subprocess::Start({.argv = argv,
                              .environment = environment,
                              .with_channel = false,
                              .with_output = with_output});
  }

  // Its log is the test's.
  Subprocess Start() {
    WriteConfig(node_.config_text());
    auto daemon = Launch({"--config", config_path()}, /*with_output=*/false);
    EXPECT_TRUE(daemon.ok()) << daemon.status();
    return *std::move(daemon);
  }

  Ended AwaitEnd(Subprocess& daemon) {
    const auto status = daemon.Wait(kPatience);
    EXPECT_TRUE(status.ok()) << status.status();
    std::string output(1 << 20, '\0');
    output.resize(std::max<ssize_t>(0, read(daemon.output(), output.data(), output.size())));
    return {status.ok() ? status->ToString() : "", output};
  }

  Ended RunToEnd(const std::vector<std::string>& flags) {
    auto daemon = Launch(flags, /*with_output=*/true);
    EXPECT_TRUE(daemon.ok()) << daemon.status();
    return AwaitEnd(*daemon);
  }

  std::string config_path() const { return (node_.root() / "node.toml").string(); }
  void WriteConfig(const std::string& text) { std::ofstream(config_path()) << text; }

  pid_t AwaitWorker() {
    const auto status = AdminClient(node_.AdminAddress()).Await([](const auto& now) {
      return now.slots(0).worker_pid() > 0;
    });
    return static_cast<pid_t>(status.slots(0).worker_pid());
  }

  TestNode node_;
  std::vector<std::string> environment_;
};

class HangingWorkerTest : public RendernodedTest {
 protected:
  HangingWorkerTest() : RendernodedTest("hang") {}

  pid_t AwaitRender() {
    node_.coordinator().Grant(node_.NewLease("a"));
    const auto status = AdminClient(node_.AdminAddress()).Await([](const auto& now) {
      return now.items_size() == 1 && now.items(0).phase() == rendernode::RENDERING;
    });
    return static_cast<pid_t>(status.slots(0).worker_pid());
  }
};

TEST_F(RendernodedTest, SigtermDrainsAndEndsWithZero) {
  Subprocess daemon = Start();
  node_.coordinator().Grant(node_.NewLease("a"));
  ASSERT_TRUE(node_.coordinator().committed.PopFor(kPatience).has_value());
  const pid_t worker = AwaitWorker();
  daemon.Signal(SIGTERM);
  EXPECT_EQ(AwaitEnd(daemon).how, "exit code 0");
  EXPECT_EQ(node_.coordinator().closed.size(), 1);
  EXPECT_FALSE(IsRunning(worker));
  EXPECT_FALSE(std::filesystem::exists(node_.root() / "admin.sock"));
  EXPECT_THAT(node_.Journalled(), IsEmpty());
}

TEST_F(HangingWorkerTest, ASecondSigtermInterruptsWhatStillRunsAndReportsIt) {
  Subprocess daemon = Start();
  AwaitRender();
  daemon.Signal(SIGTERM);
  AdminClient(node_.AdminAddress()).Await([](const auto& now) {
    return now.state() == rendernode::DRAINING;
  });
  daemon.Signal(SIGTERM);
  EXPECT_EQ(AwaitEnd(daemon).how, "exit code 0");
  const auto commit = node_.coordinator().committed.PopFor(kPatience);
  ASSERT_TRUE(commit.has_value());
  EXPECT_EQ(commit->result().outcome(), rendernode::INTERRUPTED);
}

TEST_F(HangingWorkerTest, KilledOutrightItLeavesNoWorkerBehind) {
  Subprocess daemon = Start();
  const pid_t worker = AwaitRender();
  EXPECT_TRUE(IsRunning(worker));
  daemon.Kill();
  AwaitEnd(daemon);
  EXPECT_TRUE(rn::AwaitEnd(worker));
}

TEST_F(HangingWorkerTest, KilledOutrightItHoldsTheSameLeaseAgainAfterARestart) {
  Subprocess daemon = Start();
  const pid_t worker = AwaitRender();
  daemon.Kill();
  AwaitEnd(daemon);
  ASSERT_TRUE(rn::AwaitEnd(worker));
  node_.coordinator().opened.Pop();
  Subprocess again = Start();
  const auto opened = node_.coordinator().opened.PopFor(kPatience);
  ASSERT_TRUE(opened.has_value());
  ASSERT_EQ(opened->held_size(), 1);
  EXPECT_EQ(opened->held(0).ref().item_id(), "a");
  EXPECT_EQ(opened->incarnation(), 2);
}

TEST_F(RendernodedTest, AResultFinishedBeforeTheCrashIsCommittedByTheNextStart) {
  node_.LeaveFinishedResult(node_.NewLease("a"), "rendered before");
  Subprocess daemon = Start();
  const auto commit = node_.coordinator().committed.PopFor(kPatience);
  ASSERT_TRUE(commit.has_value());
  EXPECT_EQ(commit->result().outcome(), rendernode::SUCCEEDED);
}

TEST_F(RendernodedTest, ASecondOneOnTheSameStateFolderIsRefused) {
  Subprocess first = Start();
  const pid_t worker = AwaitWorker();
  const Ended second = RunToEnd({"--config", config_path()});
  EXPECT_EQ(second.how, "exit code 1");
  EXPECT_THAT(second.output, HasSubstr("another rendernoded runs on the same folders.state"));
  EXPECT_TRUE(IsRunning(worker));
}

TEST_F(RendernodedTest, TheServiceManagerHearsOfEveryStep) {
  const std::filesystem::path path = node_.root() / "notify.sock";
  sockaddr_un address{.sun_family = AF_UNIX};
  path.native().copy(address.sun_path, sizeof(address.sun_path) - 1);
  const UniqueFd notify(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(bind(notify.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  timeval patience{.tv_sec = absl::ToInt64Seconds(kPatience)};
  setsockopt(notify.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  const auto await = [&](const std::string& word) {
    char bytes[4096];
    for (ssize_t got = 0; (got = recv(notify.get(), bytes, sizeof(bytes), 0)) > 0;) {
      if (absl::StrContains(absl::string_view(bytes, static_cast<std::size_t>(got)), word)) {
        return true;
      }
    }
    return false;
  };
  environment_ = {"NOTIFY_SOCKET=" + path.string(), "WATCHDOG_USEC=100000"};
  Subprocess daemon = Start();
  EXPECT_TRUE(await("READY=1"));
  EXPECT_TRUE(await("STATUS=ready, connected: 0 of 1 slots busy, 0 items held"));
  EXPECT_TRUE(await("WATCHDOG=1"));
  daemon.Signal(SIGHUP);
  EXPECT_TRUE(await("RELOADING=1\nMONOTONIC_USEC="));
  EXPECT_TRUE(await("READY=1"));
  daemon.Signal(SIGINT);
  EXPECT_TRUE(await("STOPPING=1"));
  EXPECT_EQ(AwaitEnd(daemon).how, "exit code 0");
}

TEST_F(HangingWorkerTest, ASighupChangesWhatItMayAndKeepsTheLeases) {
  Subprocess daemon = Start();
  const pid_t worker = AwaitRender();
  AdminClient admin(node_.AdminAddress());
  WriteConfig(absl::StrReplaceAll(node_.config_text(), {{"slots = 1", "slots = 2"}}));
  daemon.Signal(SIGHUP);
  const auto grown = admin.Await([](const auto& now) { return now.slots_size() == 2; });
  EXPECT_EQ(grown.reload_error(), "");
  EXPECT_EQ(grown.items_size(), 1);
  EXPECT_TRUE(IsRunning(worker));
}

TEST_F(HangingWorkerTest, AReloadThatCannotBeObeyedIsRefusedAsAWholeAndSaysWhy) {
  Subprocess daemon = Start();
  const pid_t worker = AwaitRender();
  AdminClient admin(node_.AdminAddress());
  WriteConfig(absl::StrReplaceAll(node_.config_text(),
                                  {{"slots = 1", "slots = 2"}, {"/state\"", "/elsewhere\""}}));
  daemon.Signal(SIGHUP);
  const auto refused = admin.Await([](const auto& now) { return !now.reload_error().empty(); });
  EXPECT_THAT(refused.reload_error(), HasSubstr("only a restart changes folders.state"));
  EXPECT_EQ(refused.slots_size(), 1) << "nothing of it was taken over";
  WriteConfig("[node]\nslosts = 1\n");
  daemon.Signal(SIGHUP);
  const auto bad =
      admin.Await([](const auto& now) { return absl::StrContains(now.reload_error(), "slosts"); });
  EXPECT_THAT(bad.reload_error(), HasSubstr("did you mean"));
  WriteConfig(node_.config_text());
  daemon.Signal(SIGHUP);
  admin.Await([](const auto& now) { return now.reload_error().empty(); });
  EXPECT_TRUE(IsRunning(worker));
}

TEST_F(RendernodedTest, ALogThatNobodyReadsIsNoReasonToDie) {
  WriteConfig(node_.config_text());
  const auto daemon = Subprocess::Start({.argv = {"/bin/bash",
                                                  "-c",
                                                  "exec \"$0\" --config \"$1\" 2> >(exec true)",
                                                  std::string(RN_BIN_DIR "/rendernoded"),
                                                  config_path()},
                                         .with_channel = false});
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  node_.coordinator().Grant(node_.NewLease("a"));
  EXPECT_TRUE(node_.coordinator().committed.PopFor(kPatience).has_value());
}

TEST_F(RendernodedTest, AConfigurationIsCheckedWithoutStartingANode) {
  WriteConfig(node_.config_text());
  EXPECT_EQ(RunToEnd({"--check-config", "--config", config_path()}).how, "exit code 0");
  EXPECT_FALSE(std::filesystem::exists(node_.root() / "state"));
  WriteConfig("[node]\nslots = 0\n[worker]\ncomand = []\n");
  const Ended bad = RunToEnd({"--check-config", "--config", config_path()});
  EXPECT_EQ(bad.how, "exit code 2");
  EXPECT_THAT(bad.output,
              AllOf(HasSubstr("node.slots"), HasSubstr("did you mean \"worker.command\"")));
}

TEST_F(RendernodedTest, ItSaysItsVersion) {
  const Ended ended = RunToEnd({"--version"});
  EXPECT_EQ(ended.how, "exit code 0");
  EXPECT_THAT(ended.output, HasSubstr("rendernoded 0."));
}

}  // namespace
}  // namespace rn
