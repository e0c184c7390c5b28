// What changes over an element's life: keyframes, entrances and exits, transitions between scenes.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/pipeline/silent_scene.h"

namespace rn {
namespace {

// 200 × 100 pixels, 30 frames a second, 2 seconds.
Scene SceneOf(const std::string& elements) {
  return SceneAssets().Resolve(absl::StrCat(R"("output": {"width": 200, "height": 100, "fps": 30},
                      "scenes": [{"duration": 2, "elements": [)",
                                            elements,
                                            "]}]"));
}

// 40 × 20 pixels unless the properties say otherwise.
Scene Box(const std::string& properties) {
  const char* width = absl::StrContains(properties, R"("width")") ? "" : R"("width": 40, )";
  return SceneOf(absl::StrCat(
      R"({"type": "shape", "fill_color": "#fff", "height": 20, )", width, properties, "}"));
}

std::optional<Draw> DrawAt(const Scene& scene, std::int64_t n) {
  const DrawList list = scene.DrawListAt(n);
  if (list.empty() || list[0].draws.empty()) return std::nullopt;
  return list[0].draws[0];
}

const Element& ElementAt(const Scene& scene, std::int64_t n) {
  return scene.elements().at(DrawAt(scene, n)->element);
}

// ------------------------------------------------------------------- keyframes
TEST(KeyframesTest, MoveAnElementFromOneToTheNextAndHoldAtTheEnds) {
  const Scene scene = Box(R"("x": [{"time": 0.5, "value": "10%"}, {"time": 1.5, "value": 120}])");
  ASSERT_EQ(scene.elements().size(), 1);
  EXPECT_EQ(scene.elements()[0].box.x, 0);  // 10% of 200, less half of the box
  EXPECT_DOUBLE_EQ(DrawAt(scene, 0)->dx, 0);
  EXPECT_DOUBLE_EQ(DrawAt(scene, 15)->dx, 0);
  EXPECT_DOUBLE_EQ(DrawAt(scene, 30)->dx, 50);
  EXPECT_DOUBLE_EQ(DrawAt(scene, 45)->dx, 100);
  EXPECT_DOUBLE_EQ(DrawAt(scene, 59)->dx, 100);
}

TEST(KeyframesTest, EasingIsOfTheWayToTheNextOne) {
  const Scene scene = Box(R"("rotation": [{"time": 0, "value": 0, "easing": "quadratic-in"},
                                          {"time": 1, "value": 90}, {"time": 2, "value": 0}])");
  EXPECT_DOUBLE_EQ(DrawAt(scene, 15)->rotation_deg, 22.5);
  EXPECT_DOUBLE_EQ(DrawAt(scene, 45)->rotation_deg, 45);
}

TEST(KeyframesTest, TimesCountFromTheElementsStartAndTheEndIsItsOwn) {
  const Scene scene = Box(R"("time": 0.5, "duration": 1,
      "opacity": [{"time": 0, "value": 1}, {"time": "50%", "value": 1}, {"time": "end", "value": 0}])");
  EXPECT_FALSE(DrawAt(scene, 14).has_value());
  EXPECT_EQ(DrawAt(scene, 30)->opacity, 1);
  EXPECT_NEAR(DrawAt(scene, 40)->opacity, 1.0 / 3, 0.005);
}

TEST(KeyframesTest, ScaleAndItsSidesMultiply) {
  const Scene scene = Box(R"("scale": [{"time": 0, "value": "100%"}, {"time": 1, "value": 3}],
                             "x_scale": -0.5)");
  EXPECT_DOUBLE_EQ(DrawAt(scene, 15)->scale_x, -1);
  EXPECT_DOUBLE_EQ(DrawAt(scene, 15)->scale_y, 2);
}

TEST(KeyframesTest, AWidthGivesAnElementForEveryDistinctSize) {
  const Scene scene = Box(R"("x": 0, "x_anchor": 0,
      "width": [{"time": 0, "value": 40}, {"time": 1, "value": 46}, {"time": 2, "value": 40}])");
  EXPECT_EQ(ElementAt(scene, 0).box.w, 40);
  EXPECT_EQ(ElementAt(scene, 15).box.w, 43);
  EXPECT_EQ(ElementAt(scene, 30).box.w, 46);
  EXPECT_EQ(DrawAt(scene, 25)->element, DrawAt(scene, 35)->element);
  EXPECT_EQ(scene.elements().size(), 7);  // 40 to 46 pixels
}

TEST(KeyframesTest, ASizeOfNothingIsNotSeen) {
  const Scene scene = Box(
      R"("width": [{"time": 0, "value": 0}, {"time": 1, "value": "50%"}], "x": 0, "x_anchor": 0)");
  EXPECT_FALSE(DrawAt(scene, 0).has_value());
  EXPECT_EQ(ElementAt(scene, 15).box.w, 50);
  EXPECT_EQ(ElementAt(scene, 59).box.w, 100);
}

TEST(KeyframesTest, ChangeHowAnElementIsPainted) {
  const Scene scene = Box(R"("border_radius": [{"time": 0, "value": 0}, {"time": 1, "value": 10}],
      "stroke_color": "#000", "stroke_width": [{"time": 0, "value": 2}, {"time": 2, "value": 6}],
      "shadow_blur": [{"time": 0, "value": 0}, {"time": 1, "value": 8}])");
  const Element& middle = ElementAt(scene, 15);
  EXPECT_DOUBLE_EQ(std::get<ShapeContent>(middle.content).radius_px, 5);
  EXPECT_DOUBLE_EQ(std::get<ShapeContent>(middle.content).stroke->width_px, 3);
  EXPECT_DOUBLE_EQ(middle.shadow->blur_px, 4);
}

TEST(KeyframesTest, GradientsTurn) {
  const Scene scene = SceneOf(R"({"type": "shape", "fill": {
      "angle": [{"time": 0, "value": 0}, {"time": 1, "value": 90}],
      "stops": [{"color": "#000"}, {"color": "#fff"}]}})");
  EXPECT_DOUBLE_EQ(std::get<ShapeContent>(ElementAt(scene, 20).content).fill.angle_deg, 60);
}

TEST(KeyframesTest, LettersGrowAndSpreadAndTheSamePictureIsOneElement) {
  const Scene scene = SceneOf(R"({"type": "text", "text": "wide",
      "font_size": [{"time": 0, "value": 20}, {"time": 1, "value": 50}, {"time": 2, "value": 20}],
      "letter_spacing": [{"time": 0, "value": "0%"}, {"time": 1, "value": "20%"},
                         {"time": 2, "value": "0%"}]})");
  const TextStyle& style = std::get<TextContent>(ElementAt(scene, 15).content).spec.style;
  EXPECT_DOUBLE_EQ(style.font_size_px, 35);
  EXPECT_DOUBLE_EQ(style.letter_spacing_em, 0.1);
  EXPECT_FALSE(style.auto_fit);
  EXPECT_EQ(DrawAt(scene, 15)->element, DrawAt(scene, 45)->element);
}

TEST(KeyframesTest, ChangingAndMovingGoTogether) {
  const Scene scene = Box(R"("x": [{"time": 0, "value": 50}, {"time": 1, "value": 80}],
      "width": [{"time": 0, "value": 40}, {"time": 1, "value": 60}])");
  EXPECT_EQ(ElementAt(scene, 30).box.x, 20);    // laid out where it rests …
  EXPECT_DOUBLE_EQ(DrawAt(scene, 30)->dx, 30);  // … and moved once
}

TEST(KeyframesTest, AVolumeBecomesAnEnvelopeOfTheCue) {
  const Scene scene = SceneOf(R"(
      {"type": "shape", "fill_color": "#000"},
      {"type": "voice", "text": "one two three", "voice": "narrator",
       "volume": [{"time": 0, "value": "100%"}, {"time": 0.5, "value": "20%"}]})");
  const AudioCue& cue = scene.mix().cues.at(0);
  EXPECT_EQ(cue.gain, 1);
  ASSERT_GE(cue.envelope.size(), 2);
  EXPECT_EQ(cue.envelope.front().gain, 1);
  EXPECT_EQ(cue.envelope.back().time, absl::Milliseconds(500));
  EXPECT_DOUBLE_EQ(cue.envelope.back().gain, 0.2);
}

// ------------------------------------------------------------------- entrances and exits
TEST(AnimationTest, ScaleGrowsFromItsStart) {
  const Scene scene =
      Box(R"("animations": [{"type": "scale", "start_scale": "50%", "duration": 1}])");
  EXPECT_NEAR(DrawAt(scene, 0)->scale_x, 0.5 + 0.5 / 31, 1e-9);
  EXPECT_EQ(DrawAt(scene, 30)->scale_x, 1);
}

TEST(AnimationTest, WipeUncoversAndCoversInItsDirection) {
  const Scene scene = Box(R"("animations": [{"type": "wipe", "duration": 0.3},
      {"type": "wipe", "direction": "down", "time": "end", "duration": 0.3}])");
  EXPECT_EQ(DrawAt(scene, 4)->reveal, (rn::Box{0, 0, 0.5, 1}));
  EXPECT_EQ(DrawAt(scene, 20)->reveal, (rn::Box{0, 0, 1, 1}));
  const rn::Box leaving = DrawAt(scene, 59)->reveal;
  EXPECT_GT(leaving.y, 0.8);  // Its upper edge moves down after the lower one.
  EXPECT_DOUBLE_EQ(leaving.y + leaving.h, 1);
}

TEST(AnimationTest, AnExitGoesOnAndAReversedOneGoesBack) {
  const std::string exit = R"("animations": [{"type": "slide", "direction": "right", "time": "end",
                                              "duration": 0.5, "distance": 31)";
  EXPECT_GT(DrawAt(Box(exit + "}]"), 59)->dx, 29);
  const Scene back = Box(exit + R"(, "reversed": true}])");
  EXPECT_LT(DrawAt(back, 59)->dx, -28);
  EXPECT_EQ(DrawAt(back, 44)->dx, 0);
}

TEST(AnimationTest, AReversedExitMirrorsTheEntrancesEasing) {
  const Scene scene = Box(R"("animations": [
      {"type": "slide", "direction": "right", "duration": 0.5, "easing": "cubic-out"},
      {"type": "slide", "direction": "right", "time": "end", "duration": 0.5, "easing": "cubic-out",
       "reversed": true}])");
  for (int k = 0; k < 15; ++k) {
    EXPECT_NEAR(DrawAt(scene, k)->dx, DrawAt(scene, 59 - k)->dx, 1e-9) << k;
  }
}

TEST(AnimationTest, AnEntranceInTheMiddleWaitsFarAwayAndAnExitStaysThere) {
  const Scene entrance = Box(R"("animations": [{"type": "fade", "time": 1, "duration": 0.5}])");
  EXPECT_FALSE(DrawAt(entrance, 29).has_value());
  EXPECT_GT(DrawAt(entrance, 30)->opacity, 0);
  EXPECT_EQ(DrawAt(entrance, 45)->opacity, 1);
  const Scene exit =
      Box(R"("animations": [{"type": "fade", "time": 1, "duration": 0.5, "reversed": true}])");
  EXPECT_EQ(DrawAt(exit, 29)->opacity, 1);
  EXPECT_LT(DrawAt(exit, 40)->opacity, 0.5);
  EXPECT_FALSE(DrawAt(exit, 45).has_value());
}

TEST(AnimationTest, ATypewriterSetsLetterByLetter) {
  const Scene scene = SceneOf(R"({"type": "text", "text": "héllo 👩‍🚀 you",
      "animations": [{"type": "typewriter", "duration": 1}]})");
  EXPECT_EQ(DrawAt(scene, 0)->characters, 0);
  EXPECT_EQ(DrawAt(scene, 14)->characters, 5);  // of eleven, as a reader counts them
  EXPECT_EQ(DrawAt(scene, 30)->characters, -1);
}

TEST(AnimationTest, FadesMultiplyWithTheElementsOwnOpacity) {
  const Scene scene = Box(R"("opacity": 0.5, "animations": [{"type": "fade", "duration": 0.3}])");
  EXPECT_NEAR(DrawAt(scene, 4)->opacity, 0.25, 0.003);
}

// ------------------------------------------------------------------- transitions
// Two scenes of a second; the second comes in over ten frames, from 20 on.
Scene Change(const std::string& transition) {
  return SceneAssets().Resolve(absl::StrCat(
      R"("output": {"width": 200, "height": 100, "fps": 30}, "scenes": [
         {"duration": 1, "background_color": "#102030", "elements": []},
         {"duration": 1, "background_color": "#405060", "elements": [], "transition": {
           "duration": 0.3, )",
      transition,
      "}}]"));
}

TEST(TransitionTest, ScenesOverlapForAsLongAsItTakes) {
  const Scene scene = Change(R"("type": "wipe")");
  EXPECT_EQ(scene.frame_count(), 51);
  EXPECT_EQ(scene.DrawListAt(20).size(), 1);
  EXPECT_EQ(scene.DrawListAt(21).size(), 2);
  EXPECT_EQ(scene.DrawListAt(29).size(), 2);
  EXPECT_EQ(scene.DrawListAt(30).size(), 1);
}

TEST(TransitionTest, AWipeClipsTheNewScene) {
  EXPECT_EQ(Change(R"("type": "wipe")").DrawListAt(25)[1].clip, (rn::Box{100, 0, 100, 100}));
  EXPECT_EQ(Change(R"("type": "wipe", "direction": "right")").DrawListAt(25)[1].clip,
            (rn::Box{0, 0, 100, 100}));
  EXPECT_EQ(Change(R"("type": "wipe", "direction": "up")").DrawListAt(25)[1].clip,
            (rn::Box{0, 50, 200, 50}));
  EXPECT_EQ(Change(R"("type": "wipe", "direction": "down")").DrawListAt(25)[1].clip,
            (rn::Box{0, 0, 200, 50}));
}

TEST(TransitionTest, ASlideMovesTheNewSceneOverTheOldOne) {
  const DrawList list = Change(R"("type": "slide", "direction": "up")").DrawListAt(25);
  EXPECT_EQ(list[0].dy, 0);
  EXPECT_EQ(list[1].dy, 50);
}

TEST(TransitionTest, APushMovesBothAndLeavesNothingUncovered) {
  const Scene scene = Change(R"("type": "push", "easing": "back-out")");
  for (int n = 21; n < 30; ++n) {
    const DrawList list = scene.DrawListAt(n);
    ASSERT_EQ(list.size(), 3) << n;
    EXPECT_EQ(list[0].dx, 0) << n;  // What shows where the push overshoots.
    EXPECT_EQ(list[2].dx - list[1].dx, 200) << n;
  }
}

TEST(TransitionTest, ACircleOpensUpToTheCorners) {
  const Scene scene = Change(R"("type": "circle")");
  EXPECT_NEAR(*scene.DrawListAt(25)[1].circle_px, std::hypot(200, 100) / 4, 1e-9);
}

TEST(TransitionTest, AZoomGrowsWhileItFadesIn) {
  const DrawGroup group = Change(R"("type": "zoom")").DrawListAt(25)[1];
  EXPECT_DOUBLE_EQ(group.scale, 0.75);
  EXPECT_NEAR(group.opacity, 0.5, 0.003);
}

TEST(TransitionTest, EasingDecidesHowFarItHasCome) {
  const Scene scene = Change(R"("type": "fade", "easing": "quadratic-in")");
  EXPECT_NEAR(scene.DrawListAt(25)[1].opacity, 0.25, 0.003);
}

}  // namespace
}  // namespace rn
