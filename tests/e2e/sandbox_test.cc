// The real renderer in its sandbox.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/e2e/farm.h"

namespace rn {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::Duration kJobTimeout = absl::Seconds(120);

// What /proc says of a process: the value of one line of its status.
std::string StatusOf(pid_t pid, const std::string& key) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  std::string word, value;
  while (status >> word) {
    if (word == key + ":") {
      status >> value;
      return value;
    }
  }
  return "";
}

TEST(SandboxTest, TheRendererNeedsNothingThatIsRefused) {
  auto created = Farm::Create({.slots = 1});
  ASSERT_TRUE(created.ok()) << created.status();
  Farm& farm = **created;
  farm.WriteSheet("rows",
                  {{"One", "The first.", "speaker.jpg"}, {"Two", "The second.", "speaker.jpg"}});
  const auto job = farm.Submit("rows", "Sandboxed");
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_TRUE(farm.WaitForJob(*job, kJobTimeout, [](const auto& state) {
    return state.at("state") == "completed";
  })) << farm.Logs();
  const std::string logs = farm.Logs();
  EXPECT_THAT(logs, Not(HasSubstr("sandbox refused")));
  EXPECT_THAT(logs, Not(HasSubstr("Permission denied")));
  ASSERT_EQ(farm.WorkerPids().size(), 1);
  const pid_t worker = farm.WorkerPids().front();
  EXPECT_EQ(StatusOf(worker, "NoNewPrivs"), "1");
  EXPECT_EQ(StatusOf(worker, "CapEff"), "0000000000000000");
  // What this kernel cannot do, the log says.
  EXPECT_TRUE(StatusOf(worker, "Seccomp") == "2" ||
              logs.find("sandbox has gaps") != std::string::npos)
      << logs;
}

}  // namespace
}  // namespace rn
