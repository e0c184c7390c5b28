#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file.h"
#include "pipeline/render.h"
#include "pipeline/text.h"
#include "template/template_model.h"
#include "tests/pipeline/tools.h"

namespace rn {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

// A template without sound; what `output` asks for, rendered into a folder.
class Film {
 public:
  explicit Film(const std::string& output, const std::string& scenes) {
    job_.set_template_json(absl::StrCat(
        R"({"schema": "1", "name": "film", "output": )", output, R"(, "scenes": [)", scenes, "]}"));
  }

  absl::StatusOr<rendernode::ItemResult> Render() {
    SpeechEngines speech({});
    const DeviceList devices = DeviceList::Discover();
    return rn::Render({job_, {}, {}, folder_->path()},
                      {devices, speech, Clock::System()},
                      [&](const RenderProgress& progress) {
                        if (on_progress) on_progress(progress);
                      });
  }

  std::string File(const char* name) const { return (folder_->path() / name).string(); }

  std::function<void(const RenderProgress&)> on_progress;

 private:
  absl::StatusOr<TempDir> folder_ = TempDir::Create("film");
  rendernode::JobSpec job_;
};

// A box that slides in over a colour for so long.
std::string MovingScene(double seconds) {
  return absl::StrFormat(R"({"duration": %g, "background_color": "#204060", "elements": [
      {"type": "shape", "shape": "rect", "width": "30%%", "height": "30%%", "fill_color": "#ffb400",
       "animations": [{"type": "slide", "direction": "up", "duration": 1}]}]})",
                         seconds);
}

std::string FlatScene(const char* color, double seconds) {
  return absl::StrFormat(
      R"({"duration": %g, "background_color": "%s", "elements": []})", seconds, color);
}

json VideoStream(const std::string& path, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {
      "-v", "error", "-of", "json", "-select_streams", "v", "-show_streams", "-count_packets"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  arguments.push_back(path);
  return json::parse(RunTool("ffprobe", arguments), nullptr, false);
}

// ------------------------------------------------------------------- sizes and rates
struct Shape {
  int width, height;
  const char* fps;
  const char* rate;  // as ffprobe writes it
};

class OutputGridTest : public ::testing::TestWithParam<Shape> {};

TEST_P(OutputGridTest, IsAConstantRateStreamOfItsSizeThatDecodesCleanly) {
  const Shape& shape = GetParam();
  Film film(absl::StrFormat(
                R"({"width": %d, "height": %d, "fps": %s})", shape.width, shape.height, shape.fps),
            MovingScene(0.2));
  const auto result = film.Render();
  ASSERT_TRUE(result.ok()) << result.status();
  const json probed = VideoStream(film.File("video.mp4"), {"-show_packets"});
  const json& video = probed.at("streams").at(0);
  EXPECT_EQ(video["width"], shape.width);
  EXPECT_EQ(video["height"], shape.height);
  EXPECT_EQ(video["profile"], "High");
  EXPECT_EQ(video["pix_fmt"], "yuv420p");
  EXPECT_EQ(video["r_frame_rate"], shape.rate);
  EXPECT_EQ(video["avg_frame_rate"], shape.rate);
  EXPECT_EQ(video["nb_read_packets"], absl::StrCat(result->usage().frames()));
  for (const json& packet : probed.at("packets")) {
    EXPECT_EQ(packet["duration"], probed.at("packets").at(0)["duration"]);
  }
  EXPECT_EQ(RunTool("ffmpeg", {"-v", "error", "-i", film.File("video.mp4"), "-f", "null", "-"}),
            "");
}

// Every rate at one size, every size at one rate, and the two ends of both.
INSTANTIATE_TEST_SUITE_P(Rates,
                         OutputGridTest,
                         ::testing::Values(Shape{854, 480, "23.976", "24000/1001"},
                                           Shape{854, 480, "24", "24/1"},
                                           Shape{854, 480, "25", "25/1"},
                                           Shape{854, 480, "29.97", "30000/1001"},
                                           Shape{854, 480, "30", "30/1"},
                                           Shape{854, 480, "50", "50/1"},
                                           Shape{854, 480, "59.94", "60000/1001"},
                                           Shape{854, 480, "60", "60/1"}));
INSTANTIATE_TEST_SUITE_P(Sizes,
                         OutputGridTest,
                         ::testing::Values(Shape{1280, 720, "30", "30/1"},
                                           Shape{1920, 1080, "30", "30/1"},
                                           Shape{2560, 1440, "30", "30/1"},
                                           Shape{3840, 2160, "24", "24/1"},
                                           Shape{3840, 2160, "60", "60/1"},
                                           Shape{1080, 1920, "29.97", "30000/1001"},
                                           Shape{1080, 1080, "25", "25/1"},
                                           Shape{16, 16, "60", "60/1"}));

// The frames at which a player can enter.
std::vector<std::int64_t> Keyframes(const Film& film, double fps) {
  std::vector<std::int64_t> keyframes;
  const json probed = VideoStream(film.File("video.mp4"), {"-show_packets"});
  for (const json& packet : probed.at("packets")) {
    if (!absl::StartsWith(packet.value("flags", ""), "K")) continue;
    keyframes.push_back(std::lround(std::stod(packet.value("pts_time", "")) * fps));
  }
  return keyframes;
}

TEST(OutputsTest, KeyframesStandEveryTwoSecondsAtEveryRate) {
  const std::vector<std::tuple<const char*, double, std::int64_t>> rates = {
      {"24", 24, 48}, {"29.97", 30'000 / 1001.0, 60}, {"50", 50, 100}};
  for (const auto& [name, fps, interval] : rates) {
    Film film(absl::StrFormat(R"({"width": 64, "height": 36, "fps": %s})", name), MovingScene(4.5));
    ASSERT_TRUE(film.Render().ok());
    EXPECT_THAT(Keyframes(film, fps), IsSupersetOf({0L, interval, 2 * interval})) << name;
  }
}

TEST(OutputsTest, SoundEndsWithThePictureAtNtscRates) {
  Film film(R"({"width": 64, "height": 36, "fps": 29.97})", MovingScene(20));
  const auto result = film.Render();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->usage().frames(), 599U);  // 20 s are 599.4 frames.
  const json format = json::parse(
      RunTool("ffprobe", {"-v", "error", "-of", "json", "-show_streams", film.File("video.mp4")}));
  for (const json& stream : format.at("streams")) {
    EXPECT_NEAR(std::stod(stream.value("duration", "")), 599 * 1001 / 30'000.0, 1024 / 48'000.0)
        << stream["codec_type"];
  }
}

TEST(OutputsTest, ARateThatNobodyPlaysIsRefused) {
  Film film(R"({"width": 64, "height": 36, "fps": 26})", MovingScene(1));
  EXPECT_THAT(std::string(film.Render().status().message()),
              HasSubstr("/output/fps: must be one of 23.976, 24, 25, 29.97, 30, 50, 59.94, 60"));
}

std::string ErrorOf(const std::string& output) {
  const auto parsed =
      Template::Parse(absl::StrCat(R"({"schema": "1", "name": "t", "output": )",
                                   output,
                                   R"(, "scenes": [{"duration": 1, "elements": []}]})"),
                      &InstalledFontFamilies());
  return std::string(parsed.status().message());
}

std::string WithVideo(const std::string& video) {
  return absl::StrCat(R"({"width": 64, "height": 36, "video": )", video, "}");
}

TEST(OutputsTest, ABitrateSaysHowLargeTheVideoIs) {
  for (const auto& [bitrate, bps] : {std::pair(R"("60k")", 60e3), std::pair("120000", 120e3)}) {
    Film film(absl::StrCat(R"({"width": 320, "height": 180, "video": {"bitrate": )", bitrate, "}}"),
              MovingScene(0.5) + "," + FlatScene("#ffffff", 0.5) + "," + MovingScene(0.5));
    ASSERT_TRUE(film.Render().ok());
    const std::string bytes = *ReadFile(film.File("video.mp4"), 10'000'000);
    EXPECT_THAT(bytes, HasSubstr(absl::StrFormat("rc=abr mbtree=1 bitrate=%.0f", bps / 1000)));
  }
}

TEST(OutputsTest, WhatIsNoBitrateIsSaid) {
  EXPECT_THAT(ErrorOf(WithVideo(R"({"bitrate": "6m"})")),
              HasSubstr("/output/video/bitrate: \"6m\" is not within 50k to 100M"));
  EXPECT_THAT(ErrorOf(WithVideo(R"({"bitrate": "10k"})")), HasSubstr("is not within 50k to 100M"));
  EXPECT_THAT(ErrorOf(WithVideo(R"({"bitrate": 1000})")), HasSubstr("must be at least 50000"));
  EXPECT_THAT(ErrorOf(WithVideo(R"({"bitrate": "2.5M", "crf": 20})")), HasSubstr("give one"));
  EXPECT_EQ(ErrorOf(WithVideo(R"({"bitrate": "2.5M"})")), "");
}

// ------------------------------------------------------------------- preview
std::string FourScenes() {
  return absl::StrCat(FlatScene("#ff0000", 0.5),
                      ",",
                      FlatScene("#00ff00", 0.5),
                      ",",
                      FlatScene("#0000ff", 0.5),
                      ",",
                      FlatScene("#ffffff", 0.5));
}

std::string Output(const std::string& preview) {
  return absl::StrCat(R"({"width": 320, "height": 180, "preview": )", preview, "}");
}

// The picture as a player shows it: RGB, rows without gaps.
std::string Pixels(const std::string& jpeg) {
  const std::string raw = absl::StrCat(jpeg, ".raw");
  RunTool("ffmpeg", {"-v", "error", "-i", jpeg, "-pix_fmt", "rgb24", "-f", "rawvideo", raw});
  return ReadFile(raw, 10'000'000).value_or("");
}

MATCHER_P(IsColor, rgb, "") {
  for (int i = 0; i < 3; ++i) {
    const int difference = static_cast<unsigned char>(arg[i]) - (rgb >> (16 - 8 * i) & 0xff);
    if (std::abs(difference) > 6) return false;
  }
  return true;
}

TEST(PreviewTest, ShowsTheVideoFromLeftToRight) {
  Film film(Output(R"({"frames": 4, "width": 64})"), FourScenes());
  const auto result = film.Render();
  ASSERT_TRUE(result.ok()) << result.status();
  const auto preview = std::find_if(
      result->artifacts().begin(), result->artifacts().end(), [](const auto& artifact) {
        return artifact.type() == rendernode::Artifact::PREVIEW;
      });
  ASSERT_NE(preview, result->artifacts().end());
  EXPECT_EQ(preview->path(), film.File("preview.jpg"));
  EXPECT_EQ(preview->content_type(), "image/jpeg");
  EXPECT_EQ(preview->format(), "jpg");

  const std::string pixels = Pixels(film.File("preview.jpg"));
  ASSERT_EQ(pixels.size(), 4U * 64 * 36 * 3);
  const std::vector<int> colors = {0xff0000, 0x00ff00, 0x0000ff, 0xffffff};
  for (std::size_t i = 0; i < colors.size(); ++i) {
    // Both sides of every seam, but for what JPEG's chroma smears over it.
    for (const std::size_t x : {i * 64 + 4, i * 64 + 59}) {
      EXPECT_THAT(pixels.substr((18 * 256 + x) * 3, 3), IsColor(colors[i])) << "at " << x;
    }
  }
}

TEST(PreviewTest, AVideoShorterThanItsStripRepeatsFrames) {
  Film film(Output("{}"), FlatScene("#00ff00", 0.1));
  const auto result = film.Render();
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->usage().frames(), 3U);
  const std::string pixels = Pixels(film.File("preview.jpg"));
  ASSERT_EQ(pixels.size(), 10U * 160 * 90 * 3);
  for (std::size_t x = 80; x < 1600; x += 160) {
    EXPECT_THAT(pixels.substr((45 * 1600 + x) * 3, 3), IsColor(0x00ff00)) << "at " << x;
  }
}

TEST(PreviewTest, NoneIsWrittenUnlessAskedFor) {
  Film film(R"({"width": 64, "height": 36})", FlatScene("#00ff00", 0.1));
  ASSERT_TRUE(film.Render().ok());
  EXPECT_FALSE(std::filesystem::exists(film.File("preview.jpg")));
}

TEST(PreviewTest, WhatCannotBeDrawnIsSaid) {
  EXPECT_THAT(ErrorOf(Output(R"({"frames": 61})")),
              HasSubstr("/output/preview/frames: must be at most 60; it is 61"));
  EXPECT_THAT(ErrorOf(Output(R"({"width": 161})")),
              HasSubstr("/output/preview/width: must be even"));
  EXPECT_THAT(ErrorOf(Output(R"({"frame": 8})")), HasSubstr("did you mean \"frames\"?"));
  EXPECT_THAT(ErrorOf(R"({"width": 16, "height": 1600, "preview": {"width": 160}})"),
              HasSubstr("/output/preview/width: makes pictures 16000 pixels high of this frame; "
                        "at most 4096"));
}

// ------------------------------------------------------------------- length
// What is allocated and not freed. Not the resident size: that of a sanitizer grows by itself.
std::size_t BytesInUse() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

TEST(OutputsTest, ThousandsOfFramesTakeNoMoreMemoryThanHundreds) {
  constexpr std::int64_t kSettled = 1'000;
  // One packet's entry in the index that the file gets at its end; a frame would be 3,456 bytes.
  constexpr std::size_t kBytesPerFrameMax = 300;
  Film film(R"({"width": 64, "height": 36, "fps": 60, "preview": {}, "sidecar": ["srt"]})",
            MovingScene(150));
  std::int64_t settled_at = 0;
  std::size_t settled = 0, at_end = 0;
  film.on_progress = [&](const RenderProgress& progress) {
    if (settled == 0 && progress.frames_done >= kSettled) {
      settled_at = progress.frames_done;
      settled = BytesInUse();
    }
    at_end = BytesInUse();
  };
  const auto result = film.Render();
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->usage().frames(), 9'000U);
  const auto frames = static_cast<std::size_t>(9'000 - settled_at);
  EXPECT_LE(at_end, settled + frames * kBytesPerFrameMax);
}

}  // namespace
}  // namespace rn
