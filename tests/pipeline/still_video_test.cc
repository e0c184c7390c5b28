// Videos in which little moves: what elision leaves out must not show in the file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "pipeline/render.h"
#include "tests/pipeline/sound.h"
#include "tests/pipeline/tools.h"

namespace rn {
namespace {

using nlohmann::json;

// A still of 24 s, then a second one that fades in, over music.
constexpr char kSlides[] = R"({
  "schema": "1", "name": "slides",
  "output": {"width": 480, "height": 270, "fps": 30, "video": {"elision": ELISION}},
  "variables": {"bed": {"type": "audio", "required": true}},
  "scenes": [
    {"duration": 24, "elements": [{"type": "text", "text": "One still", "font_size": 60}]},
    {"duration": 4, "transition": {"type": "fade", "duration": 0.5},
     "elements": [{"type": "text", "text": "And another", "font_size": 60}]}],
  "elements": [{"type": "audio", "source": "{{bed}}", "loop": true, "duration": "end"}]
})";

struct Packet {
  double time_s = 0, duration_s = 0;
  bool key = false, video = false;
  std::int64_t bytes = 0;
};

class StillVideo {
 public:
  explicit StillVideo(bool elision) {
    std::string text = kSlides;
    text.replace(text.find("ELISION"), 7, elision ? "true" : "false");
    job_.set_template_json(text);
    const std::string bed = (folder_->path() / "bed.wav").string();
    EXPECT_TRUE(WriteFileDurably(bed, WavBytes(MusicLike(absl::Seconds(3), 0.5))).ok());
    (*item_.mutable_values())["bed"] = "https://example.com/bed.wav";
    const std::filesystem::path output = folder_->path() / "out";
    EXPECT_TRUE(CreateDirectories(output).ok());
    const DeviceList devices = DeviceList::Discover();
    SpeechEngines speech = SpeechEngines::BuiltIn();
    const auto result = Render({job_, item_, {{"bed", bed}}, output},
                               {devices, speech, Clock::System()},
                               [](const RenderProgress&) {});
    EXPECT_TRUE(result.ok()) << result.status();
    path_ = (output / "video.mp4").string();
  }

  const std::string& path() const { return path_; }

  // In the file's order.
  std::vector<Packet> Packets() const {
    const json probed =
        json::parse(RunTool("ffprobe",
                            {"-v",
                             "error",
                             "-of",
                             "json",
                             "-show_entries",
                             "packet=codec_type,pts_time,duration_time,flags,size,pos",
                             path_}),
                    nullptr,
                    false);
    std::vector<std::pair<std::int64_t, Packet>> packets;
    for (const json& packet : probed.at("packets")) {
      packets.push_back({Number(packet, "pos"),
                         {Seconds(packet, "pts_time"),
                          Seconds(packet, "duration_time"),
                          absl::StartsWith(packet.value("flags", ""), "K"),
                          packet.value("codec_type", "") == "video",
                          Number(packet, "size")}});
    }
    std::sort(packets.begin(), packets.end(), [](const auto& a, const auto& b) {
      return a.first < b.first;
    });
    std::vector<Packet> sorted;
    for (const auto& packet : packets) sorted.push_back(packet.second);
    return sorted;
  }

 private:
  static double Seconds(const json& packet, const char* key) {
    double seconds = -1;
    EXPECT_TRUE(absl::SimpleAtod(packet.value(key, ""), &seconds)) << packet.dump();
    return seconds;
  }
  static std::int64_t Number(const json& packet, const char* key) {
    std::int64_t number = -1;
    EXPECT_TRUE(absl::SimpleAtoi(packet.value(key, ""), &number)) << packet.dump();
    return number;
  }

  rendernode::JobSpec job_;
  rendernode::ItemSpec item_;
  std::unique_ptr<TempDir> folder_ = std::make_unique<TempDir>(*TempDir::Create("still"));
  std::string path_;
};

const StillVideo& Elided() {
  static const StillVideo video(/*elision=*/true);
  return video;
}

constexpr std::size_t kFrames = 825;  // The fade is shared by the two.

TEST(StillVideoTest, EveryFrameIsInTheFileAtItsTimeAndKeyframesEveryTwoSeconds) {
  std::vector<Packet> frames = Elided().Packets();
  std::erase_if(frames, [](const Packet& packet) { return !packet.video; });
  std::sort(frames.begin(), frames.end(), [](const Packet& a, const Packet& b) {
    return a.time_s < b.time_s;
  });
  ASSERT_EQ(frames.size(), kFrames);
  std::size_t repeats = 0;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    ASSERT_NEAR(frames[i].time_s, static_cast<double>(i) / 30, 1e-4);
    ASSERT_NEAR(frames[i].duration_s, 1.0 / 30, 1e-4);
    if (i % 60 == 0) {
      ASSERT_TRUE(frames[i].key) << i;
    }
    repeats += frames[i].bytes < 20 ? 1 : 0;
  }
  EXPECT_GT(repeats, 780U);
}

TEST(StillVideoTest, SoundAndPictureStandSideBySideInTheFile) {
  double sound_s = 0;
  double picture_s = 0;
  double apart_s = 0;
  for (const Packet& packet : Elided().Packets()) {
    (packet.video ? picture_s : sound_s) = packet.time_s;
    apart_s = std::max(apart_s, std::abs(picture_s - sound_s));
  }
  EXPECT_LT(apart_s, 1.5);
}

TEST(StillVideoTest, ShowsTheSameAsAPlainStream) {
  const StillVideo& elided = Elided();
  const StillVideo plain(/*elision=*/false);
  const std::string printed = RunTool(
      "ffmpeg", {"-i", elided.path(), "-i", plain.path(), "-lavfi", "ssim", "-f", "null", "-"});
  const std::size_t at = printed.find(" All:");
  ASSERT_NE(at, std::string::npos) << printed;
  EXPECT_GT(std::stod(printed.substr(at + 5)), 0.99);
  // B-frames for reference are in libx264's plain streams alone.
  const auto reordered = [](const StillVideo& video) {
    return RunTool("ffprobe",
                   {"-v",
                    "error",
                    "-select_streams",
                    "v",
                    "-of",
                    "csv=p=0",
                    "-show_entries",
                    "stream=has_b_frames",
                    video.path()});
  };
  EXPECT_EQ(reordered(elided), "1\n");
  EXPECT_EQ(reordered(plain), "2\n");
}

}  // namespace
}  // namespace rn
