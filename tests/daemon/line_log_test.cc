#include "daemon/line_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/fakes/fake_clock.h"

namespace rn {
namespace {

using ::testing::ElementsAre;

class LineLogTest : public ::testing::Test {
 protected:
  FakeClock clock_;
  std::vector<std::string> lines_;
  LineLog log_{{.lines_per_second_max = 2, .line_bytes_max = 10}, clock_, [this](auto line) {
                 lines_.emplace_back(line);
               }};
};

TEST_F(LineLogTest, LinesComeWholeHoweverTheBytesArrive) {
  log_.Append("on");
  log_.Append("e\n\ntwo");
  EXPECT_THAT(lines_, ElementsAre("one"));
  log_.Finish();
  EXPECT_THAT(lines_, ElementsAre("one", "two"));
}

TEST_F(LineLogTest, WhatIsTooMuchForASecondIsCounted) {
  log_.Append("1\n2\n3\n4\n5\n");
  EXPECT_THAT(lines_, ElementsAre("1", "2"));
  EXPECT_EQ(log_.last(), "5");
  clock_.Advance(absl::Seconds(1));
  log_.Append("6\n");
  EXPECT_THAT(lines_, ElementsAre("1", "2", "(3 more lines)", "6"));
}

TEST_F(LineLogTest, ALineWithoutEndIsCutOff) {
  for (int i = 0; i < 1000; ++i) {
    log_.Append("abcdefg");
  }
  log_.Append("\nnext\n");
  EXPECT_THAT(lines_, ElementsAre("abcdefgabc", "next"));
}

TEST_F(LineLogTest, OnlyPlainCharactersReachALogOrATerminal) {
  log_.Append("\x1b[31m\xff\"\r\n");
  EXPECT_THAT(lines_, ElementsAre("\\x1b[31m\\xff\\\"\\r"));
}

}  // namespace
}  // namespace rn
