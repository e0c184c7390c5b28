#include "pipeline/video_clip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/pipeline/clip_files.h"

namespace rn {
namespace {

using ::testing::HasSubstr;

class VideoClipTest : public ::testing::Test {
 protected:
  std::unique_ptr<VideoClip> Open(const std::string& path) {
    auto index = ClipIndex::Read(path);
    EXPECT_TRUE(index.ok()) << index.status();
    auto clip = VideoClip::Open(path, std::make_shared<const ClipIndex>(*std::move(index)));
    EXPECT_TRUE(clip.ok()) << clip.status();
    return *std::move(clip);
  }
  static std::int64_t Shown(VideoClip& clip, std::int64_t n) {
    const auto frame = clip.Frame(n);
    EXPECT_TRUE(frame.ok()) << frame.status();
    return frame.ok() ? ClipFiles::CountOf(**frame) : -1;
  }

  ClipFiles files_;
};

TEST_F(VideoClipTest, EveryFrameComesInOrder) {
  for (const auto& [name, options] : std::vector<std::pair<const char*, std::vector<std::string>>>{
           {"p.mp4", {"-bf", "0"}},
           {"b.mp4", {"-preset", "medium", "-bf", "3", "-b-pyramid", "normal", "-g", "20"}},
           {"open.mkv", {"-preset", "medium", "-x264-params", "open-gop=1:bframes=3:keyint=12"}},
           {"late.ts", {"-preset", "medium", "-bf", "2", "-muxdelay", "2"}},
           {"vp9.webm", {"-c:v", "libvpx-vp9", "-lossless", "1", "-cpu-used", "8", "-g", "20"}},
           {"mpeg4.avi", {"-c:v", "mpeg4", "-q:v", "1", "-bf", "0"}}}) {
    const auto clip = Open(files_.Counting(name, 60, options));
    ASSERT_EQ(clip->index().frame_count(), 60) << name;
    for (int n = 0; n < 60; ++n) EXPECT_NEAR(Shown(*clip, n), n, 0) << name;
  }
}

TEST_F(VideoClipTest, AnyFrameComesFromAnywhere) {
  for (const auto& [name, options] : std::vector<std::pair<const char*, std::vector<std::string>>>{
           {"b.mp4", {"-preset", "medium", "-bf", "3", "-g", "20"}},
           {"open.mkv", {"-preset", "medium", "-x264-params", "open-gop=1:bframes=3:keyint=12"}},
           {"late.ts", {"-preset", "medium", "-bf", "2", "-muxdelay", "2", "-g", "20"}}}) {
    const auto clip = Open(files_.Counting(name, 90, options));
    for (const int n : {0, 45, 44, 3, 89, 20, 21, 19, 88, 40, 0, 59, 60, 2}) {
      EXPECT_EQ(Shown(*clip, n), n) << name;
    }
  }
}

TEST_F(VideoClipTest, SkippingForwardSkipsNothingThatIsShown) {
  const auto clip =
      Open(files_.Counting("b.mp4", 90, {"-preset", "medium", "-bf", "3", "-g", "250"}));
  for (int n = 0; n < 90; n += 7) EXPECT_EQ(Shown(*clip, n), n);
}

TEST_F(VideoClipTest, VariableRateIsShownAsTimed) {
  const auto clip =
      Open(files_.Counting("v.mp4", 10, {"-vsync", "vfr"}, ",setpts=N*(N+1)/2/25/TB"));
  // A thirtieth a step: which frame is on screen then.
  for (int step = 0; step < 50; ++step) {
    const std::int64_t tick = step * 25 / 30;  // of 40 ms
    std::int64_t expected = 0;
    while (expected < 9 && (expected + 1) * (expected + 2) / 2 <= tick) ++expected;
    EXPECT_EQ(Shown(*clip, clip->index().FrameAt(absl::Seconds(step) / 30)), expected) << step;
  }
}

TEST_F(VideoClipTest, HiddenFramesOfAnEditListAreNotShown) {
  const std::string whole = files_.Counting("whole.mp4", 50, {"-g", "25", "-bf", "0"});
  const auto clip =
      Open(files_.Make("cut.mp4", {"-ss", "0.4", "-i", whole, "-t", "1", "-c", "copy"}));
  EXPECT_EQ(Shown(*clip, 0), 10);
  EXPECT_EQ(Shown(*clip, 12), 22);
  EXPECT_EQ(Shown(*clip, 0), 10);
}

// ------------------------------------------------------------------- damage
std::string Damaged(const std::string& bytes,
                    std::size_t begin,
                    std::size_t end,
                    std::size_t step) {
  std::string damaged = bytes;
  for (std::size_t i = begin; i < end && i + 40 < bytes.size(); i += step) {
    for (std::size_t k = 0; k < 40; ++k) damaged[i + k] = static_cast<char>(0x5a + k);
  }
  return damaged;
}

class DamagedClipTest : public VideoClipTest {
 protected:
  // A frame at a time; how many there were, or the error.
  absl::StatusOr<int> Play(const std::string& bytes) {
    const std::string path = files_.Path("damaged.mp4");
    RETURN_IF_ERROR(WriteFileDurably(path, bytes));
    const auto clip = Open(path);
    for (int n = 0; n < clip->index().frame_count(); ++n) {
      RETURN_IF_ERROR(clip->Frame(n).status());
    }
    return static_cast<int>(clip->index().frame_count());
  }
  std::string Noisy() {
    return *ReadFile(files_.Counting("noisy.mp4", 60, {"-qp", "20", "-g", "5"}, ",noise=alls=80"),
                     10 << 20);
  }
};

TEST_F(DamagedClipTest, MuchDamageFailsAndNamesTheFile) {
  const std::string bytes = Noisy();
  const auto played = Play(Damaged(bytes, bytes.size() / 4, bytes.size() * 3 / 4, 500));
  ASSERT_FALSE(played.ok());
  EXPECT_EQ(played.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(played.status().message()),
              HasSubstr("damaged.mp4: the clip is damaged"));
}

TEST_F(DamagedClipTest, OneStrayMistakePlaysOn) {
  const std::string bytes = Noisy();
  const auto played = Play(Damaged(bytes, bytes.size() / 2, bytes.size() / 2 + 1, 1));
  ASSERT_TRUE(played.ok()) << played.status();
  EXPECT_EQ(*played, 60);
}

}  // namespace
}  // namespace rn
