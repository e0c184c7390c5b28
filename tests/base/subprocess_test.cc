#include "base/subprocess.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "base/framing.h"

namespace rn {
namespace {

constexpr absl::Duration kLongEnough = absl::Seconds(20);

absl::StatusOr<Subprocess> Shell(const std::string& script) {
  return Subprocess::Start({.argv = {"/bin/sh", "-c", script}, .environment = {"WORD=spoken"}});
}

TEST(SubprocessTest, TheExitCodeAndTheSignalAreToldApart) {
  auto exits = Shell("exit 3");
  ASSERT_TRUE(exits.ok()) << exits.status();
  EXPECT_EQ(exits->Wait(kLongEnough)->ToString(), "exit code 3");
  auto dies = Shell("kill -SEGV $$");
  ASSERT_TRUE(dies.ok()) << dies.status();
  EXPECT_EQ(dies->Wait(kLongEnough)->signal, SIGSEGV);
}

TEST(SubprocessTest, ItSpeaksOverDescriptorThreeAndSeesOnlyTheGivenEnvironment) {
  auto child = Shell("printf '\\006\\000\\000\\000%s' $WORD >&3; env | wc -l >/dev/null");
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_EQ(*ReadFrame(child->channel(), 100), "spoken");
}

TEST(SubprocessTest, AProgramThatIsNotThereIsAnErrorThatNamesIt) {
  const auto child = Subprocess::Start({.argv = {"/nonexistent/worker"}});
  EXPECT_EQ(child.status().code(), absl::StatusCode::kNotFound);
  EXPECT_NE(child.status().message().find("/nonexistent/worker"), absl::string_view::npos);
}

TEST(SubprocessTest, KillTakesTheWholeFamily) {
  auto child = Shell("sleep 1000 & printf '\\004\\000\\000\\000%4d' 1 >&3; wait");
  ASSERT_TRUE(child.ok()) << child.status();
  ASSERT_TRUE(ReadFrame(child->channel(), 100).ok());
  EXPECT_EQ(child->Wait(absl::ZeroDuration()).status().code(), absl::StatusCode::kDeadlineExceeded);
  child->Kill();
  EXPECT_EQ(child->Wait(kLongEnough)->signal, SIGKILL);
  // The grandchild held the other end of the channel: it closes only when that is gone too.
  EXPECT_EQ(ReadFrame(child->channel(), 100).status().code(), absl::StatusCode::kOutOfRange);
}

TEST(SubprocessTest, DroppingTheObjectLeavesNoProcessBehind) {
  pid_t pid = 0;
  {
    auto child = Shell("sleep 1000");
    ASSERT_TRUE(child.ok()) << child.status();
    pid = child->pid();
  }
  EXPECT_EQ(kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST(SubprocessTest, ItsOutputAndErrorsAreReadThroughOnePipe) {
  auto child = Subprocess::Start(
      {.argv = {"/bin/sh", "-c", "read x; echo out; echo err >&2"}, .with_output = true});
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_EQ(child->Wait(kLongEnough)->exit_code, 0);
  char bytes[100];
  EXPECT_EQ(std::string(bytes, read(child->output(), bytes, sizeof(bytes))), "out\nerr\n");
}

}  // namespace
}  // namespace rn
