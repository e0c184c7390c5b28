#include "pipeline/shared_work.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "pipeline/render.h"
#include "tests/pipeline/clip_files.h"
#include "tests/pipeline/image_files.h"
#include "tests/pipeline/sound.h"

namespace rn {
namespace {

constexpr std::int64_t kFileMax = 100'000'000;

class Files {
 public:
  std::string Store(const std::string& name, absl::string_view bytes) {
    const std::filesystem::path path = folder_->path() / name;
    EXPECT_TRUE(WriteFileDurably(path, bytes).ok());
    return path.string();
  }
  std::string Music(const std::string& name, absl::Duration length, double amplitude = 0.8) {
    return Store(name, WavBytes(MusicLike(length, amplitude)));
  }
  std::filesystem::path folder() const { return folder_->path(); }

 private:
  absl::StatusOr<TempDir> folder_ = TempDir::Create("shared");
};

// ------------------------------------------------------------------- sounds
class SharedSoundTest : public ::testing::Test {
 protected:
  void ExpectAsDecoded(const std::string& path, const AudioRange& range) {
    const auto shared = work_.Sound(path, range);
    ASSERT_TRUE(shared.ok()) << shared.status();
    const auto decoded = DecodeAudioRange(path, range);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_TRUE(shared->samples == absl::Span<const float>(decoded->samples));
  }

  Files files_;
  SharedWork work_;
};

TEST_F(SharedSoundTest, EveryPartOfAFileIsThatOfOneDecoding) {
  const std::string path = files_.Music("bed.wav", absl::Seconds(3));
  for (const AudioRange& range : {AudioRange{100, 60'000},
                                  AudioRange{100, 90'000},
                                  AudioRange{50'000, 50'001},
                                  AudioRange{120'000, 900'000},
                                  AudioRange{200'000, 300'000}}) {
    ExpectAsDecoded(path, range);
  }
  EXPECT_EQ(work_.made(), 1);
  EXPECT_EQ(work_.found(), 4);
}

TEST_F(SharedSoundTest, WhatAnEarlierItemDidNotNeedIsDecodedWhenOneDoes) {
  const std::string path = files_.Music("bed.wav", absl::Seconds(25));
  const std::int64_t second = kSampleRate;
  ExpectAsDecoded(path, {second, 2 * second});
  ExpectAsDecoded(path, {0, 2 * second});
  ExpectAsDecoded(path, {second, 22 * second});
  EXPECT_EQ(work_.made(), 3);
  ExpectAsDecoded(path, {0, 24 * second});
  EXPECT_EQ(work_.made(), 3);
}

TEST_F(SharedSoundTest, AFileWrittenAnewIsDecodedAnew) {
  const std::string path = files_.Music("bed.wav", absl::Seconds(1), 0.8);
  ExpectAsDecoded(path, {0, 1'000});
  files_.Music("bed.wav", absl::Seconds(1), 0.4);
  ExpectAsDecoded(path, {0, 1'000});
  EXPECT_EQ(work_.made(), 2);
}

TEST_F(SharedSoundTest, AFileThatIsGoneIsAnError) {
  const std::string path = files_.Music("bed.wav", absl::Seconds(1));
  ExpectAsDecoded(path, {0, 1'000});
  std::filesystem::remove(path);
  const auto sound = work_.Sound(path, {0, 1'000});
  EXPECT_TRUE(absl::IsNotFound(sound.status())) << sound.status();
}

TEST_F(SharedSoundTest, TheBoundHoldsAndTheLeastRecentlyUsedGoes) {
  SharedWork small(/*bytes_max=*/1'000'000);  // Two of 384,000 bytes, not three.
  std::vector<std::string> paths;
  for (const char* name : {"a.wav", "b.wav", "c.wav"}) {
    paths.push_back(files_.Music(name, absl::Seconds(1)));
  }
  const AudioRange whole{0, kSampleRate};
  for (const std::size_t i : {0, 1, 0, 2}) {
    ASSERT_TRUE(small.Sound(paths[i], whole).ok());
    EXPECT_LE(small.bytes(), 1'000'000U);
  }
  EXPECT_EQ(small.made(), 3);
  ASSERT_TRUE(small.Sound(paths[0], whole).ok());
  EXPECT_EQ(small.made(), 3) << "the first was used again before the third came";
  ASSERT_TRUE(small.Sound(paths[1], whole).ok());
  EXPECT_EQ(small.made(), 4);
}

TEST_F(SharedSoundTest, WhatIsLargerThanTheBoundIsUsedAndNotKept) {
  SharedWork tiny(/*bytes_max=*/100'000);
  const std::string path = files_.Music("bed.wav", absl::Seconds(1));
  const auto sound = tiny.Sound(path, {0, kSampleRate});
  ASSERT_TRUE(sound.ok()) << sound.status();
  EXPECT_EQ(sound->samples.size(), std::size_t{kSampleRate} * kChannels);
  EXPECT_EQ(tiny.bytes(), 0U);
}

TEST_F(SharedSoundTest, AGainIsMeasuredOncePerFilePartAndLoudness) {
  const std::string path = files_.Music("bed.wav", absl::Seconds(1));
  int measured = 0;
  const auto gain = [&](const SharedWork::LoudnessMatch& match) {
    return work_.MatchingGain(path, match, [&] { return 1.0 + measured++; }).value_or(0);
  };
  EXPECT_EQ(gain({.begin = 0, .frames = 48'000, .lufs = -20}), 1);
  EXPECT_EQ(gain({.begin = 0, .frames = 48'000, .lufs = -20}), 1);
  EXPECT_EQ(gain({.begin = 0, .frames = 47'000, .lufs = -20}), 2);
  EXPECT_EQ(gain({.begin = 9, .frames = 48'000, .lufs = -20}), 3);
  EXPECT_EQ(gain({.begin = 0, .frames = 48'000, .lufs = -16}), 4);
  files_.Music("bed.wav", absl::Seconds(1), 0.4);
  EXPECT_EQ(gain({.begin = 0, .frames = 48'000, .lufs = -20}), 5) << "it was written anew";
}

// ------------------------------------------------------------------- clips
TEST(SharedClipTest, AClipIsReadOnceAndAnewWhenItIsWrittenAnew) {
  const ClipFiles clips;
  SharedWork work;
  const std::string path = clips.Counting("clip.mp4", 10);
  const auto first = work.Clip(path);
  const auto second = work.Clip(path);
  ASSERT_TRUE(first.ok() && second.ok()) << first.status() << second.status();
  EXPECT_EQ(*first, *second);
  EXPECT_GE(work.bytes(), (*first)->bytes());
  std::filesystem::remove(path);
  EXPECT_TRUE(absl::IsNotFound(work.Clip(path).status()));
  clips.Counting("clip.mp4", 12);
  const auto anew = work.Clip(path);
  ASSERT_TRUE(anew.ok()) << anew.status();
  EXPECT_EQ((*anew)->frame_count(), 12);
}

// ------------------------------------------------------------------- jobs
rendernode::JobSpec JobOf(const std::string& id, const std::string& text) {
  rendernode::JobSpec job;
  job.set_job_id(id);
  job.set_template_json(absl::StrCat(
      R"({"schema": "1", "name": "t", "output": {"width": 64, "height": 36}, "scenes": [)",
      R"({"duration": 0.1, "elements": [{"type": "text", "text": ")",
      text,
      R"(", "font_size": 10}]}]})"));
  return job;
}

TEST(SharedPixelsTest, WhatShowsTheSameInTheSameBoxIsMadeOnceWhereverItIs) {
  const auto gradient = [](const std::string& pointer, double width) {
    Element element;
    element.pointer = pointer;
    element.box = {0, 0, width, 90};
    ShapeContent shape;
    shape.fill.stops = {{0, {0, 0, 0, 255}}, {1, {255, 255, 255, 255}}};
    element.content = shape;
    return element;
  };
  SharedWork work;
  ASSERT_TRUE(work.RasteriseLayer(gradient("/scenes/0/elements/0", 160), {}).ok());
  ASSERT_TRUE(work.RasteriseLayer(gradient("/scenes/1/elements/0", 160), {}).ok());
  EXPECT_EQ(work.made(), 1);
  EXPECT_EQ(work.found(), 1);
  ASSERT_TRUE(work.RasteriseLayer(gradient("/scenes/2/elements/0", 80), {}).ok());
  EXPECT_EQ(work.made(), 2);
}

TEST(SharedWorkTest, ATemplateIsParsedOncePerJob) {
  SharedWork work;
  const auto first = work.BeginItem(JobOf("job_1", "Hello"));
  const auto second = work.BeginItem(JobOf("job_1", "Hello"));
  const auto other = work.BeginItem(JobOf("job_1", "Hello again"));
  for (const auto* parsed : {&first, &second, &other}) {
    ASSERT_TRUE(parsed->ok()) << parsed->status();
  }
  EXPECT_EQ(&first->variables(), &second->variables());
  EXPECT_NE(&first->variables(), &other->variables());
}

TEST(SharedWorkTest, NothingIsKeptOfAnotherJob) {
  Files files;
  SharedWork work;
  ASSERT_TRUE(work.BeginItem(JobOf("job_1", "Hello")).ok());
  ASSERT_TRUE(work.Sound(files.Music("bed.wav", absl::Seconds(1)), {0, 1'000}).ok());
  EXPECT_GT(work.bytes(), 0U);
  ASSERT_TRUE(work.BeginItem(JobOf("job_2", "Hello")).ok());
  EXPECT_EQ(work.bytes(), 0U);
}

TEST(SharedWorkTest, AMistakeInTheTemplateIsToldOfEveryItem) {
  SharedWork work;
  rendernode::JobSpec job = JobOf("job_1", "Hello");
  job.set_template_json("{}");
  EXPECT_FALSE(work.BeginItem(job).ok());
  EXPECT_FALSE(work.BeginItem(job).ok());
}

// ------------------------------------------------------------------- items
constexpr char kPromo[] = R"({
  "schema": "1", "name": "promo", "output": {"width": 320, "height": 180},
  "variables": {"title": {"type": "string"}, "image_url": {"type": "image"}},
  "scenes": [{"duration": 0.4, "elements": [
    {"type": "image", "source": "asset:wall.png", "width": "100%", "height": "100%"},
    {"type": "image", "source": "asset:logo.png", "width": "30%", "height": "30%", "x": "80%",
     "ken_burns": {"from": {"scale": 1}, "to": {"scale": 1.2}}},
    {"type": "image", "source": "{{image_url}}", "width": "30%", "height": "30%", "x": "20%"},
    {"type": "shape", "shape": "ellipse", "fill_color": "#ffb400", "width": "20%",
     "height": "20%"},
    {"type": "text", "text": "Every row has this", "y": "20%", "height": "20%"},
    {"type": "text", "text": "{{title}}", "y": "80%", "height": "20%",
     "animations": [{"type": "slide", "direction": "up", "duration": 0.2}]}]}],
  "elements": [{"type": "audio", "source": "music:bed", "duration": "end", "loop": true,
                "loudness": -20}]
})";
constexpr std::int64_t kSoundsOfEveryRow = 2;  // the music and its gain
constexpr std::int64_t kPixelsOfEveryRow = 4;  // wall, logo, ellipse, text
constexpr std::int64_t kPixelsOfARow = 2;      // its picture and its title

// The items of one job, one after the other.
class SharedItemsTest : public ::testing::Test {
 protected:
  SharedItemsTest() {
    job_.set_job_id("job_1");
    job_.set_template_json(kPromo);
    paths_["asset:wall.png"] = Picture("wall.png", 1);
    paths_["asset:logo.png"] = Picture("logo.png", 2);
    paths_["music:bed"] = files_.Music("bed.wav", absl::Seconds(1));
    paths_["image_url"] = Picture("row.png", 3);
  }

  std::string Picture(const std::string& name, int seed) {
    return files_.Store(name, ImageBytes("png", 200, 120, [seed](int x, int y) {
                          return Rgba{static_cast<std::uint8_t>(x * seed),
                                      static_cast<std::uint8_t>(y),
                                      static_cast<std::uint8_t>(x ^ y),
                                      255};
                        }));
  }

  // The finished video's bytes.
  std::string Render(const std::string& title, SharedWork* shared) {
    const auto result = TryRender(title, shared);
    EXPECT_TRUE(result.ok()) << result.status();
    return ReadFile(files_.folder() / "video.mp4", kFileMax).value_or("");
  }

  absl::StatusOr<rendernode::ItemResult> TryRender(const std::string& title, SharedWork* shared) {
    SpeechEngines speech({});
    rendernode::ItemSpec item;
    (*item.mutable_values())["title"] = title;
    (*item.mutable_values())["image_url"] = "https://example.com/row.png";
    return rn::Render(
        {job_, item, paths_, files_.folder()},
        {.devices = devices_, .speech = speech, .clock = Clock::System(), .shared = shared},
        [](const RenderProgress&) {});
  }

  Files files_;
  rendernode::JobSpec job_;
  std::map<std::string, std::string> paths_;
  const DeviceList devices_ = DeviceList::Discover();
  SharedWork work_;
};

TEST_F(SharedItemsTest, TheNextItemMakesOnlyWhatItsRowHasOfItsOwn) {
  Render("One", &work_);
  EXPECT_EQ(work_.made(), kSoundsOfEveryRow + kPixelsOfEveryRow + kPixelsOfARow);
  EXPECT_EQ(work_.found(), 0);
  paths_["image_url"] = Picture("another.png", 4);
  Render("Two", &work_);
  EXPECT_EQ(work_.made(), kSoundsOfEveryRow + kPixelsOfEveryRow + 2 * kPixelsOfARow);
  EXPECT_EQ(work_.found(), kSoundsOfEveryRow + kPixelsOfEveryRow);
}

TEST_F(SharedItemsTest, EveryItemIsTheSameToTheBitAsMadeFromScratch) {
  for (const char* title : {"One", "Two", "Two", "Three"}) {
    EXPECT_TRUE(Render(title, &work_) == Render(title, nullptr)) << title;
  }
  EXPECT_GT(work_.found(), 0);
}

TEST_F(SharedItemsTest, WhatOneRowAloneNeededIsDropped) {
  Render("One", &work_);
  const std::size_t first = work_.bytes();
  for (int row = 2; row < 6; ++row) {
    paths_["image_url"] = Picture(absl::StrCat("row-", row, ".png"), row);
    Render("One", &work_);
    EXPECT_EQ(work_.bytes(), first);
  }
}

TEST_F(SharedItemsTest, APictureWrittenAnewIsDecodedAnew) {
  const std::string before = Render("One", &work_);
  Picture("wall.png", 7);
  const std::string after = Render("One", &work_);
  EXPECT_FALSE(before == after);
  EXPECT_TRUE(after == Render("One", nullptr));
}

TEST_F(SharedItemsTest, AnItemThatFailsLeavesTheNextOneAsItWouldBe) {
  Render("One", &work_);
  const std::string good = paths_["image_url"];
  paths_["image_url"] = files_.Store("damaged.png", "not a picture");
  EXPECT_FALSE(TryRender("Two", &work_).ok());
  paths_["image_url"] = good;
  const std::int64_t made = work_.made();
  EXPECT_TRUE(Render("Two", &work_) == Render("Two", nullptr));
  EXPECT_LE(work_.made(), made + kPixelsOfARow);
}

TEST_F(SharedItemsTest, ABoundTooSmallForAnythingOnlyCostsTime) {
  SharedWork tiny(/*bytes_max=*/100);
  const std::string first = Render("One", &tiny);
  EXPECT_TRUE(first == Render("One", &tiny));
  EXPECT_LE(tiny.bytes(), 100U);
  EXPECT_EQ(tiny.found(), 0);
}

}  // namespace
}  // namespace rn
