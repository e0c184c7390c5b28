#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "pipeline/text.h"
#include "template/template_model.h"
#include "tests/pipeline/silent_scene.h"

namespace rn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const SceneAssets& Assets() {
  static const auto* const assets = new SceneAssets();
  return *assets;
}

// Three seconds, 100 frames: captions with these properties over a voice of two words.
Scene WithCaptions(const std::string& captions) {
  return Assets().Resolve(absl::StrReplaceAll(
      R"("output": {"width": 640, "height": 360, "fps": 50, "sidecar": ["srt"]},
         "scenes": [{"duration": 3, "elements": [
           {"type": "voice", "name": "n", "text": "hello world", "voice": "narrator"},
           {"type": "captions", "fill_color": "#fff", CAPTIONS}]}])",
      {{"CAPTIONS", captions}}));
}

// On frame `n`; page −1: none.
Draw CaptionsAt(const Scene& scene, std::int64_t n) {
  for (const DrawGroup& group : scene.DrawListAt(n)) {
    for (const Draw& draw : group.draws) return draw;
  }
  return {};
}

std::size_t DifferentDraws(const Scene& scene) {
  std::set<std::pair<int, double>> seen;
  for (std::int64_t n = 0; n < scene.frame_count(); ++n) {
    const Draw draw = CaptionsAt(scene, n);
    seen.insert({draw.active_word, draw.word_phase});
  }
  return seen.size();
}

TEST(SceneCaptionsTest, EffectsDrawOnlyWhatTheyShow) {
  EXPECT_EQ(DifferentDraws(WithCaptions(R"("source": "@n")")), 1U);
  // Nothing, "hello", "world"; each of 15 frames, and at rest.
  EXPECT_EQ(DifferentDraws(WithCaptions(R"("source": "@n", "effect": "highlight")")), 3U);
  EXPECT_EQ(DifferentDraws(WithCaptions(R"("source": "@n", "effect": "karaoke", "color": "#f00")")),
            1U + 15 + 16);
  EXPECT_EQ(DifferentDraws(WithCaptions(R"("source": "@n", "effect": "typewriter")")), 1U + 5 + 5);
}

TEST(SceneCaptionsTest, SubtitlesAreShownAndWrittenInPlaceOfTheVoices) {
  const Scene scene = WithCaptions(R"("source": "asset:subtitles.srt")");
  EXPECT_EQ(CaptionsAt(scene, 0).page, 0);
  EXPECT_EQ(CaptionsAt(scene, 49).page, 0);
  EXPECT_EQ(CaptionsAt(scene, 50).page, -1);
  EXPECT_EQ(CaptionsAt(scene, 75).page, 1);
  EXPECT_EQ(CaptionsAt(scene, 100).page, -1);
  EXPECT_EQ(ToSrt(scene.caption_pages()),
            "1\n00:00:00,000 --> 00:00:01,000\none two\n\n"
            "2\n00:00:01,500 --> 00:00:02,000\nthree\n\n");
  EXPECT_THAT(scene.warnings(),
              ElementsAre("subtitles, line 6: the cue's settings are not used: captions stand "
                          "where the template has them, in /scenes/0/elements/1",
                          "1 of 3 subtitles begin after 3.00 s, when it is over, in "
                          "/scenes/0/elements/1"));
}

TEST(SceneCaptionsTest, SubtitlesCountFromTheirElementAndItsOffset) {
  const Scene scene = WithCaptions(
      R"("source": "asset:subtitles.srt", "time": 1, "offset": -0.5, "duration": 1.2)");
  EXPECT_EQ(ToSrt(scene.caption_pages()),
            "1\n00:00:01,000 --> 00:00:01,500\none two\n\n"
            "2\n00:00:02,000 --> 00:00:02,200\nthree\n\n");
}

TEST(SceneCaptionsTest, WordsTimedByTheirLengthAreSaidToBe) {
  const auto warnings = [](const char* effect) {
    return WithCaptions(absl::StrCat(R"("source": "asset:subtitles.srt", "effect": ")",
                                     effect,
                                     R"(", "offset": -10)"))
        .warnings();
  };
  EXPECT_THAT(warnings("highlight"), testing::Contains(HasSubstr("timed by their length")));
  EXPECT_THAT(warnings("none"), testing::Not(testing::Contains(HasSubstr("by their length"))));
  EXPECT_THAT(WithCaptions(R"("source": "@n", "effect": "highlight")").warnings(), IsEmpty());
}

TEST(SceneCaptionsTest, TextIsTypedByCharactersAsAReaderCountsThem) {
  const Scene scene = Assets().Resolve(
      R"("output": {"width": 640, "height": 360, "fps": 50}, "scenes": [{"duration": 1, "elements": [
           {"type": "text", "text": "a👩‍🚀<b>é</b>", "markup": true, "text_transform": "uppercase",
            "animations": [{"type": "typewriter", "duration": 0.8}]}]}])");
  const auto& text = std::get<TextContent>(scene.elements()[0].content).spec;
  EXPECT_EQ(text.text, "A👩‍🚀É");
  ASSERT_EQ(text.ranges.size(), 1U);
  std::set<int> typed;
  for (std::int64_t n = 0; n < 50; ++n) typed.insert(CaptionsAt(scene, n).characters);
  EXPECT_THAT(typed, ElementsAre(-1, 0, 1, 2));
}

// What is wrong with an element of these properties.
std::string MistakesIn(const std::string& element) {
  const auto parsed = Template::Parse(
      absl::StrCat(R"({"schema": "1", "name": "t", "output": {"width": 640, "height": 360},
                       "variables": {"words": {"type": "string"}},
                       "scenes": [{"duration": 1, "elements": [{)",
                   element,
                   "}]}]}"),
      &InstalledFontFamilies());
  return std::string(parsed.status().message());
}

TEST(SceneCaptionsTest, MistakesInTextAndCaptionsAreTold) {
  EXPECT_THAT(MistakesIn(R"("type": "text", "text": "<b>x", "markup": true)"),
              HasSubstr("/elements/0/text: markup, character 1: <b> is never closed"));
  EXPECT_EQ(MistakesIn(R"("type": "text", "text": "<b>x")"), "");
  EXPECT_THAT(MistakesIn(R"("type": "text", "text": "x", "language": "german")"),
              HasSubstr("/language: \"german\" is no language"));
  EXPECT_THAT(MistakesIn(R"("type": "text", "text": "x", "fill_color": "#fff", "fill": {"stops": [
                             {"color": "#000"}, {"color": "#fff"}]})"),
              HasSubstr("keep one of them"));
  EXPECT_THAT(MistakesIn(R"("type": "captions", "source": "words.srt")"),
              HasSubstr("\"asset:name\" of an SRT or VTT file"));
  EXPECT_THAT(MistakesIn(R"("type": "captions", "source": "{{words}}")"),
              HasSubstr("is of type string; this takes subtitles"));
  EXPECT_THAT(MistakesIn(R"("type": "captions", "source": "asset:a.srt", "effect": "karaoke")"),
              HasSubstr("karaoke needs the \"color\""));
  EXPECT_THAT(
      MistakesIn(
          R"("type": "captions", "source": "asset:a.srt", "effect": "none", "color": "#f00")"),
      HasSubstr("/color: is the spoken word's"));
}

}  // namespace
}  // namespace rn
