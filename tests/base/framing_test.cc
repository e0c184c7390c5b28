#include "base/framing.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "base/file.h"

namespace rn {
namespace {

constexpr std::size_t kFrameBytesMax = 1 << 20;

class FramingTest : public testing::Test {
 protected:
  FramingTest() {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    ours_.Reset(fds[0]);
    theirs_.Reset(fds[1]);
  }
  UniqueFd ours_, theirs_;
};

TEST_F(FramingTest, MessagesArriveWholeAndInOrderEvenWhenLargerThanTheSocketBuffer) {
  const std::string large(kFrameBytesMax, 'x');
  std::thread writer([&] {
    EXPECT_TRUE(WriteFrame(ours_.get(), "").ok());
    EXPECT_TRUE(WriteFrame(ours_.get(), large).ok());
  });
  EXPECT_EQ(*ReadFrame(theirs_.get(), kFrameBytesMax), "");
  EXPECT_EQ(*ReadFrame(theirs_.get(), kFrameBytesMax), large);
  writer.join();
}

TEST_F(FramingTest, AClosedPeerIsToldApartFromOneThatDiedInsideAFrame) {
  ASSERT_EQ(write(ours_.get(), "\x05\0\0\0ab", 6), 6);
  ours_.Reset();
  EXPECT_EQ(ReadFrame(theirs_.get(), kFrameBytesMax).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReadFrame(theirs_.get(), kFrameBytesMax).status().code(),
            absl::StatusCode::kOutOfRange);
}

TEST_F(FramingTest, AFrameAboveTheLimitIsRefusedBeforeItIsRead) {
  ASSERT_EQ(write(ours_.get(), "\xff\xff\xff\x7f", 4), 4);
  const auto frame = ReadFrame(theirs_.get(), kFrameBytesMax);
  EXPECT_EQ(frame.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(frame.status().message().find("2147483647"), absl::string_view::npos);
}

TEST_F(FramingTest, WritingToADeadPeerIsAnErrorNotASignal) {
  theirs_.Reset();
  EXPECT_EQ(WriteFrame(ours_.get(), "hello").code(), absl::StatusCode::kUnavailable);
}

TEST(FrameParserTest, FramesComeOutWholeHoweverTheBytesArrive) {
  FrameParser parser(kFrameBytesMax);
  std::string got;
  for (const char byte : ToFrame("one") + ToFrame("") + ToFrame("three")) {
    parser.Append({&byte, 1});
    for (auto frame = *parser.Next(); frame.has_value(); frame = *parser.Next()) {
      got += *frame + ",";
    }
  }
  EXPECT_EQ(got, "one,,three,");
}

TEST(FrameParserTest, AFrameAboveTheLimitIsRefusedAtItsLength) {
  FrameParser parser(10);
  parser.Append(ToFrame("elevenbytes").substr(0, 4));
  EXPECT_EQ(parser.Next().status().code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace rn
