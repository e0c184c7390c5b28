// Supervision against real processes, each with one misbehaviour (tests/workers).
#include "daemon/worker_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sys/syscall.h>

#include <fstream>
#include <sstream>

#include "base/bounded_queue.h"
#include "base/file.h"

namespace rn {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr absl::Duration kPatience = absl::Seconds(60);  // Ends a test that would hang.
const LeaseKey kItem = {"item", 7};

class WorkerProcessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = TempDir::Create("worker");
    ASSERT_TRUE(dir.ok());
    dir_ = std::make_unique<TempDir>(*std::move(dir));
    std::ofstream(dir_->path() / "secret") << "secret";
    auto folders = WorkFolders::Open(dir_->path() / "work", {});
    ASSERT_TRUE(folders.ok());
    folders_ = *std::move(folders);
  }

  void TearDown() override {
    events_.Close();
    worker_.reset();
    EXPECT_FALSE(IsAlive(pid_)) << "a worker was left behind";
  }

  void Start(const std::vector<std::string>& words) {
    command_.argv = words;
    command_.argv[0] = RN_BIN_DIR "/worker-" + words[0];
    worker_ = std::make_unique<WorkerProcess>(
        0, command_, *folders_, *cgroups_, Clock::System(), [this](Event event) {
          events_.Push(std::move(event));
        });
    worker_->Start();
  }

  // A worker that said Hello and got an order.
  void StartRendering(const std::vector<std::string>& words) {
    Start(words);
    pid_ = static_cast<pid_t>(Next<WorkerReady>().hello.pid());
    worker_->Render(Order());
  }

  static RenderOrder Order() {
    auto spec = std::make_shared<rendernode::JobSpec>();
    spec->set_template_json(std::string(1 << 20, ' '));  // More than a socket's buffer.
    return {.key = kItem, .job_spec = std::move(spec)};
  }

  // The next event, which must be a T.
  template <typename T>
  T Next() {
    std::optional<Event> event = events_.PopFor(kPatience);
    if (event.has_value() && std::holds_alternative<WorkerGone>(*event)) {
      EXPECT_TRUE((std::is_same_v<T, WorkerGone>)) << std::get<WorkerGone>(*event).message;
    }
    if (!event.has_value() || !std::holds_alternative<T>(*event)) {
      ADD_FAILURE() << (event.has_value() ? "another event came first" : "no event");
      return T{};
    }
    return std::get<T>(*std::move(event));
  }

  // What the worker died of; its progress is passed over.
  std::string Gone() {
    while (auto event = events_.PopFor(kPatience)) {
      if (const auto* gone = std::get_if<WorkerGone>(&*event)) {
        EXPECT_FALSE(IsAlive(pid_)) << "told before it was reaped";
        return gone->message;
      }
      EXPECT_TRUE(std::holds_alternative<WorkerProgressed>(*event));
    }
    return "";
  }

  // Zombies count as alive.
  static bool IsAlive(pid_t pid) { return pid > 0 && kill(pid, 0) == 0; }

  WorkerCommand command_;
  BoundedQueue<Event> events_{100};
  std::unique_ptr<TempDir> dir_;
  std::unique_ptr<WorkFolders> folders_;
  const std::unique_ptr<WorkerCgroups> cgroups_ = *WorkerCgroups::Open("off");
  std::unique_ptr<WorkerProcess> worker_;
  pid_t pid_ = 0;
};

TEST_F(WorkerProcessTest, AGoodWorkerRendersOneItemAfterAnother) {
  StartRendering({"ok"});
  for (int item = 0; item < 3; ++item) {
    EXPECT_EQ(Next<WorkerProgressed>().progress.frames_done(), 50);
    EXPECT_EQ(Next<WorkerProgressed>().progress.frames_done(), 100);
    const WorkerDone done = Next<WorkerDone>();
    EXPECT_EQ(done.done.item_id(), "item");
    EXPECT_EQ(done.done.result().artifacts(0).path(), folders_->PathOf(kItem) / "video.mp4");
    worker_->Render(Order());
  }
}

TEST_F(WorkerProcessTest, ItGoesWithTheObjectEvenInMidItem) {
  StartRendering({"hang"});
  Next<WorkerProgressed>();
}

TEST_F(WorkerProcessTest, ACrashIsToldWithItsSignalAndLastWords) {
  StartRendering({"crash"});
  EXPECT_THAT(Gone(), AllOf(StartsWith("signal 6"), HasSubstr("decoder: assertion failed")));
}

TEST_F(WorkerProcessTest, AHangingWorkerIsKilledWhenToldTo) {
  StartRendering({"hang"});
  Next<WorkerProgressed>();
  worker_->Kill("no progress");
  EXPECT_EQ(Gone(), "killed: no progress");
}

TEST_F(WorkerProcessTest, AfterItsEndTheNextOneStarts) {
  StartRendering({"crash"});
  Gone();
  worker_->Kill("too late");  // Of the one that is gone: void.
  worker_->Render(Order());   // As well.
  worker_->Start();
  pid_ = static_cast<pid_t>(Next<WorkerReady>().hello.pid());
  EXPECT_TRUE(IsAlive(pid_));
}

TEST_F(WorkerProcessTest, AFloodOfReportsIsCutOff) {
  command_.report_bytes_per_second_max = 10000;
  StartRendering({"flood"});
  EXPECT_EQ(Gone(), "killed: it reported more than 10000 bytes in a second");
}

TEST_F(WorkerProcessTest, EveryLieAboutArtifactsIsFoundOut) {
  const std::map<std::string, std::string> lies = {{"absent", "No such file"},
                                                   {"size", "bytes, not"},
                                                   {"outside", "outside the output directory"},
                                                   {"link", "outside the output directory"},
                                                   {"folder", "outside the output directory"},
                                                   {"many", "1001 artifacts"},
                                                   {"item", "item \"another\""},
                                                   {"fence", "at fence 8"}};
  for (const auto& [lie, found_out] : lies) {
    StartRendering({"lie", lie});
    EXPECT_THAT(Gone(), AllOf(StartsWith("killed: "), HasSubstr(found_out))) << lie;
  }
}

TEST_F(WorkerProcessTest, AWorkFolderBehindALinkIsNoLie) {
  std::filesystem::create_directory_symlink(dir_->path(), dir_->path() / "link");
  rendernode::ItemResult result;
  result.set_outcome(rendernode::SUCCEEDED);
  result.add_artifacts()->set_path((dir_->path() / "link" / "secret").string());
  result.mutable_artifacts(0)->set_bytes(6);
  const auto checked = CheckArtifacts(result, dir_->path() / "link", dir_->path() / "link", 1);
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(checked->artifacts(0).path(), dir_->path() / "link" / "secret");
}

TEST_F(WorkerProcessTest, EveryBreachOfTheProtocolIsFoundOut) {
  const std::map<std::string, std::string> breaches = {{"bytes", "cannot be read"},
                                                       {"length", "claims 4294967295 bytes"},
                                                       {"empty", "no known kind"},
                                                       {"hello", "Hello a second time"}};
  for (const auto& [breach, found_out] : breaches) {
    StartRendering({"garbage", breach});
    EXPECT_THAT(Gone(), AllOf(StartsWith("killed: "), HasSubstr(found_out))) << breach;
  }
}

TEST_F(WorkerProcessTest, AReportWithoutAnOrderIsABreach) {
  Start({"garbage", "unasked"});
  Next<WorkerReady>();
  EXPECT_EQ(Gone(), "killed: it reported without an order");
}

TEST_F(WorkerProcessTest, AnotherFirstWordThanHelloIsABreach) {
  Start({"garbage", "no-hello"});
  EXPECT_THAT(Gone(), HasSubstr("first word was not Hello"));
}

TEST_F(WorkerProcessTest, ASilentWorkerIsKilledBeforeItsFirstWord) {
  Start({"silent"});
  worker_->Kill("start_timeout");
  EXPECT_EQ(Gone(), "killed: start_timeout, before it said Hello");
}

TEST_F(WorkerProcessTest, AKillRightAfterTheStartIsNeverSleptThrough) {
  for (int start = 0; start < 50; ++start) {
    Start({"silent"});
    worker_->Kill("changed my mind");
    ASSERT_THAT(Gone(), StartsWith("killed: changed my mind"));
  }
}

TEST_F(WorkerProcessTest, AWorkerThatClosesItsChannelAndLivesOnIsKilled) {
  StartRendering({"ignore_close"});
  EXPECT_EQ(Gone(), "killed: it closed its channel and lived on");
}

TEST_F(WorkerProcessTest, ItsChildrenDieWithIt) {
  StartRendering({"spawn_child"});
  const auto child = static_cast<pid_t>(Next<WorkerProgressed>().progress.frames_done());
  EXPECT_EQ(Gone(), "exit code 3");
  // An orphan is reaped by whoever adopts it; until then it is a zombie, which runs nothing.
  for (int look = 0; look < 10000 && IsAlive(child); ++look) {
    std::string state;
    std::ifstream stat("/proc/" + std::to_string(child) + "/stat");
    stat >> state >> state >> state;
    if (state == "Z" || state.empty()) {
      return;
    }
    usleep(1000);
  }
  EXPECT_FALSE(IsAlive(child));
}

TEST_F(WorkerProcessTest, AWorkerThatLeaksIsKilledAtItsLimit) {
  command_.memory_bytes_max = 256 << 20;
  command_.memory_check_interval = absl::Milliseconds(5);
  StartRendering({"leak"});
  EXPECT_THAT(Gone(), HasSubstr("bytes of memory; the limit is 268435456"));
}

TEST_F(WorkerProcessTest, AWorkerThatWritesWithoutEndStillRenders) {
  StartRendering({"chatter"});
  Next<WorkerDone>();
}

// Puts the log, while it lives, where a test can read it too.
class LogCapture {
 public:
  LogCapture() { spdlog::default_logger()->sinks().push_back(sink_); }
  ~LogCapture() { std::erase(spdlog::default_logger()->sinks(), sink_); }
  LogCapture(const LogCapture&) = delete;
  std::string text() const { return stream_.str(); }

 private:
  std::ostringstream stream_;
  const std::shared_ptr<spdlog::sinks::sink> sink_ =
      std::make_shared<spdlog::sinks::ostream_sink_mt>(stream_);
};

TEST_F(WorkerProcessTest, WhatAWorkerSaysIsLoggedWithTheItemThatItIsOn) {
  const LogCapture log;
  StartRendering({"crash"});
  Gone();
  EXPECT_THAT(log.text(), HasSubstr("item=item fence=7 line=\"decoder: assertion failed\""));
}

TEST_F(WorkerProcessTest, WhatAWorkerSaysWithoutAnItemIsLoggedWithoutOne) {
  const LogCapture log;
  Start({"chatter"});
  pid_ = static_cast<pid_t>(Next<WorkerReady>().hello.pid());
  worker_->Kill("enough");
  Gone();
  EXPECT_THAT(log.text(), HasSubstr(absl::StrCat("pid=", pid_, " line=\"chatter ")));
  EXPECT_THAT(log.text(), ::testing::Not(HasSubstr("item=")));
}

// The kernel's word, by another way than the worker's.
std::uint32_t KernelsLandlock() {
  return static_cast<std::uint32_t>(
      std::max(0L, syscall(SYS_landlock_create_ruleset, nullptr, 0, 1)));
}

TEST_F(WorkerProcessTest, TheSandboxSaysWhatItIs) {
  Start({"escape"});
  const WorkerReady ready = Next<WorkerReady>();
  const rendernode::Sandbox& sandbox = ready.hello.sandbox();
  EXPECT_EQ(sandbox.mode(), rendernode::Sandbox::BEST_EFFORT);
  EXPECT_EQ(sandbox.landlock_abi(), KernelsLandlock());
  EXPECT_EQ(sandbox.gaps_size(),
            (sandbox.landlock_abi() == 0 ? 1 : 0) + (sandbox.system_calls_filtered() ? 0 : 1));
}

class EscapeTest : public WorkerProcessTest, public ::testing::WithParamInterface<const char*> {};

// Where the kernel lacks a part, TheSandboxSaysWhatItIs saw it said, and an operator may require
// it; what is left of the sandbox is not promised to hold.
TEST_P(EscapeTest, IsClosedAndLogged) {
  const LogCapture log;
  command_.read_only = {dir_->path() / "shared"};
  std::filesystem::create_directory(dir_->path() / "shared");
  Start({"escape"});
  const WorkerReady ready = Next<WorkerReady>();
  pid_ = static_cast<pid_t>(ready.hello.pid());
  RenderOrder order = Order();
  order.key.item_id = GetParam();
  worker_->Render(std::move(order));
  const WorkerDone done = Next<WorkerDone>();
  worker_->Kill("enough");
  Gone();
  if (ready.hello.sandbox().gaps_size() > 0) {
    GTEST_SKIP() << ready.hello.sandbox().DebugString();
  }
  EXPECT_EQ(done.done.result().outcome(), rendernode::SUCCEEDED)
      << done.done.result().error_message() << "\n"
      << log.text();
  EXPECT_THAT(log.text(), HasSubstr("worker says slot=0"));
  if (absl::string_view(GetParam()) != "read") {  // No call is refused there, but a file.
    EXPECT_THAT(log.text(), HasSubstr("sandbox refused call="));
  }
  EXPECT_EQ(*ReadFile(dir_->path() / "secret", 100), "secret");
}

INSTANTIATE_TEST_SUITE_P(
    Ways,
    EscapeTest,
    ::testing::Values("socket", "exec", "read", "write", "kill", "trace", "limits", "works"),
    [](const auto& info) { return std::string(info.param); });

TEST_F(WorkerProcessTest, AWorkerOutsideOfARequiredSandboxIsRefused) {
  command_.sandbox = "required";
  Start({"ok"});
  EXPECT_THAT(Gone(), HasSubstr("worker.sandbox is required, and it is not in one"));
}

TEST_F(WorkerProcessTest, AProgramThatCannotBeStartedIsToldAsGone) {
  Start({"nonexistent"});
  EXPECT_THAT(Gone(), AllOf(StartsWith("could not be started"), HasSubstr("worker-nonexistent")));
}

}  // namespace
}  // namespace rn
