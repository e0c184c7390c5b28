// One item of ten minutes, looked at from outside: sound and pictures stay together, memory flat.
#include <gtest/gtest.h>
#include <malloc.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "pipeline/render.h"
#include "tests/pipeline/sound.h"
#include "tests/pipeline/tools.h"

namespace rn {
namespace {

// A white frame and a tone, together, for half a second; black and silent otherwise. A caption word
// changes its colour several times a second all along.
constexpr int kSeconds = 600;
constexpr double kFlashes[] = {0.4, 300.4, 599.2};  // whole frames at 25 a second

std::string LongTemplate() {
  std::string flashes, words;
  for (const double at : kFlashes) {
    absl::StrAppend(&flashes,
                    R"({"type": "shape", "fill_color": "#fff", "time": )",
                    at,
                    R"(, "duration": 0.5}, {"type": "audio", "source": "music:tone", "time": )",
                    at,
                    R"(, "loudness": -20},)");
  }
  return absl::StrCat(R"({"schema": "1", "name": "long",
    "output": {"width": 128, "height": 72, "fps": 25}, "scenes": [{"duration": )",
                      kSeconds,
                      R"(, "elements": [)",
                      flashes,
                      R"({"type": "captions", "source": "asset:words.srt", "effect": "karaoke",
                          "fill_color": "#333", "color": "#555", "font_size": 12}]}]})");
}

std::string Subtitles() {
  std::string srt;
  for (int i = 0; i < kSeconds / 5; ++i) {
    absl::StrAppendFormat(&srt,
                          "%d\n00:%02d:%02d,000 --> 00:%02d:%02d,900\n"
                          "These are words that number %d says\n\n",
                          i + 1,
                          i * 5 / 60,
                          i * 5 % 60,
                          i * 5 / 60,
                          i * 5 % 60 + 4,
                          i);
  }
  return srt;
}

std::size_t HeapInUse() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

// The numbers that follow `label` in what a tool printed.
std::vector<double> Numbers(const std::string& printed, const std::string& label) {
  std::vector<double> numbers;
  for (std::size_t at = printed.find(label); at != std::string::npos;
       at = printed.find(label, at + 1)) {
    double number = NAN;
    const std::vector<std::string> words = absl::StrSplit(
        printed.substr(at + label.size(), 40), absl::ByAnyChar(" \r\n"), absl::SkipEmpty());
    EXPECT_TRUE(absl::SimpleAtod(words.at(0), &number)) << words.at(0);
    numbers.push_back(number);
  }
  return numbers;
}

class LongItemTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempDir(*TempDir::Create("long"));
    const auto store = [](const char* name, const std::string& bytes) {
      EXPECT_TRUE(WriteFileDurably(folder_->path() / name, bytes).ok());
      return (folder_->path() / name).string();
    };
    const std::map<std::string, std::string> paths = {
        {"music:tone", store("tone.wav", WavBytes(Sine(absl::Milliseconds(500), 1000, 0.5)))},
        {"asset:words.srt", store("words.srt", Subtitles())}};
    rendernode::JobSpec job;
    job.set_template_json(LongTemplate());
    const DeviceList devices = DeviceList::Discover();
    SpeechEngines speech({});
    const auto result = Render({job, {}, paths, folder_->path()},
                               {.devices = devices, .speech = speech, .clock = Clock::System()},
                               [](const RenderProgress& progress) {
                                 if (progress.phase != rendernode::RENDERING) return;
                                 heap_[progress.frames_done / 1000] = HeapInUse();
                               });
    ASSERT_TRUE(result.ok()) << result.status();
    frames_ = result->usage().frames();
    // Where black ends there is the flash; where silence ends, the tone.
    printed_ = RunTool("ffmpeg",
                       {"-nostats",
                        "-hide_banner",
                        "-i",
                        (folder_->path() / "video.mp4").string(),
                        "-vf",
                        "blackdetect=d=0.1:pix_th=0.5:pic_th=0.9",
                        "-af",
                        "silencedetect=n=-40dB:d=0.1",
                        "-f",
                        "null",
                        "-"});
  }
  static void TearDownTestSuite() { delete folder_; }

  static inline TempDir* folder_ = nullptr;
  static inline std::map<std::int64_t, std::size_t> heap_;  // by thousands of frames done
  static inline std::int64_t frames_ = 0;
  static inline std::string printed_;
};

TEST_F(LongItemTest, SoundAndPictureStayTogetherFromTheFirstFlashToTheLast) {
  const std::vector<double> seen = Numbers(printed_, "black_end:");
  const std::vector<double> heard = Numbers(printed_, "silence_end: ");
  ASSERT_GE(seen.size(), 3U) << printed_;
  ASSERT_GE(heard.size(), 3U) << printed_;
  for (int i = 0; i < 3; ++i) {
    EXPECT_NEAR(seen[i], kFlashes[i], 0.001) << i;
    EXPECT_NEAR(heard[i], seen[i], 0.010) << i;
  }
}

TEST_F(LongItemTest, MemoryDoesNotGrowWithTheFrames) {
  EXPECT_EQ(frames_, 25 * kSeconds);
  ASSERT_TRUE(heap_.count(1) > 0 && heap_.count(14) > 0);
  constexpr std::size_t kNoise = 4 << 20;
  EXPECT_LE(heap_[14], heap_[1] + kNoise);
}

}  // namespace
}  // namespace rn
