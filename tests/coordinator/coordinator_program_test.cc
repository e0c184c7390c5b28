// The real program, from its command line to its last breath.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "base/subprocess.h"
#include "tests/coordinator/http_client.h"
#include "tests/coordinator/node_farm.h"
#include "tests/coordinator/small_catalog.h"
#include "tests/fakes/sanitizer_environment.h"

namespace rn {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

using nlohmann::json;

constexpr std::int64_t kFileBytesMax = 1 << 20;
constexpr char kKey[] = "acme-key";

class CoordinatorProgramTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder_.path() / "sheets");
    Write("sheets/1A2B3C.csv",
          "Title,Script,Image\nOne,Say one,https://x/1.png\nTwo,Say two,https://x/2.png\n");
    Write("coordinator.toml",
          absl::StrCat("[folders]\nstate = \"",
                       Path("state"),
                       "\"\nartifacts = \"",
                       Path("artifacts"),
                       "\"\nsheets = \"",
                       Path("sheets"),
                       "\"\ntemplates = \"",
                       templates_.path().string(),
                       "\"\n[http]\nport = 0\n[nodes]\naddress = \"127.0.0.1:0\"\n",
                       "sync_interval = \"1m\"\nlease_ttl = \"2m\"\n[keys]\n\"",
                       Sha256(kKey),
                       "\" = \"acme\"\n"));
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
                                      .environment = SanitizerEnvironment(),
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

  HttpReply Ask(const std::string& method, const std::string& target) {
    return HttpClient(http_port_)
        .Call(target,
              {.method = method, .headers = {absl::StrCat("Authorization: Bearer ", kKey)}});
  }

  StubNode Join(const std::string& node_id) {
    StubNode node(absl::StrCat("127.0.0.1:", node_port_), node_id);
    node.MustOpen();
    return node;
  }

  const TempDir folder_ = *TempDir::Create("coordinator");
  const SmallCatalog templates_;
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
