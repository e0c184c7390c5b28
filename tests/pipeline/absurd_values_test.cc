// Values that nobody means: each is refused with where it stands and what the limit is, at no cost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "pipeline/narration.h"
#include "pipeline/scene.h"
#include "pipeline/script_words.h"
#include "pipeline/speech_audio.h"
#include "proto/item_error.h"
#include "template/template_model.h"

namespace rn {
namespace {

using ::testing::HasSubstr;

std::string Times(int count, absl::string_view text, absl::string_view separator = "") {
  std::string all;
  for (int i = 0; i < count; ++i) absl::StrAppend(&all, i > 0 ? separator : "", text);
  return all;
}

std::string Scenes(absl::string_view scenes, absl::string_view output = "") {
  return absl::StrCat(R"({"schema": "1", "name": "t", "output": {"width": 400, "height": 200)",
                      output,
                      R"(}, "scenes": [)",
                      scenes,
                      "]}");
}
std::string Element(absl::string_view element) {
  return Scenes(absl::StrCat(R"({"duration": 2, "elements": [)", element, "]}"));
}
std::string Shape(absl::string_view property) {
  return Element(absl::StrCat(R"({"type": "shape", "fill_color": "#fff", )", property, "}"));
}
std::string Output(absl::string_view property) {
  return Scenes(R"({"duration": 2, "elements": []})", absl::StrCat(", ", property));
}
// A variable of the row in a shape's property.
std::string RowIn(absl::string_view property) {
  std::string text = Shape(absl::StrCat("\"", property, "\": \"{{n}}\""));
  text.insert(1, R"("variables": {"n": {"type": "string"}}, )");
  return text;
}

std::string WithStyles(int count) {
  std::string styles;
  for (int i = 0; i < count; ++i) absl::StrAppend(&styles, i > 0 ? "," : "", "\"s", i, "\": {}");
  std::string text = Shape("\"width\": 1");
  return text.insert(1, absl::StrCat("\"styles\": {", styles, "}, "));
}

// Bound to a row whose "n" is `value`, on a timeline where every voice takes `spoken`.
absl::Status Resolved(const std::string& json, const std::string& value, absl::Duration spoken) {
  ASSIGN_OR_RETURN(const Template tmpl, Template::Parse(json, &InstalledFontFamilies()));
  rendernode::JobSpec job;
  (*job.mutable_voices())["narrator"].set_engine("silent");
  rendernode::ItemSpec item;
  item.set_row(3);
  if (!value.empty()) (*item.mutable_values())["n"] = value;
  ASSIGN_OR_RETURN(const Composition composition, tmpl.Bind({job, item, {}}));
  SpeechTracks tracks;
  for (const VoiceCue& cue : composition.voices()) {
    Speech& speech = tracks[cue.id];
    speech.audio.samples.resize(static_cast<std::size_t>(ToSampleFrames(spoken)));
    speech.words.push_back({"a", 0, 1, absl::ZeroDuration(), spoken});
  }
  return Scene::Resolve(composition, tracks).status();
}

struct Absurdity {
  std::string name, json;
  std::string says;  // where, and what would be valid
  std::string row_value = "";
  absl::Duration spoken = absl::ZeroDuration();
};

std::vector<Absurdity> Numbers() {
  const std::string here = "/scenes/0/elements/0/";
  return {
      {"Pixels", Shape(R"("width": 1e9)"), here + "width: must be at most 100000; it is 1e+09"},
      {"PixelsAsText",
       Shape(R"("x": "1000000000px")"),
       here + "x: \"1000000000px\" is beyond the limit of ±100000"},
      {"FarLargerThanTheFrame",
       Shape(R"("width": 100000)"),
       here + "width: is 100000 pixels; valid: 1 to 4 frame widths"},
      {"NegativeSize",
       Shape(R"("height": -5)"),
       here + "height: is -5 pixels; valid: 1 to 4 frame heights"},
      {"BeyondDoubles", Shape("\"width\": \n1e400"), "line 2: a number beyond ±1.8e308: 1e400"},
      {"NotANumber", Shape(R"("opacity": NaN)"), "line 1, column"},
      {"NotANumberAsText",
       Shape(R"("opacity": "nan")"),
       here + "opacity: \"nan\" is not a percentage from 0% to 100%"},
      {"NotANumberInTheRow",
       RowIn("rotation"),
       "row 3: " + here + "rotation: \"nan\" is not a number",
       "nan"},
      {"InfinityInTheRow",
       RowIn("width"),
       "row 3: " + here + "width: \"-inf\" is not a length",
       "-inf"},
      {"PixelsInTheRow",
       RowIn("width"),
       "row 3: " + here + "width: \"1000000000\" is beyond the limit of ±100000",
       "1000000000"},
      {"Scale", Shape(R"("scale": 1e9)"), here + "scale: must be at most 10; it is 1e+09"},
      {"Rotation",
       Shape(R"("rotation": -1e300)"),
       here + "rotation: must be at least -36000; it is -1e+300"},
      {"ShadowBlur", Shape(R"("shadow_blur": 1e9)"), here + "shadow_blur: must be at most 100000"},
      {"Font",
       Element(R"({"type": "text", "text": "x", "font_size": 1e9})"),
       here + "font_size: must be at most 100000"},
      {"Zoom",
       Element(R"({"type": "image", "source": "asset:x", "ken_burns": {"to": {"scale": 1e9}}})"),
       here + "ken_burns/to/scale: must be at most 8"},
      {"Speed",
       Element(R"({"type": "video", "source": "asset:x", "speed": 1e9})"),
       here + "speed: must be at most 10"},
      {"Volume",
       Element(R"({"type": "audio", "source": "music:x", "volume": 1e9})"),
       here + "volume: must be at most 4"},
      {"FrameSize",
       R"({"schema": "1", "name": "t", "output": {"width": 1000000000, "height": 16}, "scenes": [{"duration": 1, "elements": []}]})",
       "/output/width: must be at most 8192; it is 1e+09"},
      {"FramesASecond", Output(R"("fps": 1e9)"), "/output/fps: must be one of 23.976, 24, 25"},
      {"NoFramesASecond", Output(R"("fps": 0)"), "/output/fps: must be one of 23.976, 24, 25"},
      {"Bitrate",
       Output(R"("video": {"bitrate": 1000000000})"),
       "/output/video/bitrate: must be at most 100000000"},
      {"BitrateBeyondWholeNumbers",
       Output(R"("video": {"bitrate": 1e300})"),
       "/output/video/bitrate: must be a whole number"},
      {"EndlessBitrate",
       Output(R"("video": {"bitrate": "infM"})"),
       "/output/video/bitrate: \"infM\" is not within 50k to 100M"},
      {"Thumbnails",
       Output(R"("preview": {"frames": 1e300, "width": 1e300})"),
       "/output/preview/frames: must be a whole number"},
  };
}

std::vector<Absurdity> Lengths() {
  return {
      {"NoLength",
       Scenes(R"({"duration": 0, "elements": []})"),
       "/scenes/0/duration: must be at least 0.04; it is 0"},
      {"LessThanAFrame",
       Scenes(R"({"duration": 1e-9, "elements": []})"),
       "/scenes/0/duration: must be at least 0.04"},
      {"NothingInIt",
       Scenes(R"({"duration": "auto", "elements": []})"),
       "/scenes/0/duration: nothing in the scene has a length of its own"},
      {"NoScenes", Scenes(""), "/scenes: must be at least 1 entries; it is 0"},
      {"SceneOfFiveHours",
       Scenes(R"({"duration": 18000, "elements": []})"),
       "/scenes/0/duration: must be at most 14400; it is 18000"},
      {"TwoScenesOfThreeHours",
       Scenes(Times(2, R"({"duration": 10800, "elements": []})", ",")),
       "/scenes: the video is 21600.00 s; at most 14400.00 s"},
      {"NarrationPastFourHours",
       Scenes(
           R"({"duration": "auto", "elements": [{"type": "voice", "text": "a", "voice": "narrator", "time": 14390}]})"),
       "/scenes: the video is 14410.00 s; at most 14400.00 s",
       "",
       absl::Seconds(20)},
      {"Start", Shape(R"("time": 1e9)"), "/scenes/0/elements/0/time: must be at most 14400"},
      {"StartBeforeTheBeginning",
       Shape(R"("time": -1)"),
       "/scenes/0/elements/0/time: must be at least 0; it is -1"},
      {"Poster",
       Output(R"("poster": {"time": 1e9})"),
       "/output/poster/time: must be at most 14400"},
  };
}

std::vector<Absurdity> Amounts() {
  const std::string groups = R"({"type": "group", "elements": [)";
  return {
      {"Elements",
       Element(Times(10'000, R"({"type": "shape", "fill_color": "#fff"})", ",")),
       "1 scenes with 10000 elements; at most 200 and 1000"},
      {"Scenes",
       Scenes(Times(201, R"({"duration": 1, "elements": []})", ",")),
       "201 scenes with 0 elements; at most 200 and 1000"},
      {"Keyframes",
       Shape(absl::StrCat("\"opacity\": [", Times(10'000, R"({"time": 0, "value": 1})", ","), "]")),
       "/scenes/0/elements/0/opacity: must be at most 200 entries; it is 10000"},
      {"Groups",
       Element(absl::StrCat(Times(8, groups), Times(8, "]}"))),
       "groups within more than 6 groups"},
      {"Nesting",
       Shape(absl::StrCat("\"width\": ", Times(100'000, "["), Times(100'000, "]"))),
       "/…/width: nested more than 24 deep"},
      {"Conditions",
       Shape(
           absl::StrCat("\"condition\": \"{{", Times(3'000, "!("), "1", Times(3'000, ")"), "}}\"")),
       "/scenes/0/elements/0/condition: expression is nested more than 32 deep"},
      {"Text",
       Element(absl::StrCat(R"({"type": "text", "text": ")", Times(30'000, "x"), "\"}")),
       "/…/text: text of more than 20000 bytes"},
      {"Key",
       Shape(absl::StrCat("\"", Times(100'000, "k"), "\": 1")),
       "a key of more than 200 bytes"},
      {"Template",
       Element(absl::StrCat(R"({"type": "text", "text": ")", Times(2 << 20, "x"), "\"}")),
       "bytes; at most 1048576"},
      {"Styles", WithStyles(60'000), "/styles: must be at most 64 entries; it is 60000"},
      {"ValueOfTheRow",
       RowIn("width"),
       "row 3: n: has 30000 characters; at most 20000",
       Times(30'000, "1")},
  };
}

class AbsurdValuesTest : public ::testing::TestWithParam<Absurdity> {};

TEST_P(AbsurdValuesTest, IsRefusedWithItsPlaceAndTheLimit) {
  const Absurdity& absurdity = GetParam();
  const absl::Status status = Resolved(absurdity.json, absurdity.row_value, absurdity.spoken);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ItemErrorOf(status), rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR);
  EXPECT_THAT(std::string(status.message()), HasSubstr(absurdity.says));
  constexpr std::size_t kMessageBytesMax = 2'000;  // not as long as what is refused
  EXPECT_LT(status.message().size(), kMessageBytesMax);
}

std::string NameOf(const ::testing::TestParamInfo<Absurdity>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Numbers, AbsurdValuesTest, ::testing::ValuesIn(Numbers()), NameOf);
INSTANTIATE_TEST_SUITE_P(Lengths, AbsurdValuesTest, ::testing::ValuesIn(Lengths()), NameOf);
INSTANTIATE_TEST_SUITE_P(Amounts, AbsurdValuesTest, ::testing::ValuesIn(Amounts()), NameOf);

TEST(OutputLimitTest, TheSideThatFollowsFromTheOtherIsLimitedToo) {
  const auto tmpl = Template::Parse(
      R"({"schema": "1", "name": "t", "output": {"width": 800, "height": 16},
          "scenes": [{"duration": 1, "elements": []}]})",
      &InstalledFontFamilies());
  ASSERT_TRUE(tmpl.ok()) << tmpl.status();
  rendernode::JobSpec job;
  job.mutable_output()->set_height(8192);
  const auto composition = tmpl->Bind({job, rendernode::ItemSpec(), {}});
  ASSERT_FALSE(composition.ok());
  EXPECT_THAT(std::string(composition.status().message()),
              HasSubstr("output: a side of 409600 pixels, by the template's aspect ratio"));
}

// ------------------------------------------------------------------- what is said
class TwoSeconds final : public SpeechEngine {
 public:
  std::string name() const override { return "two"; }
  absl::StatusOr<Speech> Speak(absl::string_view, const rendernode::Voice&) override {
    Speech speech;
    speech.audio.samples.resize(std::size_t{2} * kSampleRate);
    return speech;
  }
};

TEST(NarrationLimitTest, AllVoicesOfAnItemTogetherAreNoLongerThanAllowed) {
  const std::string voice = R"({"type": "voice", "text": "a", "voice": "narrator"})";
  const auto tmpl = Template::Parse(Element(Times(2, voice, ",")), &InstalledFontFamilies());
  ASSERT_TRUE(tmpl.ok()) << tmpl.status();
  rendernode::JobSpec job;
  (*job.mutable_voices())["narrator"].set_engine("two");
  const auto composition = tmpl->Bind({job, rendernode::ItemSpec(), {}});
  ASSERT_TRUE(composition.ok()) << composition.status();
  std::vector<std::unique_ptr<SpeechEngine>> engines;
  engines.push_back(std::make_unique<TwoSeconds>());
  SpeechEngines speech(std::move(engines));
  EXPECT_TRUE(Speak(*composition, job, speech, {}, absl::Seconds(4)).ok());
  const auto tracks = Speak(*composition, job, speech, {}, absl::Seconds(3));
  ASSERT_FALSE(tracks.ok());
  EXPECT_EQ(ItemErrorOf(tracks.status()), rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
  EXPECT_THAT(std::string(tracks.status().message()),
              HasSubstr("/scenes/0/elements/1: the narration is longer than 3s"));
}

TEST(NarrationLimitTest, AScriptOfTwoHoursIsRefusedBeforeItIsASoundOfOurs) {
  const auto script = ReadScript("word");
  ASSERT_TRUE(script.ok()) << script.status();
  RawSpeech raw{.sample_rate = 100};  // Nobody's; small.
  raw.samples.resize(std::size_t{2} * 3600 * 100, 1000);
  raw.onsets.push_back({.at = absl::ZeroDuration(), .end = absl::InfiniteDuration()});
  const auto speech = FinishSpeech(*script, std::move(raw), {});
  ASSERT_FALSE(speech.ok());
  EXPECT_EQ(ItemErrorOf(speech.status()), rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
  EXPECT_THAT(std::string(speech.status().message()),
              HasSubstr("the script takes 2h to say; at most 1h"));
}

}  // namespace
}  // namespace rn
