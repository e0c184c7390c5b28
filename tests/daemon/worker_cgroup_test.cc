// The kernel's files are a folder here; where the machine has a group that we may divide, the same
// is done to real processes.
#include "daemon/worker_cgroup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "tests/daemon/test_node.h"

namespace rn {
namespace {
namespace fs = std::filesystem;

using ::testing::HasSubstr;

constexpr WorkerCgroupLimits kLimits = {.memory_bytes_max = 123456, .tasks_max = 77};

class FakeCgroupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(dir_.ok());
    Write("own", "12:memory:/elsewhere\n0::/service\n");
    MakeGroup("service");
    // The kernel would make these with the folders.
    MakeGroup("service/daemon");
    MakeGroup("service/worker-2");
    Write("service/cgroup.controllers", "cpu memory pids\n");
  }

  void MakeGroup(const std::string& name) {
    fs::create_directories(dir_->path() / name);
    for (const char* file : {"cgroup.procs",
                             "cgroup.subtree_control",
                             "cgroup.kill",
                             "memory.max",
                             "memory.swap.max",
                             "memory.oom.group",
                             "pids.max"}) {
      Write(absl::StrCat(name, "/", file), "");
    }
  }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_->path() / name) << text;
  }
  std::string Read(const std::string& name) const {
    return ReadFile(dir_->path() / name, 1000).value_or("absent");
  }

  std::unique_ptr<WorkerCgroups> Open(const std::string& setting) {
    auto groups = WorkerCgroups::Open(setting, dir_->path(), dir_->path() / "own");
    EXPECT_TRUE(groups.ok()) << groups.status();
    return *std::move(groups);
  }

  absl::StatusOr<TempDir> dir_ = TempDir::Create("cgroup");
};

TEST_F(FakeCgroupTest, AWorkerIsBoundedMovedInAndKilledAsOne) {
  const auto groups = Open((dir_->path() / "service").string());
  EXPECT_THAT(groups->summary(), HasSubstr("/service: memory pids"));
  EXPECT_EQ(Read("service/daemon/cgroup.procs"), absl::StrCat(getpid()));
  EXPECT_EQ(Read("service/cgroup.subtree_control"), "+pids");  // Each by a write of its own.
  const auto group = groups->Create(2, kLimits);
  ASSERT_TRUE(group.ok()) << group.status();
  EXPECT_EQ(Read("service/worker-2/memory.max"), "123456");
  EXPECT_EQ(Read("service/worker-2/memory.swap.max"), "0");
  EXPECT_EQ(Read("service/worker-2/memory.oom.group"), "1");
  EXPECT_EQ(Read("service/worker-2/pids.max"), "77");
  ASSERT_TRUE((*group)->Add(4321).ok());
  EXPECT_EQ(Read("service/worker-2/cgroup.procs"), "4321");
  Write("service/worker-2/cgroup.kill", "");
  ASSERT_TRUE((*group)->Kill().ok());
  EXPECT_EQ(Read("service/worker-2/cgroup.kill"), "1");
}

TEST_F(FakeCgroupTest, OutOfMemoryIsCounted) {
  const auto group = Open((dir_->path() / "service").string())->Create(2, kLimits);
  ASSERT_TRUE(group.ok()) << group.status();
  EXPECT_EQ((*group)->OutOfMemoryKills(), 0);
  Write("service/worker-2/memory.events", "low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\n");
  EXPECT_EQ((*group)->OutOfMemoryKills(), 2);
}

TEST_F(FakeCgroupTest, OnlyTheControllersThatAreThereAreUsed) {
  Write("service/cgroup.controllers", "cpu\n");
  const auto groups = Open((dir_->path() / "service").string());
  EXPECT_THAT(groups->summary(), HasSubstr("no controllers"));
  ASSERT_TRUE(groups->Create(2, kLimits).ok());
  EXPECT_EQ(Read("service/worker-2/memory.max"), "");
}

TEST_F(FakeCgroupTest, WhatNobodyDelegatedIsLeftAloneAndThatIsSaid) {
  const auto groups = Open("auto");
  EXPECT_EQ(groups->summary(), "none: /service is not delegated to us");
  EXPECT_EQ(Read("service/daemon/cgroup.procs"), "");
  EXPECT_EQ(groups->Create(2, kLimits)->get(), nullptr);
}

TEST_F(FakeCgroupTest, AMarkedGroupIsUsedByItself) {
  if (setxattr((dir_->path() / "service").c_str(), "user.delegate", "1", 1, 0) != 0) {
    GTEST_SKIP() << "no extended attributes on " << dir_->path();
  }
  EXPECT_THAT(Open("auto")->summary(), HasSubstr("/service: memory pids"));
}

TEST_F(FakeCgroupTest, AMachineWithoutAUnifiedHierarchySaysSo) {
  Write("own", "12:memory:/elsewhere\n");
  EXPECT_THAT(Open("auto")->summary(), HasSubstr("no unified hierarchy"));
  EXPECT_THAT(Open("off")->summary(), HasSubstr("switched off"));
}

TEST_F(FakeCgroupTest, AFolderThatWasAskedForAndIsNoneIsAnError) {
  EXPECT_FALSE(WorkerCgroups::Open((dir_->path() / "nowhere").string()).ok());
}

// A group that only root may make. A child that has left its process group, where no kill(2) of
// ours finds it, ends with the rest.
TEST(RealCgroupTest, WhatFledFromItsProcessGroupIsKilledToo) {
  const fs::path unified = "/sys/fs/cgroup/unified";
  const fs::path mount = fs::exists(unified) ? unified : "/sys/fs/cgroup";
  const fs::path folder = mount / absl::StrCat("rendernode-test-", getpid());
  std::ifstream groups("/proc/self/cgroup");
  std::string home;
  while (std::getline(groups, home) && home.find("0::/") != 0) {
  }
  std::error_code error;
  if (!fs::exists(mount / "cgroup.procs") || !fs::create_directory(folder, error)) {
    GTEST_SKIP() << "no cgroup v2 that we may divide: " << error.message();
  }
  {
    const auto groups = WorkerCgroups::Open(folder.string());
    ASSERT_TRUE(groups.ok()) << groups.status();
    auto group = (*groups)->Create(0, {.memory_bytes_max = 64 << 20, .tasks_max = 10});
    ASSERT_TRUE(group.ok()) << group.status();
    auto child = Subprocess::Start(
        {.argv = {"/bin/sh", "-c", "read go; setsid sh -c 'echo $$; exec sleep 1000' & wait"},
         .environment = {"PATH=/usr/bin:/bin"},
         .channel_as_stdio = true});
    ASSERT_TRUE(child.ok()) << child.status();
    ASSERT_TRUE((*group)->Add(child->pid()).ok());
    ASSERT_EQ(write(child->channel(), "go\n", 3), 3);
    std::string said(20, '\0');
    const ssize_t got = read(child->channel(), said.data(), said.size());
    ASSERT_GT(got, 0);
    const pid_t fled = std::stoi(said);
    EXPECT_NE(getpgid(fled), child->pid());
    ASSERT_TRUE((*group)->Kill().ok());
    const auto end = child->Wait(absl::Seconds(60));
    ASSERT_TRUE(end.ok()) << end.status();
    EXPECT_EQ(end->signal, SIGKILL);
    EXPECT_TRUE(AwaitEnd(fled));
  }
  // Home again, or the groups could not be removed.
  std::ofstream(mount / home.substr(4) / "cgroup.procs") << getpid();
  for (const char* name : {"worker-0", "daemon", ""}) fs::remove(folder / name, error);
}

}  // namespace
}  // namespace rn
