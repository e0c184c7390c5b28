#include "pipeline/clip_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/pipeline/clip_files.h"
#include "tests/pipeline/sound.h"

namespace rn {
namespace {

using ::testing::HasSubstr;

class ClipIndexTest : public ::testing::Test {
 protected:
  static ClipIndex Read(const std::string& path) {
    absl::StatusOr<ClipIndex> index = ClipIndex::Read(path);
    EXPECT_TRUE(index.ok()) << index.status();
    return *std::move(index);
  }
  static std::string Mistake(const std::string& path, const ClipLimits& limits = {}) {
    const auto index = ClipIndex::Read(path, limits);
    EXPECT_EQ(index.status().code(), absl::StatusCode::kInvalidArgument) << index.status();
    return std::string(index.status().message());
  }

  ClipFiles files_;
};

TEST_F(ClipIndexTest, EveryFrameIsShownForItsInterval) {
  const ClipIndex index = Read(files_.Counting("a.mp4", 50));
  ASSERT_EQ(index.frame_count(), 50);
  EXPECT_EQ(index.length(), absl::Seconds(2));
  for (int n = 0; n < 50; ++n) {
    EXPECT_EQ(index.TimeOf(n), n * absl::Milliseconds(40));
    EXPECT_EQ(index.FrameAt(index.TimeOf(n)), n);
    EXPECT_EQ(index.FrameAt(index.TimeOf(n) + absl::Milliseconds(39)), n);
  }
  EXPECT_EQ(index.FrameAt(absl::Seconds(-1)), 0);
  EXPECT_EQ(index.FrameAt(absl::Seconds(9)), 49);
}

TEST_F(ClipIndexTest, BFramesStandInTheOrderTheyAreShown) {
  const ClipIndex index =
      Read(files_.Counting("b.mp4", 50, {"-preset", "medium", "-bf", "3", "-g", "12"}));
  ASSERT_EQ(index.frame_count(), 50);
  for (int n = 0; n < 50; ++n) EXPECT_EQ(index.TimeOf(n), n * absl::Milliseconds(40));
  EXPECT_EQ(index.KeyframeOf(11).frame, 0);
  EXPECT_EQ(index.KeyframeOf(12).frame, 12);
  EXPECT_EQ(index.KeyframeOf(30).frame, 24);
}

// Matroska knows milliseconds: its thirtieths are 33, 67, 100 …
TEST_F(ClipIndexTest, RoundedTimesAreTheFramesTheyStandFor) {
  const ClipIndex index = Read(files_.Counting("c.mkv", 90, {"-r", "30"}, ",setpts=N/30/TB"));
  for (int n = 0; n < index.frame_count(); ++n) {
    EXPECT_EQ(index.FrameAt(absl::Seconds(n) / 30), n);
  }
}

TEST_F(ClipIndexTest, VariableRateKeepsEveryFramesOwnTime) {
  const ClipIndex index =
      Read(files_.Counting("v.mp4", 10, {"-vsync", "vfr"}, ",setpts=N*(N+1)/2/25/TB"));
  ASSERT_EQ(index.frame_count(), 10);
  for (int n = 0; n < 10; ++n) {
    EXPECT_EQ(index.TimeOf(n), n * (n + 1) / 2 * absl::Milliseconds(40));
  }
  EXPECT_EQ(index.FrameAt(absl::Milliseconds(40 * 44)), 8);
}

TEST_F(ClipIndexTest, TimeStartsWithTheFirstFrameWhateverTheClockSays) {
  const ClipIndex index = Read(files_.Counting("a.ts", 25, {"-muxdelay", "3"}));
  EXPECT_EQ(index.frame_count(), 25);
  EXPECT_EQ(index.TimeOf(0), absl::ZeroDuration());
  EXPECT_EQ(index.FrameAt(absl::Milliseconds(410)), 10);
}

TEST_F(ClipIndexTest, WhatAnEditListHidesIsNotThere) {
  const std::string whole = files_.Counting("whole.mp4", 50, {"-g", "25"});
  const ClipIndex index =
      Read(files_.Make("cut.mp4", {"-ss", "0.4", "-i", whole, "-t", "1", "-c", "copy"}));
  // Cut where there is no keyframe: the frames from 0 on are in the file, and 0.4 s of them hidden.
  EXPECT_EQ(index.TimeOf(0), absl::ZeroDuration());
  EXPECT_EQ(index.length(), absl::Seconds(1));
}

TEST_F(ClipIndexTest, PhonesTurnTheirPicturesByAMatrix) {
  const std::string flat = files_.Counting("flat.mp4", 2);
  const ClipIndex index =
      Read(files_.Make("turned.mp4", {"-i", flat, "-c", "copy", "-metadata:s:v:0", "rotate=90"}));
  EXPECT_EQ(index.width(), ClipFiles::kHeight);
  EXPECT_EQ(index.height(), ClipFiles::kWidth);
  EXPECT_TRUE(index.turn().transposed);
  EXPECT_TRUE(Read(flat).turn().none());
}

TEST_F(ClipIndexTest, PixelsThatAreNotSquareAreMadeSo) {
  const ClipIndex index = Read(files_.Counting("sar.mp4", 2, {}, ",setsar=3/2"));
  EXPECT_EQ(index.width(), ClipFiles::kWidth * 3 / 2);
  EXPECT_EQ(index.height(), ClipFiles::kHeight);
}

TEST_F(ClipIndexTest, KnowsWhetherItHasSound) {
  EXPECT_FALSE(Read(files_.Counting("mute.mp4", 5)).has_sound());
  const std::string mute = files_.Path("mute.mp4");
  EXPECT_TRUE(
      Read(files_.Make("loud.mp4", {"-i", mute, "-f", "lavfi", "-i", "sine=d=0.2", "-c:v", "copy"}))
          .has_sound());
}

// ------------------------------------------------------------------- bad clips
TEST_F(ClipIndexTest, SoundAloneIsNoClip) {
  const std::string path = files_.Make("a.wav", {"-f", "lavfi", "-i", "sine=d=0.1"});
  EXPECT_THAT(Mistake(path), HasSubstr("sound and no video"));
  EXPECT_THAT(Mistake(path), HasSubstr("a.wav"));
}

TEST_F(ClipIndexTest, FileThatIsNoMediaIsNamed) {
  ASSERT_TRUE(WriteFileDurably(files_.Path("x.mp4"), "no clip at all").ok());
  EXPECT_THAT(Mistake(files_.Path("x.mp4")), HasSubstr("x.mp4"));
}

TEST_F(ClipIndexTest, TruncatedFileSaysHowMuchIsThere) {
  const std::string whole =
      files_.Counting("whole.mp4", 50, {"-movflags", "+faststart", "-bf", "0"}, ",noise=alls=60");
  const auto bytes = ReadFile(whole, 10 << 20);
  ASSERT_TRUE(bytes.ok());
  ASSERT_TRUE(WriteFileDurably(files_.Path("half.mp4"), bytes->substr(0, bytes->size() / 2)).ok());
  EXPECT_THAT(Mistake(files_.Path("half.mp4")), HasSubstr("of its 50 frames are there"));
}

TEST_F(ClipIndexTest, TimesBeyondReasonAreRefused) {
  EXPECT_THAT(Mistake(absl::StrCat(RN_SOURCE_DIR, "/tests/fuzz/corpus/clip/times_far_apart.mkv")),
              HasSubstr("at most 2.59e+06 s"));
}

TEST_F(ClipIndexTest, LargerThanAllowedIsRefusedByNumber) {
  const std::string path = files_.Counting("a.mp4", 20);
  EXPECT_THAT(Mistake(path, {.pixels_max = 3000}), HasSubstr("64x48 pixels"));
  EXPECT_THAT(Mistake(path, {.side_max = 60}), HasSubstr("at most 60 a side"));
  EXPECT_THAT(Mistake(path, {.frames_max = 10}), HasSubstr("more than 10 frames"));
}

}  // namespace
}  // namespace rn
