#include "pipeline/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/disk_full.h"
#include "base/file.h"
#include "proto/item_error.h"
#include "tests/pipeline/image_files.h"
#include "tests/pipeline/sound.h"
#include "tests/pipeline/tools.h"

namespace rn {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::int64_t kFileMax = 100'000'000;
constexpr double kFrame = 1.0 / 30;

// Says every word as a tone of a quarter of a second. After a full stop it takes a breath long
// enough for the captions to leave the screen.
class BeepEngine final : public SpeechEngine {
 public:
  static constexpr absl::Duration kWord = absl::Milliseconds(250);
  static constexpr absl::Duration kBreath = absl::Milliseconds(1200);

  std::string name() const override { return "beep"; }

  absl::StatusOr<Speech> Speak(absl::string_view text, const rendernode::Voice& voice) override {
    if (voice.voice() == "hoarse") {
      return WithItemError(absl::InvalidArgumentError("no voice \"hoarse\""),
                           rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
    }
    Speech speech;
    AudioBuffer sound;
    absl::Duration now;
    std::size_t at = 0;
    for (const absl::string_view word : absl::StrSplit(text, ' ')) {
      speech.words.push_back({std::string(word), at, at + word.size(), now, now + kWord});
      at += word.size() + 1;
      Append(Sine(kWord, 500, 0.4), sound);
      now += kWord;
      if (absl::EndsWith(word, ".") && at < text.size()) {
        Append(Silence(kBreath), sound);
        now += kBreath;
      }
    }
    speech.audio = SpokenAs(sound);
    return speech;
  }

 private:
  static void Append(const AudioBuffer& sound, AudioBuffer& to) {
    to.samples.insert(to.samples.end(), sound.samples.begin(), sound.samples.end());
  }
};

constexpr char kTemplate[] = R"({
  "schema": "1", "name": "conformance",
  "output": {"width": 1920, "height": 1080, "fps": 30, "poster": {"time": 0.5},
             "sidecar": ["srt", "vtt"]},
  "variables": {
    "title": {"type": "string", "required": true, "max_length": 40},
    "script": {"type": "string", "required": true},
    "image_url": {"type": "image", "required": true},
    "voice": {"type": "voice", "default": "narrator"}},
  "scenes": [{"id": "body", "duration": "auto", "tail": 0.4, "elements": [
    {"type": "image", "source": "{{image_url}}", "x": "25%", "y": "40%", "width": "40%",
     "height": "60%", "ken_burns": {"from": {"scale": 1}, "to": {"scale": 1.2}}},
    {"type": "text", "text": "{{title}}", "y": "8%", "height": "12%", "font_size": 60,
     "animations": [{"type": "slide", "direction": "up", "time": "start", "duration": 0.5}]},
    {"type": "voice", "name": "narration", "text": "{{script}}", "voice": "{{voice}}",
     "time": 0.4},
    {"type": "captions", "source": "@narration", "effect": "highlight", "y": "88%",
     "height": "20%", "font_size": 80}]}],
  "elements": [
    {"type": "audio", "name": "music", "source": "music:bed", "duration": "end", "loop": true,
     "loop_crossfade": 0.3, "volume": MUSIC, "fade_in": 0.2, "fade_out": 0.5,
     "duck": {"under": "narration"}}]
})";

std::string TemplateWithMusicAt(absl::string_view volume) {
  return absl::StrReplaceAll(kTemplate, {{"MUSIC", volume}});
}

// A row, its files, and what rendering it wrote.
class Row {
 public:
  Row() {
    job.set_template_json(TemplateWithMusicAt("0.3"));
    (*job.mutable_voices())["narrator"].set_engine("beep");
    item.set_row(7);
    auto& values = *item.mutable_values();
    values["title"] = "The lake house";
    values["script"] = "The lake is calm. Come and see.";
    values["image_url"] = "https://example.com/lake.png";
    assets["image_url"] = Store("lake.png", ImageBytes("png", 640, 480, [](int x, int y) {
                                  return Rgba{static_cast<std::uint8_t>(x),
                                              static_cast<std::uint8_t>(y),
                                              static_cast<std::uint8_t>(x ^ y),
                                              255};
                                }));
    assets["music:bed"] = Store("bed.wav", WavBytes(MusicLike(absl::Seconds(1.7), 0.8)));
    EXPECT_TRUE(CreateDirectories(output()).ok());
  }

  std::string Store(const std::string& name, absl::string_view bytes) {
    const std::filesystem::path path = folder_->path() / name;
    EXPECT_TRUE(WriteFileDurably(path, bytes).ok());
    return path.string();
  }

  absl::StatusOr<rendernode::ItemResult> Render() {
    std::vector<std::unique_ptr<SpeechEngine>> engines;
    engines.push_back(std::make_unique<BeepEngine>());
    SpeechEngines speech(std::move(engines));
    return Render(speech);
  }

  absl::StatusOr<rendernode::ItemResult> Render(SpeechEngines& speech) {
    const DeviceList devices = DeviceList::Discover();
    return rn::Render({job, item, assets, output()},
                      {devices, speech, Clock::System()},
                      [&](const RenderProgress& progress) { reports.push_back(progress); });
  }

  std::filesystem::path output() const { return folder_->path() / "out"; }
  std::string video() const { return (output() / "video.mp4").string(); }

  std::vector<std::string> FilesWritten() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(output())) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  rendernode::JobSpec job;
  rendernode::ItemSpec item;
  std::map<std::string, std::string> assets;
  std::vector<RenderProgress> reports;

 private:
  absl::StatusOr<TempDir> folder_ = TempDir::Create("render");
};

json Probe(const std::string& path, const std::vector<std::string>& what) {
  std::vector<std::string> arguments = {"-v", "error", "-of", "json"};
  arguments.insert(arguments.end(), what.begin(), what.end());
  arguments.push_back(path);
  return json::parse(RunTool("ffprobe", arguments), nullptr, false);
}

double Seconds(const json& object, const char* key) {
  double seconds = NAN;
  EXPECT_TRUE(absl::SimpleAtod(object.value(key, ""), &seconds)) << key << " in " << object.dump();
  return seconds;
}

// ------------------------------------------------------------------- conformance
// One row rendered once; every test looks at it from outside.
class ConformanceTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    row_ = new Row;
    auto result = row_->Render();
    ASSERT_TRUE(result.ok()) << result.status();
    result_ = new rendernode::ItemResult(*std::move(result));
  }
  static void TearDownTestSuite() {
    delete result_;
    delete row_;
  }
  void SetUp() override { ASSERT_NE(result_, nullptr); }

  // The stream of a kind, as ffprobe sees it.
  static json Stream(const std::string& path, const char* selector) {
    const json probed = Probe(path, {"-show_streams", "-select_streams", selector});
    EXPECT_EQ(probed["streams"].size(), 1U) << probed.dump();
    return probed["streams"].at(0);
  }

  static json Packets(const char* selector) {
    return Probe(row_->video(),
                 {"-show_entries",
                  "packet=pts_time,duration_time,flags",
                  "-select_streams",
                  selector})
        .at("packets");
  }

  static std::string FileBytes(const char* name) {
    auto bytes = ReadFile(row_->output() / name, kFileMax);
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    return bytes.value_or("");
  }

  static inline Row* row_ = nullptr;
  static inline rendernode::ItemResult* result_ = nullptr;
};

TEST_F(ConformanceTest, VideoIsH264HighAt1080p30) {
  const json video = Stream(row_->video(), "v");
  EXPECT_EQ(video["codec_name"], "h264");
  EXPECT_EQ(video["profile"], "High");
  EXPECT_EQ(video["pix_fmt"], "yuv420p");
  EXPECT_EQ(video["width"], 1920);
  EXPECT_EQ(video["height"], 1080);
  EXPECT_EQ(video["r_frame_rate"], "30/1");
  EXPECT_EQ(video["avg_frame_rate"], "30/1");
  EXPECT_EQ(video["field_order"], "progressive");
}

void ExpectBt709Limited(const json& video) {
  EXPECT_EQ(video.value("color_space", ""), "bt709");
  EXPECT_EQ(video.value("color_primaries", ""), "bt709");
  EXPECT_EQ(video.value("color_transfer", ""), "bt709");
  EXPECT_EQ(video.value("color_range", ""), "tv");
}

TEST_F(ConformanceTest, StreamItselfSaysBt709Limited) {
  const std::string bare = (row_->output().parent_path() / "bare.h264").string();
  RunTool("ffmpeg", {"-v", "error", "-y", "-i", row_->video(), "-c", "copy", "-an", bare});
  ExpectBt709Limited(Stream(bare, "v"));
}

TEST_F(ConformanceTest, ContainerSaysBt709LimitedToo) {
  ExpectBt709Limited(Stream(row_->video(), "v"));
  // Primaries, transfer and matrix are all 1, and the range flag is off.
  using namespace std::string_literals;
  EXPECT_TRUE(absl::StrContains(FileBytes("video.mp4"), "colrnclx\x00\x01\x00\x01\x00\x01\x00"s));
}

TEST_F(ConformanceTest, SoundIsAacLcStereoAt48kHz) {
  const json audio = Stream(row_->video(), "a");
  EXPECT_EQ(audio["codec_name"], "aac");
  EXPECT_EQ(audio["profile"], "LC");
  EXPECT_EQ(audio["sample_rate"], "48000");
  EXPECT_EQ(audio["channels"], 2);
  EXPECT_EQ(audio["channel_layout"], "stereo");
}

TEST_F(ConformanceTest, IndexStandsInFrontOfTheData) {
  const std::string bytes = FileBytes("video.mp4");
  std::vector<std::string> boxes;
  for (std::size_t at = 0; at + 8 <= bytes.size();) {
    std::uint32_t size = 0;
    for (int i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(bytes[at + i]);
    boxes.push_back(bytes.substr(at + 4, 4));
    ASSERT_GE(size, 8U);
    at += size;
    ASSERT_LE(at, bytes.size());
  }
  EXPECT_THAT(boxes, ElementsAre("ftyp", "moov", "free", "mdat"));
}

TEST_F(ConformanceTest, EveryFrameLastsAThirtiethOfASecond) {
  std::vector<double> times;
  for (const json& packet : Packets("v")) {
    times.push_back(Seconds(packet, "pts_time"));
    EXPECT_NEAR(Seconds(packet, "duration_time"), kFrame, 1e-4);
  }
  std::sort(times.begin(), times.end());
  ASSERT_EQ(times.size(), result_->usage().frames());
  for (std::size_t i = 0; i < times.size(); ++i) ASSERT_NEAR(times[i], i * kFrame, 1e-4) << i;
}

TEST_F(ConformanceTest, KeyframesStandEveryTwoSeconds) {
  std::vector<double> keyframes;
  for (const json& packet : Packets("v")) {
    if (absl::StartsWith(packet.value("flags", ""), "K")) {
      keyframes.push_back(Seconds(packet, "pts_time"));
    }
  }
  const double length = result_->usage().media_s();
  ASSERT_GT(length, 2);
  for (double t = 0; t < length; t += 2) {
    EXPECT_THAT(keyframes, Contains(::testing::DoubleNear(t, 1e-3)));
  }
}

TEST_F(ConformanceTest, SoundAndPictureAreEquallyLong) {
  const double video = Seconds(Stream(row_->video(), "v"), "duration");
  const double audio = Seconds(Stream(row_->video(), "a"), "duration");
  EXPECT_NEAR(video, audio, 1024.0 / kSampleRate);
  EXPECT_NEAR(video, result_->usage().media_s(), 1e-3);
  const json format = Probe(row_->video(), {"-show_format"}).at("format");
  EXPECT_NEAR(Seconds(format, "duration"), video, 1024.0 / kSampleRate);
}

// A number that follows the last `label` in ffmpeg's summary.
double LastNumber(absl::string_view output, absl::string_view label) {
  const std::size_t at = output.rfind(label);
  EXPECT_NE(at, absl::string_view::npos) << label << " in " << output;
  if (at == absl::string_view::npos) return NAN;
  const std::vector<absl::string_view> words =
      absl::StrSplit(output.substr(at + label.size()), ' ', absl::SkipEmpty());
  double number = NAN;
  EXPECT_TRUE(absl::SimpleAtod(words.at(0), &number)) << words.at(0);
  return number;
}

void ExpectLoudnessOnTarget(const std::string& video) {
  const std::string summary = RunTool("ffmpeg",
                                      {"-nostats",
                                       "-hide_banner",
                                       "-i",
                                       video,
                                       "-vn",
                                       "-af",
                                       "ebur128=peak=true:framelog=verbose",
                                       "-f",
                                       "null",
                                       "-"});
  EXPECT_NEAR(LastNumber(summary, "I: "), -14, 0.5);
  EXPECT_LE(LastNumber(summary, "Peak: "), -1) << "of the decoded AAC";
}

TEST_F(ConformanceTest, SoundIsAsLoudAsPromised) {
  ExpectLoudnessOnTarget(row_->video());
}

TEST_F(ConformanceTest, PosterIsAJpegOfTheVideosSize) {
  const json poster = Stream((row_->output() / "poster.jpg").string(), "v");
  EXPECT_EQ(poster["codec_name"], "mjpeg");
  EXPECT_EQ(poster["width"], 1920);
  EXPECT_EQ(poster["height"], 1080);
  EXPECT_TRUE(absl::StartsWith(FileBytes("poster.jpg"), "\xff\xd8\xff"));
}

struct Cue {
  double begin = 0, end = 0;
  std::string text;
};

// "00:00:01,234"; the point instead of the comma for VTT.
double ParseTime(const std::string& text, char separator) {
  int h = 0, m = 0, s = 0, ms = 0;
  char found = 0;
  EXPECT_EQ(std::sscanf(text.c_str(), "%d:%d:%d%c%d", &h, &m, &s, &found, &ms), 5) << text;
  EXPECT_EQ(found, separator);
  return h * 3600 + m * 60 + s + ms / 1000.0;
}

std::vector<Cue> ParseCues(const std::string& file, char separator) {
  std::vector<Cue> cues;
  for (const absl::string_view block : absl::StrSplit(file, "\n\n")) {
    const std::vector<std::string> lines = absl::StrSplit(block, '\n');
    const auto times = std::find_if(lines.begin(), lines.end(), [](const std::string& line) {
      return absl::StrContains(line, " --> ");
    });
    if (times == lines.end()) continue;
    const std::vector<std::string> ends = absl::StrSplit(*times, " --> ");
    cues.push_back({ParseTime(ends[0], separator),
                    ParseTime(ends[1], separator),
                    absl::StrJoin(times + 1, lines.end(), " ")});
  }
  return cues;
}

TEST_F(ConformanceTest, SidecarsFollowTheWordsThatAreHeard) {
  for (const auto& cues :
       {ParseCues(FileBytes("captions.srt"), ','), ParseCues(FileBytes("captions.vtt"), '.')}) {
    ASSERT_EQ(cues.size(), 2U);
    EXPECT_EQ(cues[0].text, "The lake is calm.");
    EXPECT_EQ(cues[1].text, "Come and see.");
    EXPECT_NEAR(cues[0].begin, 0.4, 0.08);
    EXPECT_NEAR(cues[1].begin, 0.4 + 4 * 0.25 + 1.2, 0.08);
    EXPECT_LT(cues[0].begin, cues[0].end);
    EXPECT_LE(cues[0].end, cues[1].begin);
  }
}

TEST_F(ConformanceTest, ResultTellsWhatWasWrittenAndWhatItCost) {
  EXPECT_EQ(result_->outcome(), rendernode::SUCCEEDED);
  EXPECT_THAT(row_->FilesWritten(),
              ElementsAre("captions.srt", "captions.vtt", "poster.jpg", "video.mp4"));
  ASSERT_EQ(result_->artifacts_size(), 4);
  for (const rendernode::Artifact& artifact : result_->artifacts()) {
    EXPECT_EQ(artifact.bytes(), std::filesystem::file_size(artifact.path()));
    EXPECT_EQ(artifact.sha256(), *Sha256File(artifact.path()));
    EXPECT_NE(artifact.content_type(), "");
  }
  EXPECT_THAT(result_->warnings(), IsEmpty());
  const rendernode::Usage& usage = result_->usage();
  EXPECT_GT(usage.cpu_s(), 0);
  EXPECT_GT(usage.wall_s(), 0);
  EXPECT_GT(usage.peak_rss_bytes(), 10'000'000U);
  EXPECT_EQ(usage.encoder(), "libx264");
  EXPECT_NE(usage.encoder_reason(), "");
  // Seven words, a breath, 0.4 s before and after.
  EXPECT_NEAR(usage.media_s(), 7 * 0.25 + 1.2 + 0.8, kFrame);
  EXPECT_EQ(usage.frames(), std::lround(usage.media_s() * 30));
}

TEST_F(ConformanceTest, ProgressRunsFromSpeakingToTheLastFrame) {
  ASSERT_GE(row_->reports.size(), 4U);
  EXPECT_EQ(row_->reports.front().phase, rendernode::SPEAKING);
  std::int64_t done = 0;
  for (std::size_t i = 1; i < row_->reports.size(); ++i) {
    EXPECT_EQ(row_->reports[i].phase, rendernode::RENDERING);
    EXPECT_EQ(row_->reports[i].frames_total, result_->usage().frames());
    EXPECT_GE(row_->reports[i].frames_done, done);
    done = row_->reports[i].frames_done;
  }
  EXPECT_EQ(done, result_->usage().frames());
}

// ------------------------------------------------------------------- picture and sound together
// When something begins after a rest of half a second, in units of `per_second`.
std::vector<double> Onsets(const std::vector<bool>& on, double per_second) {
  std::vector<double> onsets;
  double quiet_since = -1;
  for (std::size_t i = 0; i < on.size(); ++i) {
    if (!on[i]) continue;
    const double t = static_cast<double>(i) / per_second;
    if (t - quiet_since > 0.5 || onsets.empty()) onsets.push_back(t);
    quiet_since = t;
  }
  return onsets;
}

std::vector<double> SoundOnsets(const Row& row) {
  const std::filesystem::path raw = row.output().parent_path() / "sound.raw";
  RunTool("ffmpeg",
          {"-v", "error", "-y", "-i", row.video(), "-vn", "-ac", "1", "-f", "f32le", raw.string()});
  const std::string bytes = *ReadFile(raw, kFileMax);
  std::vector<float> samples(bytes.size() / sizeof(float));
  std::memcpy(samples.data(), bytes.data(), samples.size() * sizeof(float));
  std::vector<bool> on;
  for (const float sample : samples) on.push_back(std::abs(sample) > 0.05F);
  return Onsets(on, kSampleRate);
}

// When letters stand where the captions are.
std::vector<double> CaptionOnsets(const Row& row) {
  const std::filesystem::path raw = row.output().parent_path() / "captions.raw";
  constexpr int kPixels = 64 * 8;
  RunTool("ffmpeg",
          {"-v",
           "error",
           "-y",
           "-i",
           row.video(),
           "-an",
           "-vf",
           "crop=1920:216:0:842,scale=64:8:flags=area",
           "-pix_fmt",
           "gray",
           "-f",
           "rawvideo",
           raw.string()});
  const std::string bytes = *ReadFile(raw, kFileMax);
  std::vector<bool> on;
  for (std::size_t frame = 0; frame + kPixels <= bytes.size(); frame += kPixels) {
    on.push_back(std::any_of(bytes.begin() + frame, bytes.begin() + frame + kPixels, [](char c) {
      return static_cast<unsigned char>(c) > 60;
    }));
  }
  return Onsets(on, 30);
}

TEST(RenderTest, CaptionsAppearWhenTheirWordsAreHeard) {
  Row row;
  row.job.set_template_json(TemplateWithMusicAt("0"));
  const auto result = row.Render();
  ASSERT_TRUE(result.ok()) << result.status();
  const std::vector<double> heard = SoundOnsets(row);
  const std::vector<double> seen = CaptionOnsets(row);
  ASSERT_EQ(heard.size(), 2U);
  ASSERT_EQ(seen.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(heard[i], seen[i], 0.08);
  EXPECT_NEAR(heard[0], 0.4, 0.01);
  EXPECT_NEAR(heard[1], 0.4 + 4 * 0.25 + 1.2, 0.01);
}

TEST(RenderTest, EveryBuiltInEngineComesOutAsLoudAsPromised) {
  SpeechEngines speech = SpeechEngines::BuiltIn();
  const std::vector<std::pair<std::string, std::string>> voices = {{"espeak-ng", "en-us"},
                                                                   {"flite", "slt"}};
  ASSERT_EQ(speech.names().size(), voices.size());
  for (const auto& [engine, voice] : voices) {
    Row row;
    row.job.mutable_output()->set_width(640);  // It is the sound that counts here.
    row.job.mutable_output()->set_height(360);
    (*row.job.mutable_voices())["narrator"].set_engine(engine);
    (*row.job.mutable_voices())["narrator"].set_voice(voice);
    const auto result = row.Render(speech);
    ASSERT_TRUE(result.ok()) << engine << ": " << result.status();
    ExpectLoudnessOnTarget(row.video());
  }
}

// ------------------------------------------------------------------- rows that fail
class FailingRowTest : public ::testing::Test {
 protected:
  // Nothing may be left of a row that fails before its first frame.
  void ExpectFailure(rendernode::ItemErrorCode code, const std::string& message) {
    const auto result = row_.Render();
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(ItemErrorOf(result.status()), code) << result.status();
    EXPECT_THAT(std::string(result.status().message()), HasSubstr(message));
    EXPECT_THAT(row_.FilesWritten(), IsEmpty());
  }

  Row row_;
};

TEST_F(FailingRowTest, ImageMissing) {
  row_.item.mutable_values()->erase("image_url");
  row_.assets.erase("image_url");
  ExpectFailure(rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR, "row 7: image_url");
}

TEST_F(FailingRowTest, ImageDamaged) {
  row_.assets["image_url"] = row_.Store("lake.png", "no picture");
  ExpectFailure(rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR, "/scenes/0/elements/0");
}

TEST_F(FailingRowTest, TextTooLong) {
  (*row_.item.mutable_values())["title"] = std::string(41, 'x');
  ExpectFailure(rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR, "has 41 characters; at most 40");
}

TEST_F(FailingRowTest, VoiceUnknown) {
  (*row_.item.mutable_values())["voice"] = "naratorr";
  const auto result = row_.Render();
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("did you mean \"narrator\""));
  EXPECT_THAT(row_.FilesWritten(), IsEmpty());
}

TEST_F(FailingRowTest, EngineCannotSpeakIt) {
  (*row_.job.mutable_voices())["narrator"].set_voice("hoarse");
  ExpectFailure(rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED, "/scenes/0/elements/2: ");
}

TEST_F(FailingRowTest, MusicUndecodable) {
  row_.assets["music:bed"] = row_.Store("bed.wav", "no music");
  ExpectFailure(rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR, "/elements/0: ");
}

TEST_F(FailingRowTest, FolderGone) {
  std::filesystem::remove(row_.output());
  const auto result = row_.Render();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ItemErrorOf(result.status()), rendernode::ITEM_ERROR_VIDEO_ENCODING_ERROR);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr(row_.video()));
}

TEST_F(FailingRowTest, DiskFullIsNoFaultOfTheRows) {
  std::filesystem::create_symlink("/dev/full", row_.video());
  const auto result = row_.Render();
  ASSERT_FALSE(result.ok());
  EXPECT_TRUE(IsDiskFull(result.status())) << result.status();
  EXPECT_EQ(FailedResult(result.status()).error_code(), rendernode::ITEM_ERROR_QUOTA_EXCEEDED);
}

}  // namespace
}  // namespace rn
