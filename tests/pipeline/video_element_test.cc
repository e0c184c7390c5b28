// Video elements from template to picture and sound.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "pipeline/audio_mix.h"
#include "pipeline/clip_index.h"
#include "pipeline/compositor.h"
#include "pipeline/mix_sources.h"
#include "pipeline/render.h"
#include "pipeline/scene.h"
#include "pipeline/video_clip.h"
#include "proto/item_error.h"
#include "template/template_model.h"
#include "tests/pipeline/clip_files.h"
#include "tests/pipeline/silent_scene.h"
#include "tests/pipeline/sound.h"

namespace rn {
namespace {

using ::testing::HasSubstr;

constexpr int kRate = 30;  // of the output; clips count at ClipFiles::kRate

class VideoElementTest : public ::testing::Test {
 protected:
  // Scenes, and what else belongs beside them, with the files of `paths_`.
  std::string TemplateOf(absl::string_view scenes) const {
    return absl::StrCat(R"({"schema": "1", "name": "t", "output": {"width": 64, "height": 48},
        "variables": {"clip": {"type": "video", "required": true}}, "scenes": )",
                        scenes,
                        "}");
  }
  absl::StatusOr<Scene> TryResolve(absl::string_view scenes) {
    ASSIGN_OR_RETURN(const Template tmpl,
                     Template::Parse(TemplateOf(scenes), &InstalledFontFamilies()));
    rendernode::JobSpec job;
    rendernode::ItemSpec item;
    (*item.mutable_values())["clip"] = "https://example.com/clip";
    ASSIGN_OR_RETURN(const Composition composition, tmpl.Bind({job, item, paths_}));
    return Scene::Resolve(composition, {});
  }
  Scene Resolve(absl::string_view scenes) {
    auto scene = TryResolve(scenes);
    EXPECT_TRUE(scene.ok()) << scene.status();
    return *std::move(scene);
  }
  // One scene of one clip.
  Scene WithClip(absl::string_view properties, absl::string_view duration = "\"auto\"") {
    return Resolve(absl::StrCat(R"([{"duration": )",
                                duration,
                                R"(, "elements": [{"type": "video", "source": "{{clip}}", )",
                                properties,
                                "}]}]"));
  }
  // Which of the clip's frames each frame shows; −1: none.
  static std::vector<int> Shown(const Scene& scene) {
    std::vector<int> shown;
    for (std::int64_t n = 0; n < scene.frame_count(); ++n) {
      const DrawList list = scene.DrawListAt(n);
      const auto& draws = list.at(0).draws;
      shown.push_back(draws.empty()
                          ? -1
                          : static_cast<int>(std::lround(draws.at(0).media_s * ClipFiles::kRate)));
    }
    return shown;
  }

  ClipFiles files_;
  std::map<std::string, std::string> paths_ = {{"clip", files_.Counting("clip.mp4", 50)}};
};

TEST_F(VideoElementTest, EveryFrameShowsTheClipsFrameOfThatMoment) {
  const Scene scene = WithClip(R"("fit": "fill")");
  ASSERT_EQ(scene.frame_count(), 60);
  const auto compositor = Compositor::Create(scene);
  ASSERT_TRUE(compositor.ok());
  FrameBuffer buffer(scene, 1);
  for (std::int64_t n = 0; n < 60; ++n) {
    ASSERT_TRUE((*compositor)->Paint(n, buffer.view(), std::nullopt).ok());
    EXPECT_EQ(buffer.view().y[24 * buffer.view().y_stride + 32],
              ClipFiles::CountLuma(n * ClipFiles::kRate / kRate))
        << n;
  }
}

TEST_F(VideoElementTest, FramesThatShowTheSameFrameAreTheSame) {
  const Scene scene = WithClip(R"("mute": true)");
  const auto compositor = Compositor::Create(scene);
  int same = 0;
  for (std::int64_t n = 1; n < 60; ++n) {
    const auto damage = (*compositor)->Damage(n - 1, n);
    ASSERT_TRUE(damage.ok());
    if (damage->empty()) ++same;
  }
  EXPECT_EQ(same, 10);
}

TEST_F(VideoElementTest, TrimSpeedAndLoopChooseTheMoment) {
  EXPECT_THAT(Shown(WithClip(R"("trim_start": 0.4, "trim_duration": 0.2)")),
              ::testing::ElementsAre(10, 10, 11, 12, 13, 14));
  EXPECT_THAT(Shown(WithClip(R"("trim_duration": 0.4, "speed": 2)")),
              ::testing::ElementsAre(0, 1, 3, 5, 6, 8));
  EXPECT_THAT(Shown(WithClip(R"("trim_duration": 0.12, "speed": 0.5, "duration": "media")")),
              ::testing::ElementsAre(0, 0, 0, 1, 1, 2, 2, 2));
  EXPECT_THAT(Shown(WithClip(R"("trim_start": 1, "trim_duration": 0.2, "loop": true)", "0.5")),
              ::testing::ElementsAre(25, 25, 26, 27, 28, 29, 25, 25, 26, 27, 28, 29, 25, 25, 26));
}

TEST_F(VideoElementTest, LastFrameStaysWhereTheElementOutlastsTheClip) {
  const std::vector<int> shown = Shown(WithClip(R"("duration": "end")", "2.5"));
  EXPECT_EQ(shown.at(59), 49);
  EXPECT_EQ(shown.at(74), 49);
  // Without it the element is as long as its clip.
  EXPECT_EQ(Shown(WithClip(R"("opacity": 1)", "2.5")).at(60), -1);
}

TEST_F(VideoElementTest, SceneCanBeAsLongAsItsClip) {
  EXPECT_EQ(WithClip(R"("trim_start": 1)", "\"media\"").frame_count(), 30);
  EXPECT_EQ(WithClip(R"("speed": 4)").frame_count(), 15);
}

TEST_F(VideoElementTest, ClipsAreMaskedTurnedAndFadedLikePictures) {
  const Scene scene = WithClip(
      R"("mask": {"shape": "ellipse"}, "rotation": 30, "opacity": 0.5, "shadow_color": "#000")");
  const auto compositor = Compositor::Create(scene);
  FrameBuffer buffer(scene, 1);
  for (const std::int64_t n : {0, 1, 2, 30}) {
    const absl::Status painted = (*compositor)->Paint(n, buffer.view(), std::nullopt).status();
    ASSERT_TRUE(painted.ok()) << painted;
    // Half of the clip's grey over black.
    EXPECT_NEAR(buffer.view().y[24 * buffer.view().y_stride + 32],
                (16 + ClipFiles::CountLuma(n * ClipFiles::kRate / kRate)) / 2.0,
                2)
        << n;
  }
}

TEST_F(VideoElementTest, BadClipsAreNamedWithTheirElement) {
  ASSERT_TRUE(WriteFileDurably(files_.Path("bad.mp4"), "no clip").ok());
  paths_["clip"] = files_.Path("bad.mp4");
  const auto scene =
      TryResolve(R"([{"duration": 1, "elements": [{"type": "video", "source": "{{clip}}"}]}])");
  ASSERT_FALSE(scene.ok());
  EXPECT_THAT(std::string(scene.status().message()), HasSubstr("/scenes/0/elements/0/source"));
  EXPECT_THAT(std::string(scene.status().message()), HasSubstr("bad.mp4"));
}

// Paints every frame in order; how it ended.
absl::Status PaintAll(const Scene& scene) {
  ASSIGN_OR_RETURN(const auto compositor, Compositor::Create(scene));
  FrameBuffer buffer(scene, 1);
  std::optional<std::int64_t> holds;
  for (std::int64_t n = 0; n < scene.frame_count(); ++n) {
    RETURN_IF_ERROR(compositor->Paint(n, buffer.view(), holds).status());
    holds = n;
  }
  return absl::OkStatus();
}

TEST_F(VideoElementTest, ClipThatDecodesToRubbishFailsItsItemAndNoOther) {
  std::string bytes = *ReadFile(
      files_.Counting("noisy.mp4", 50, {"-qp", "20", "-g", "5"}, ",noise=alls=80"), 10 << 20);
  for (std::size_t i = bytes.size() / 4; i < bytes.size() * 3 / 4; i += 500) {
    bytes.replace(i, 40, std::string(40, '\x5a'));
  }
  ASSERT_TRUE(WriteFileDurably(files_.Path("damaged.mp4"), bytes).ok());
  const std::string good = std::exchange(paths_["clip"], files_.Path("damaged.mp4"));
  const absl::Status painted = PaintAll(WithClip(R"("fit": "fill")"));
  EXPECT_EQ(painted.code(), absl::StatusCode::kInvalidArgument) << painted;
  EXPECT_EQ(ItemErrorOf(painted), rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR);
  EXPECT_THAT(std::string(painted.message()), HasSubstr("/scenes/0/elements/0"));
  EXPECT_THAT(std::string(painted.message()), HasSubstr("damaged.mp4: the clip is damaged"));
  paths_["clip"] = good;
  EXPECT_EQ(PaintAll(WithClip(R"("fit": "fill")")), absl::OkStatus());
}

TEST_F(VideoElementTest, ClipMayChangeItsSizeMidway) {
  const std::string small = files_.Counting("small.ts", 25);
  const std::string large =
      files_.Counting("large.ts", 25, {"-output_ts_offset", "1"}, ",scale=128:96");
  const std::string bytes = *ReadFile(small, 10 << 20) + *ReadFile(large, 10 << 20);
  paths_["clip"] = files_.Path("both.ts");
  ASSERT_TRUE(WriteFileDurably(paths_["clip"], bytes).ok());
  EXPECT_EQ(PaintAll(WithClip(R"("fit": "fill")")), absl::OkStatus());
}

TEST_F(VideoElementTest, TrimBeyondTheClipIsAMistake) {
  const auto scene = TryResolve(
      R"([{"duration": 1, "elements": [{"type": "video", "source": "{{clip}}", "trim_start": 9}]}])");
  EXPECT_THAT(std::string(scene.status().message()), HasSubstr("nothing is left of the clip"));
}

// ------------------------------------------------------------------- sound
class ClipSoundTest : public VideoElementTest {
 protected:
  // A second at 24 frames: white and beeping from 0.5 to 0.6 s, else black and silent.
  ClipSoundTest() {
    paths_["clip"] = files_.Make(
        "flash.mp4",
        {"-f",
         "lavfi",
         "-i",
         "color=black:s=64x48:r=24:d=1,drawbox=c=white:t=fill:enable='gte(n,12)*lt(n,15)'",
         "-f",
         "lavfi",
         "-i",
         "sine=f=1000:d=1:r=48000,asetnsamples=480,volume=8,volume=0:enable='not(between(t,0.5,0.6)"
         ")':eval=frame,"
         "asetnsamples=480",
         "-c:v",
         "libx264",
         "-qp",
         "10",
         "-preset",
         "ultrafast",
         "-pix_fmt",
         "yuv420p",
         "-c:a",
         "pcm_s16le",
         "-f",
         "mov"});
  }
  static absl::Duration Onset(absl::Span<const float> samples, absl::Duration after = {}) {
    for (std::int64_t i = ToSampleFrames(after); i * kChannels < std::ssize(samples); ++i) {
      if (std::abs(samples[static_cast<std::size_t>(i * kChannels)]) > 0.05F) {
        return absl::Seconds(1) * i / kSampleRate;
      }
    }
    return absl::InfiniteDuration();
  }
  static std::vector<float> Mixed(const Scene& scene) {
    const auto sources = MixSources::Load(scene.mix(), {});
    EXPECT_TRUE(sources.ok()) << sources.status();
    std::vector<float> samples(static_cast<std::size_t>(scene.mix().sample_frames) * kChannels);
    if (sources.ok()) sources->Mix(0, absl::MakeSpan(samples));
    return samples;
  }
};

TEST_F(ClipSoundTest, SoundStaysInStepThroughTrimSpeedAndLoops) {
  for (const auto& [properties, first, second] :
       std::vector<std::tuple<const char*, double, double>>{
           {R"("time": 0.2)", 0.7, INFINITY},
           {R"("trim_start": 0.25)", 0.25, INFINITY},
           {R"("speed": 0.5)", 1.0, INFINITY},
           {R"("loop": true)", 0.5, 1.5},
           {R"("loop": true, "trim_start": 0.25, "trim_duration": 0.5)", 0.25, 0.75},
           {R"("loop": true, "speed": 2)", 0.25, 0.75}}) {
    const std::vector<float> mix = Mixed(WithClip(properties, "2"));
    const absl::Duration heard = Onset(mix);
    EXPECT_NEAR(absl::ToDoubleSeconds(heard), first, 0.003) << properties;
    const absl::Duration again = Onset(mix, heard + absl::Milliseconds(250));
    if (std::isinf(second)) {
      EXPECT_EQ(again, absl::InfiniteDuration()) << properties;
    } else {
      EXPECT_NEAR(absl::ToDoubleSeconds(again), second, 0.003) << properties;
    }
  }
}

TEST_F(ClipSoundTest, MutedClipsAreSilent) {
  EXPECT_TRUE(WithClip(R"("mute": true)").mix().cues.empty());
  EXPECT_EQ(WithClip(R"("volume": 0.5)").mix().cues.at(0).gain, 0.5);
}

TEST_F(ClipSoundTest, TrimBeyondTheSoundIsSilence) {
  paths_["clip"] = files_.Make("short.mkv",
                               {"-i",
                                paths_["clip"],
                                "-f",
                                "lavfi",
                                "-i",
                                "sine=d=0.2",
                                "-map",
                                "0:v",
                                "-map",
                                "1:a",
                                "-c:v",
                                "copy"});
  EXPECT_EQ(Onset(Mixed(WithClip(R"("trim_start": 0.6)"))), absl::InfiniteDuration());
}

// Ten minutes with the clip at both ends, as a player gets them.
TEST_F(ClipSoundTest, PicturesAndSoundStayTogetherForTenMinutes) {
  rendernode::JobSpec job;
  job.set_template_json(R"({"schema": "1", "name": "long",
      "output": {"width": 64, "height": 48, "fps": 24}, "scenes": [{"duration": 600, "elements": [
        {"type": "video", "source": "asset:flash"},
        {"type": "video", "source": "asset:flash", "time": 599}]}]})");
  const std::map<std::string, std::string> paths = {{"asset:flash", paths_["clip"]}};
  const auto folder = TempDir::Create("long");
  SpeechEngines speech({});
  const DeviceList devices = DeviceList::Discover();
  const auto result = Render({job, rendernode::ItemSpec(), paths, folder->path()},
                             {devices, speech, Clock::System()},
                             [](const RenderProgress&) {});
  ASSERT_TRUE(result.ok()) << result.status();
  const std::string path = (folder->path() / "video.mp4").string();
  const auto index = ClipIndex::Read(path);
  ASSERT_TRUE(index.ok()) << index.status();
  const auto clip = VideoClip::Open(path, std::make_shared<const ClipIndex>(*index));
  const auto sound = DecodeAudioFile(path, absl::Minutes(11));
  ASSERT_TRUE(clip.ok() && sound.ok());
  for (const int begin : {0, 599}) {
    absl::Duration seen;
    for (std::int64_t n = begin * 24; n < begin * 24 + 24; ++n) {
      const auto frame = (*clip)->Frame(n);
      ASSERT_TRUE(frame.ok()) << frame.status();
      if ((*frame)->data[0][0] < 120) continue;
      seen = index->TimeOf(n);
      break;
    }
    const absl::Duration heard = Onset(sound->samples, absl::Seconds(begin));
    EXPECT_NEAR(absl::ToDoubleSeconds(seen), begin + 0.5, 0.001);
    EXPECT_NEAR(absl::ToDoubleSeconds(heard - seen), 0, 0.01) << begin;
  }
}

}  // namespace
}  // namespace rn
