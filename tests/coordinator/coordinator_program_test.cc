// The real program, from its command line to its last breath.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "base/subprocess.h"
#include "tests/coordinator/http_client.h"
#include "tests/coordinator/node_farm.h"
#include "tests/coordinator/small_catalog.h"
#include "tests/fakes/sanitizer_environment.h"

namespace rn {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

using nlohmann::json;

constexpr std::int64_t kFileBytesMax = 1 << 20;
constexpr char kKey[] = "acme-key";

class CoordinatorProgramTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder_.path() / "sheets/acme");
    Write("sheets/acme/1A2B3C.csv",
          "Title,Script,Image\nOne,Say one,https://x/1.png\nTwo,Say two,https://x/2.png\n");
    Write("coordinator.toml", ConfigText(kKey));
  }

  std::string ConfigText(const std::string& key) const {
    return absl::StrCat("[folders]\nstate = \"",
                        Path("state"),
                        "\"\nartifacts = \"",
                        Path("artifacts"),
                        "\"\nsheets = \"",
                        Path("sheets"),
                        "\"\ntemplates = \"",
                        templates_.path().string(),
                        "\"\n[http]\nport = 0\n[nodes]\naddress = \"127.0.0.1:0\"\n",
                        "sync_interval = \"1m\"\nlease_ttl = \"2m\"\n[keys]\n\"",
                        Sha256(key),
                        "\" = \"acme jobs:read jobs:write sheets:connect\"\n");
  }

  std::string Path(const std::string& name) const { return (folder_.path() / name).string(); }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_.path() / name) << text;
  }
  std::string Log() const { return ReadFile(Path("log"), kFileBytesMax).value_or("no log"); }

  Subprocess Launch(const std::string& flags) {
    auto program = Subprocess::Start({.argv = {"/bin/sh",
                                               "-c",
                                               absl::StrCat("exec ",
                                                            RN_BIN_DIR,
                                                            "/rendernode-coordinator ",
                                                            flags,
                                                            " >>'",
                                                            Path("log"),
                                                            "' 2>&1")},
                                      .environment = environment_,
                                      .with_channel = false});
    EXPECT_TRUE(program.ok()) << program.status();
    return *std::move(program);
  }

  // Returns once it serves.
  void Start() {
    std::filesystem::remove(Path("ports.json"));
    program_.emplace(Launch(absl::StrCat(
        "--config '", Path("coordinator.toml"), "' --ports-file '", Path("ports.json"), "'")));
    const absl::Duration end = Clock::System().SinceBoot() + kPatience;
    while (!std::filesystem::exists(Path("ports.json"))) {
      ASSERT_LT(Clock::System().SinceBoot(), end) << Log();
      std::this_thread::yield();
    }
    const json ports = json::parse(*ReadFile(Path("ports.json"), kFileBytesMax));
    http_port_ = ports.at("http");
    node_port_ = ports.at("nodes");
  }

  std::string Stop(int signal) {
    program_->Signal(signal);
    const auto ended = program_->Wait(kPatience);
    program_.reset();
    return ended.ok() ? ended->ToString() : Log();
  }

  json PostJob() {
    const HttpReply reply = HttpClient(http_port_)
                                .Call("/api/v1/bulk-jobs",
                                      {.method = "POST",
                                       .headers = {absl::StrCat("Authorization: Bearer ", kKey),
                                                   "Content-Type: application/json"},
                                       .body = R"({"title": "Campaign",
                     "input_source": {"type": "sheet", "sheet_id": "1A2B3C", "range": "A1:Z10"},
                     "output": {"output_bucket": "videos"},
                     "template": {"template_id": "tpl_promotional"}})"});
    EXPECT_EQ(reply.status, 201) << reply.body << Log();
    return json::parse(reply.body, nullptr, /*allow_exceptions=*/false);
  }

  HttpReply Ask(const std::string& method,
                const std::string& target,
                const std::string& key = kKey) {
    return HttpClient(http_port_)
        .Call(target, {.method = method, .headers = {absl::StrCat("Authorization: Bearer ", key)}});
  }
  long StatusWith(const std::string& key) { return Ask("GET", "/api/v1/bulk-jobs", key).status; }

  // Returns once the program has said what became of it.
  void Reload(const std::string& config) {
    Write("coordinator.toml", config);
    const std::size_t said = Log().size();
    program_->Signal(SIGHUP);
    const absl::Duration end = Clock::System().SinceBoot() + kPatience;
    while (!absl::StrContains(Log().substr(said), "reloaded")) {
      ASSERT_LT(Clock::System().SinceBoot(), end) << Log();
      std::this_thread::yield();
    }
  }

  StubNode Join(const std::string& node_id) {
    StubNode node(absl::StrCat("127.0.0.1:", node_port_), node_id);
    node.MustOpen();
    return node;
  }

  const TempDir folder_ = *TempDir::Create("coordinator");
  const SmallCatalog templates_;
  std::vector<std::string> environment_ = SanitizerEnvironment();
  std::optional<Subprocess> program_;
  int http_port_ = 0, node_port_ = 0;
};

TEST_F(CoordinatorProgramTest, AJobGoesFromASheetToANodeAndBack) {
  Start();
  EXPECT_EQ(HttpClient(http_port_).Get("/healthz").status, 200);
  StubNode node = Join("n");
  const auto sync = node.WaitFor(2);
  const json job = PostJob();
  const rendernode::SyncResponse& reply = sync->Reply();
  ASSERT_THAT(reply.grant(), SizeIs(2));
  for (const rendernode::Lease& lease : reply.grant()) {
    rendernode::CommitItemResponse committed;
    ASSERT_TRUE(node.Commit(lease.ref(), &committed).ok());
    EXPECT_EQ(committed.verdict(), rendernode::CommitItemResponse::COMMITTED);
  }
  const HttpReply done = Ask("GET", "/api/v1/bulk-jobs/" + job["id"].get<std::string>());
  EXPECT_EQ(json::parse(done.body)["state"], "completed") << done.body;
  EXPECT_EQ(Stop(SIGTERM), "exit code 0");
}

TEST_F(CoordinatorProgramTest, CancelByAClientReachesTheNodeThatHoldsAnItem) {
  Start();
  StubNode node = Join("n");
  const json job = PostJob();
  const rendernode::Lease lease = node.Take();
  const auto sync = node.Start(node.Hold(lease.ref(), /*wait=*/true));
  const HttpReply canceled =
      Ask("POST", absl::StrCat("/api/v1/bulk-jobs/", job["id"].get<std::string>(), "/cancel"));
  EXPECT_EQ(canceled.status, 200) << canceled.body;
  ASSERT_THAT(sync->Reply().cancel(), SizeIs(1));
  EXPECT_EQ(sync->Reply().cancel(0).item_id(), lease.ref().item_id());
}

TEST_F(CoordinatorProgramTest, ASignalEndsItWhileANodeWaits) {
  Start();
  StubNode node = Join("n");
  const auto sync = node.WaitFor(1);
  EXPECT_EQ(Stop(SIGINT), "exit code 0");
}

TEST_F(CoordinatorProgramTest, SharedFilesOfAJobAreServedByDigest) {
  Start();
  StubNode node = Join("n");
  PostJob();
  rendernode::GetJobSpecResponse response;
  ASSERT_TRUE(node.GetSpec(node.Take().job_spec_digest(), &response).ok());
  rendernode::JobSpec spec;
  ASSERT_TRUE(spec.ParseFromString(response.job_spec()));
  ASSERT_THAT(spec.assets(), SizeIs(1));
  const std::string base = absl::StrCat("http://127.0.0.1:", http_port_);
  ASSERT_THAT(spec.assets(0).url(), HasSubstr(base));
  EXPECT_EQ(HttpClient(http_port_).Get(spec.assets(0).url().substr(base.size())).body, "music");
}

TEST_F(CoordinatorProgramTest, JobsAndLeasesOutliveAKill) {
  Start();
  StubNode node = Join("n");
  const json job = PostJob();
  const rendernode::Lease lease = node.Take();
  EXPECT_EQ(Stop(SIGKILL), "signal 9 (Killed)");
  Start();
  StubNode again = Join("n");
  const rendernode::Lease retaken = again.Take();  // It did not say that it held the first.
  EXPECT_EQ(retaken.job_id(), job["id"].get<std::string>());
  EXPECT_EQ(Stop(SIGTERM), "exit code 0");
}

TEST_F(CoordinatorProgramTest, ASighupTakesNewKeysAndLimitsOverAndNodesNoticeNothing) {
  Start();
  StubNode node = Join("n");
  const auto sync = node.WaitFor(2);
  Reload(ConfigText("next-key") + "[rate_limit]\nper_second = 0.1\nburst = 2\n");
  EXPECT_EQ(StatusWith(kKey), 401);
  EXPECT_EQ(StatusWith("next-key"), 200);
  EXPECT_EQ(StatusWith("next-key"), 200);
  EXPECT_EQ(StatusWith("next-key"), 429);
  Reload(ConfigText(kKey) + "[rate_limit]\nper_second = 100000.0\nburst = 100\n");
  PostJob();
  EXPECT_THAT(sync->Reply().grant(), SizeIs(2)) << "a Sync from before";
  EXPECT_EQ(Stop(SIGTERM), "exit code 0");
}

TEST_F(CoordinatorProgramTest, AReloadThatCannotBeObeyedIsRefusedAsAWholeAndSaysWhy) {
  Start();
  Reload(absl::StrReplaceAll(ConfigText("next-key"), {{"/state\"", "/elsewhere\""}}));
  EXPECT_THAT(Log(), HasSubstr("only a restart changes folders.state"));
  EXPECT_EQ(StatusWith(kKey), 200);
  EXPECT_EQ(StatusWith("next-key"), 401) << "nothing of it was taken over";
  Reload("[htpp]\nport = 0\n");
  EXPECT_THAT(Log(), HasSubstr("htpp.port"));
  EXPECT_EQ(StatusWith(kKey), 200);
}

TEST_F(CoordinatorProgramTest, TheServiceManagerHearsOfAReload) {
  sockaddr_un address{.sun_family = AF_UNIX};
  Path("notify.sock").copy(address.sun_path, sizeof(address.sun_path) - 1);
  const UniqueFd notify(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(bind(notify.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  timeval patience{.tv_sec = absl::ToInt64Seconds(kPatience)};
  setsockopt(notify.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  // The next message with this word in it.
  const auto await = [&](const std::string& word) -> std::string {
    char bytes[4096];
    for (ssize_t got = 0; (got = recv(notify.get(), bytes, sizeof(bytes), 0)) > 0;) {
      const std::string message(bytes, static_cast<std::size_t>(got));
      if (absl::StrContains(message, word)) {
        return message;
      }
    }
    return "";
  };
  environment_.push_back("NOTIFY_SOCKET=" + Path("notify.sock"));
  environment_.push_back("WATCHDOG_USEC=200000");
  Start();
  EXPECT_EQ(await("READY"), "READY=1");
  EXPECT_EQ(await("WATCHDOG"), "WATCHDOG=1");
  Write("coordinator.toml", "[htpp]\nport = 0\n");
  program_->Signal(SIGHUP);
  EXPECT_THAT(await("RELOADING"), StartsWith("RELOADING=1\nMONOTONIC_USEC="));
  EXPECT_THAT(await("READY"), StartsWith("READY=1\nSTATUS=last reload refused ("));
  Write("coordinator.toml", ConfigText(kKey));
  program_->Signal(SIGHUP);
  EXPECT_THAT(await("RELOADING"), StartsWith("RELOADING=1\n"));
  EXPECT_EQ(await("READY"), "READY=1\nSTATUS=");
  EXPECT_EQ(await("WATCHDOG"), "WATCHDOG=1") << "it is fed on";
  program_->Signal(SIGTERM);
  EXPECT_EQ(await("STOPPING"), "STOPPING=1");
}

TEST_F(CoordinatorProgramTest, MistakesInTheConfigurationAreSaidAndNothingStarts) {
  Write("bad.toml", "[http]\nprot = 1\n");
  auto program = Launch(absl::StrCat("--config '", Path("bad.toml"), "'"));
  EXPECT_EQ(program.Wait(kPatience)->ToString(), "exit code 2");
  EXPECT_THAT(Log(), HasSubstr("did you mean \"http.port\""));
}

TEST_F(CoordinatorProgramTest, AConfigurationIsCheckedWithoutServing) {
  auto program = Launch(absl::StrCat("--check-config --config '", Path("coordinator.toml"), "'"));
  EXPECT_EQ(program.Wait(kPatience)->ToString(), "exit code 0");
  EXPECT_THAT(Log(), HasSubstr("good"));
}

TEST_F(CoordinatorProgramTest, WithoutTemplatesItSaysWhichFolderItMisses) {
  std::filesystem::remove_all(templates_.path());
  auto program = Launch(absl::StrCat("--config '", Path("coordinator.toml"), "'"));
  EXPECT_EQ(program.Wait(kPatience)->ToString(), "exit code 1");
  EXPECT_THAT(Log(), HasSubstr(templates_.path().string()));
}

}  // namespace
}  // namespace rn
