// Voices that speak outside the worker: a command and a server, through the real daemon.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "tests/e2e/farm.h"

namespace rn {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr absl::Duration kJobTimeout = absl::Seconds(90);

// Reads a text and says each word as a tone of a fifth of a second, raw at 16 kHz. Texts with
// "hoarse" in them make it fail. Every run leaves a line in the file of its first argument.
constexpr char kEngine[] = R"(import array, math, sys
text = sys.stdin.read()
with open(sys.argv[1], 'a') as runs:
    runs.write(text)
if 'hoarse' in text:
    sys.exit('no voice today')
tone = [int(9000 * math.sin(2 * math.pi * 300 * i / 16000)) for i in range(3200)]
sys.stdout.buffer.write(array.array('h', (tone + [0] * 400) * len(text.split())).tobytes())
)";

class ExternalSpeechTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = TempDir::Create("engine");
    ASSERT_TRUE(dir.ok()) << dir.status();
    dir_ = std::make_unique<TempDir>(*std::move(dir));
    ASSERT_TRUE(WriteFileDurably(dir_->path() / "engine.py", kEngine).ok());
    const std::string path = dir_->path().string();
    auto farm = Farm::Create(
        {.node_config = absl::StrCat("[speech.engines.tones]\nkind = \"command\"\n",
                                     "command = [\"/usr/bin/python3\", \"",
                                     path,
                                     "/engine.py\", \"",
                                     path,
                                     "/runs\"]\noutput = \"raw\"\nsample_rate = 16000\n",
                                     "attempts_max = 2\nretry_min = \"10ms\"\n",
                                     "retry_max = \"20ms\"\n"),
         .voices = R"({"professional": {"engine": "tones", "voice": "a"},
                       "other": {"engine": "espeak-ng", "voice": "en-us"}})"});
    ASSERT_TRUE(farm.ok()) << farm.status();
    farm_ = *std::move(farm);
  }

  // The job's videos once all are done.
  json Rendered(const std::vector<std::string>& scripts) {
    std::vector<std::array<std::string, 3>> rows;
    for (const std::string& script : scripts) rows.push_back({"Tones", script, "speaker.jpg"});
    const std::string sheet = absl::StrCat("sheet", ++sheets_);
    farm_->WriteSheet(sheet, rows);
    const auto job = farm_->Submit(sheet, sheet);
    EXPECT_TRUE(job.ok()) << job.status();
    if (!job.ok()) return json::array();
    EXPECT_TRUE(farm_->WaitForJob(*job, kJobTimeout, [](const json& state) {
      return state.at("state") == "completed" || state.at("state") == "failed";
    })) << farm_->Logs();
    const auto videos = farm_->client().ListVideos(*job);
    EXPECT_TRUE(videos.ok()) << videos.status();
    return videos.ok() ? json(*videos) : json::array();
  }

  std::vector<std::string> Runs() {
    std::vector<std::string> lines =
        absl::StrSplit(ReadFile(dir_->path() / "runs", 1 << 20).value_or(""), '\n');
    lines.pop_back();
    return lines;
  }

  std::unique_ptr<TempDir> dir_;
  std::unique_ptr<Farm> farm_;
  int sheets_ = 0;
};

TEST_F(ExternalSpeechTest, ACommandSpeaksOnceForAllWhoWantTheSameAlsoAfterARestart) {
  const std::string script = "One two three four five.";
  for (const json& video : Rendered({script, script})) {
    EXPECT_EQ(video.at("state"), "completed") << video;
  }
  EXPECT_EQ(Runs(), std::vector<std::string>{script});
  ASSERT_TRUE(farm_->StopNode().ok());
  ASSERT_TRUE(farm_->StartNode().ok());
  const json again = Rendered({script});
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].at("state"), "completed") << again << farm_->Logs();
  EXPECT_EQ(Runs().size(), 1u);
}

TEST_F(ExternalSpeechTest, AnEngineThatFailsFailsTheItemAloneWithItsCode) {
  const json videos = Rendered({"I am hoarse", "I am well"});
  ASSERT_EQ(videos.size(), 2u);
  EXPECT_EQ(videos[0].at("state"), "failed") << videos[0];
  ASSERT_FALSE(videos[0].at("errors").empty());
  EXPECT_EQ(videos[0].at("errors").back().at("error_code"), "audio_generation_failed");
  const auto message = videos[0].at("errors").back().at("error_message").get<std::string>();
  EXPECT_THAT(message, HasSubstr("voice \"professional\", speech engine \"tones\""));
  EXPECT_THAT(message, HasSubstr("no voice today (2 attempts)"));
  EXPECT_EQ(videos[1].at("state"), "completed") << videos[1];
}

}  // namespace
}  // namespace rn
