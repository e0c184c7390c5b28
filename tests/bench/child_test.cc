#include "bench/child.h"

#include <gtest/gtest.h>

namespace rn {
namespace {

TEST(ChildTest, AFailingChildsLastWordsAreInTheError) {
  const auto cost = RunChild({.argv = {"sh", "-c", "echo no such codec >&2; exit 3"}});
  ASSERT_FALSE(cost.ok());
  EXPECT_NE(cost.status().message().find("exit code 3"), absl::string_view::npos);
  EXPECT_NE(cost.status().message().find("no such codec"), absl::string_view::npos);
}

TEST(ChildTest, AProgramThatIsNotInstalledIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(RunChild({.argv = {"no-such-renderer"}}).status()));
}

TEST(ChildTest, PeakMemoryIsTheChilds) {
  const auto small = RunChild({.argv = {"python3", "-c", "pass"}});
  const auto large = RunChild({.argv = {"python3", "-c", "b'x' * (200 << 20)"}});
  const auto small_again = RunChild({.argv = {"python3", "-c", "pass"}});
  ASSERT_TRUE(small.ok() && large.ok() && small_again.ok());
  EXPECT_GT(large->peak_rss_mib, 200);
  EXPECT_LT(small->peak_rss_mib, 100);
  EXPECT_LT(small_again->peak_rss_mib, 100);
}

TEST(ChildTest, WhatAnOrphanedGrandchildUsedCounts) {
  // The child ends at once and leaves a grandchild in a session of its own behind.
  const auto cost = RunChild(
      {.argv = {"python3",
                "-c",
                "import subprocess, sys\n"
                "burn = 'import time\\nwhile time.process_time() < 0.5: pass'\n"
                "subprocess.Popen([sys.executable, '-c', burn], start_new_session=True)"}});
  ASSERT_TRUE(cost.ok()) << cost.status();
  EXPECT_GE(cost->cpu_s, 0.5);
}

TEST(ChildTest, AChildThatTakesTooLongIsKilled) {
  const auto cost = RunChild({.argv = {"sleep", "1000"}}, absl::Milliseconds(1));
  EXPECT_TRUE(absl::IsDeadlineExceeded(cost.status())) << cost.status();
}

}  // namespace
}  // namespace rn
