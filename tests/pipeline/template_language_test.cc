// What a template may say of an element, and how a mistake in it is told.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "pipeline/text.h"
#include "template/template_model.h"
#include "tests/pipeline/silent_scene.h"

namespace rn {
namespace {

std::string Document(const std::string& elements) {
  return absl::StrCat(R"("output": {"width": 400, "height": 200, "fps": 30},
                         "scenes": [{"duration": 2, "elements": [)",
                      elements,
                      "]}]");
}

Scene SceneOf(const std::string& elements) {
  return SceneAssets().Resolve(Document(elements));
}

// The mistakes in the element, "pointer: message", pointers counted from it.
std::vector<std::string> MistakesIn(const std::string& element) {
  const auto parsed =
      Template::Parse(absl::StrCat(R"({"schema": "1", "name": "t", )", Document(element), "}"),
                      &InstalledFontFamilies());
  std::vector<std::string> mistakes = absl::StrSplit(parsed.status().message(), "\n  ");
  mistakes.erase(mistakes.begin());
  for (std::string& mistake : mistakes) {
    absl::string_view rest = mistake;
    if (absl::ConsumePrefix(&rest, "/scenes/0/elements/0")) mistake = std::string(rest);
  }
  return mistakes;
}

std::string Shape(const std::string& properties) {
  return absl::StrCat(R"({"type": "shape", "fill_color": "#fff", )", properties, "}");
}

using Mistakes = std::vector<std::string>;

// ------------------------------------------------------------------- looks
TEST(ElementLookTest, TheAnchorIsWhatTheElementTurnsAbout) {
  const Scene scene = SceneOf(Shape(R"("x": 100, "y": "50%", "width": 80, "height": 40,
      "x_anchor": "0%", "y_anchor": "100%", "rotation": -30)"));
  const Element& element = scene.elements().at(0);
  EXPECT_EQ(element.box, (Box{100, 60, 80, 40}));
  EXPECT_EQ(element.anchor_x, 100);
  EXPECT_EQ(element.anchor_y, 100);
  EXPECT_EQ(scene.DrawListAt(0)[0].draws.at(0).rotation_deg, -30);
}

TEST(ElementLookTest, AnyShadowPropertyMakesAShadow) {
  const Scene scene = SceneOf(Shape(R"("width": 80, "height": 40, "shadow_y": 4)") + "," +
                              Shape(R"("width": 80, "height": 40, "shadow_color": "#f008",
                                       "shadow_blur": "25%", "shadow_x": "10%")") +
                              "," + Shape(R"("shadow_color": "transparent")"));
  EXPECT_EQ(scene.elements().at(0).shadow->color, (Rgba{0, 0, 0, 128}));
  EXPECT_EQ(scene.elements().at(0).shadow->dy_px, 4);
  const Shadow& second = *scene.elements().at(1).shadow;
  EXPECT_EQ(second.color, (Rgba{255, 0, 0, 136}));
  EXPECT_EQ(second.blur_px, 10);
  EXPECT_EQ(second.dx_px, 8);
  EXPECT_FALSE(scene.elements().at(2).shadow.has_value());
}

TEST(ElementLookTest, MasksAreShapesOrPicturesAndCornersAreAMask) {
  const std::string image = R"({"type": "image", "source": "asset:photo", "width": 100,
                                "height": 50, )";
  const Scene scene = SceneOf(
      absl::StrCat(image,
                   R"("mask": {"shape": "ellipse"}},)",
                   image,
                   R"("mask": {"source": "asset:logo", "mode": "luminance", "inverted": true}},)",
                   image,
                   R"("border_radius": "20%"}, )",
                   image,
                   R"("fit": "contain-blur"})"));
  EXPECT_EQ(scene.elements().at(0).mask->kind, Mask::Kind::kEllipse);
  const Mask& picture = *scene.elements().at(1).mask;
  EXPECT_EQ(picture.kind, Mask::Kind::kLuminance);
  EXPECT_TRUE(absl::EndsWith(picture.path, "/logo")) << picture.path;
  EXPECT_TRUE(picture.inverted);
  EXPECT_EQ(scene.elements().at(2).mask->radius_px, 10);
  const Element& blurred = scene.elements().at(3);
  EXPECT_FALSE(blurred.mask.has_value());
  EXPECT_EQ(std::get<ImageContent>(blurred.content).fit, Fit::kContainBlur);
}

TEST(ElementLookTest, BlendModesAndRadialFills) {
  const Scene scene = SceneOf(R"({"type": "shape", "blend_mode": "color-dodge",
      "fill": {"type": "radial", "stops": [{"color": "#000"}, {"color": "#888", "offset": 0.3},
                                           {"color": "#fff"}]}})");
  EXPECT_EQ(scene.elements().at(0).blend, BlendMode::kColorDodge);
  const Fill& fill = std::get<ShapeContent>(scene.elements().at(0).content).fill;
  EXPECT_EQ(fill.kind, Fill::Kind::kRadial);
  EXPECT_EQ(fill.stops.at(1).offset, 0.3);
}

// ------------------------------------------------------------------- groups
TEST(GroupTest, ChildrenAreLaidOutInTheBoxAndLiveFromItsStart) {
  const Scene scene = SceneOf(R"({"type": "group", "x": "75%", "width": "50%", "height": 100,
      "time": 0.5, "opacity": 0.5, "rotation": 10, "elements": [)" +
                              Shape(R"("x": "25%", "width": "50%", "height": "10%")") + "," +
                              Shape(R"("time": 0.5, "duration": 0.5)") + "]}");
  EXPECT_TRUE(scene.DrawListAt(14)[0].draws.empty());
  const Draw group = scene.DrawListAt(15)[0].draws.at(0);
  EXPECT_EQ(group.rotation_deg, 10);
  EXPECT_NEAR(group.opacity, 0.5, 0.003);
  EXPECT_EQ(scene.elements().at(group.element).box, (Box{200, 50, 200, 100}));
  ASSERT_EQ(group.children.size(), 1);
  EXPECT_EQ(group.children[0].opacity, 1);
  EXPECT_EQ(scene.elements().at(group.children[0].element).box, (Box{200, 95, 100, 10}));
  EXPECT_EQ(scene.DrawListAt(30)[0].draws.at(0).children.size(), 2);
  EXPECT_EQ(scene.DrawListAt(45)[0].draws.at(0).children.size(), 1);
}

TEST(GroupTest, NamesReachIntoGroups) {
  const Scene scene = SceneAssets().Resolve(R"("output": {"width": 400, "height": 200},
      "scenes": [{"duration": "auto", "elements": [
        {"type": "group", "time": 1, "elements": [
          {"type": "voice", "name": "said", "text": "one two", "voice": "narrator", "time": 0.4}]},
        {"type": "captions", "source": "@said"}]}])");
  EXPECT_EQ(scene.frame_count(), 60);  // 1 + 0.4 + 2 × 0.3
  EXPECT_EQ(scene.mix().cues.at(0).start, absl::Milliseconds(1400));
  EXPECT_TRUE(scene.DrawListAt(40)[0].draws.empty());
  EXPECT_EQ(scene.DrawListAt(43)[0].draws.size(), 1);
}

TEST(GroupTest, AGroupOfNothingSeenIsNotDrawn) {
  const Scene scene = SceneOf(R"({"type": "group", "elements": []})");
  EXPECT_TRUE(scene.DrawListAt(0)[0].draws.empty());
}

TEST(GroupTest, NestingHasABound) {
  std::string deep = Shape(R"("x": 0)");
  for (int i = 0; i < 7; ++i) deep = absl::StrCat(R"({"type": "group", "elements": [)", deep, "]}");
  EXPECT_EQ(MistakesIn(deep),
            Mistakes{"/elements/0/elements/0/elements/0/elements/0/elements/0/elements/0: groups "
                     "within more than 6 groups"});
}

TEST(GroupTest, ElementsAreNoDefault) {
  const auto parsed = Template::Parse(R"({"schema": "1", "name": "t",
      "output": {"width": 400, "height": 200},
      "theme": {"defaults": {"group": {"elements": [{"type": "group", "elements": []}]}}},
      "scenes": [{"duration": 1, "elements": [{"type": "group"}]}]})",
                                      &InstalledFontFamilies());
  EXPECT_EQ(parsed.status().message(),
            "2 problems:\n  /scenes/0/elements/0: \"elements\" is missing\n"
            "  /theme/defaults/group/elements: are a group's own; they cannot be a default");
}

// ------------------------------------------------------------------- variants
TEST(VariantTest, ElementsOfGroupsDifferToo) {
  SceneAssets assets;
  const std::string body = R"("output": {"width": 400, "height": 200},
      "variants": {"9x16": {"width": 180, "height": 320}, "1x1": {"width": 200, "height": 200}},
      "scenes": [{"duration": 1, "elements": [{"type": "group", "height": "50%", "elements": [
        {"type": "shape", "fill_color": "#fff", "width": "50%", "height": "50%",
         "variants": {"9x16": {"width": "100%", "rotation": 90}}}]}]}])";
  const auto box = [&](const char* aspect) {
    const Scene scene = assets.Resolve(body, aspect);
    return scene.elements().at(scene.DrawListAt(0)[0].draws.at(0).children.at(0).element).box;
  };
  EXPECT_EQ(box(""), (Box{100, 75, 200, 50}));
  EXPECT_EQ(box("9:16"), (Box{0, 120, 180, 80}));
  EXPECT_EQ(box("1:1"), (Box{50, 75, 100, 50}));
}

// ------------------------------------------------------------------- values from the row
TEST(ExpressionTest, NumbersLengthsAndTimesMayComeFromVariables) {
  rendernode::ItemSpec row;
  (*row.mutable_values())["n"] = "2";
  const Scene scene = SceneAssets().Resolve(R"("variables": {"n": {"type": "number"}},
      "output": {"width": 400, "height": 200, "fps": 50},
      "scenes": [{"duration": "{{n}}", "elements": [{"type": "shape", "fill_color": "#fff",
        "width": "{{n}}vw", "opacity": "0.{{n}}", "time": "0.{{n}}",
        "rotation": [{"time": 0, "value": "{{n}}"}, {"time": "0.{{n}}", "value": 4}]}]}])",
                                            "",
                                            row);
  EXPECT_EQ(scene.frame_count(), 100);
  EXPECT_EQ(scene.elements().at(0).box.w, 8);
  EXPECT_TRUE(scene.DrawListAt(9)[0].draws.empty());
  EXPECT_NEAR(scene.DrawListAt(10)[0].draws.at(0).opacity, 0.2, 0.003);
  EXPECT_DOUBLE_EQ(scene.DrawListAt(15)[0].draws.at(0).rotation_deg, 3);
}

// What binding the element says of a row whose variable "n" is `value`.
std::string MistakeWith(const std::string& element, const char* value) {
  const auto parsed = Template::Parse(
      absl::StrCat(R"({"schema": "1", "name": "t", "variables": {"n": {"type": "string"}}, )",
                   Document(element),
                   "}"),
      &InstalledFontFamilies());
  if (!parsed.ok()) return parsed.status().ToString();
  const rendernode::JobSpec job;
  rendernode::ItemSpec row;
  (*row.mutable_values())["n"] = value;
  const std::map<std::string, std::string> paths;
  const absl::Status bound = parsed->Bind({job, row, paths}).status();
  return bound.ok() ? "" : std::string(bound.message());
}

TEST(ExpressionTest, AValueOutOfRangeNamesTheRange) {
  const std::string faint = Shape(R"("opacity": "{{n}}")");
  EXPECT_EQ(MistakeWith(faint, "0.5"), "");
  EXPECT_EQ(MistakeWith(faint, "50%"), "");
  EXPECT_EQ(
      MistakeWith(faint, "1.5"),
      "1 problem:\n  row 0: /scenes/0/elements/0/opacity: \"1.5\" is not a percentage from 0% to "
      "100%");
  EXPECT_EQ(MistakeWith(Shape(R"("rotation": "{{n}}")"), "a bit"),
            "1 problem:\n  row 0: /scenes/0/elements/0/rotation: \"a bit\" is not a number");
}

// ------------------------------------------------------------------- mistakes
TEST(TemplateMistakeTest, UnknownNamesComeWithTheNearestValidOne) {
  const std::string found = absl::StrJoin(
      MistakesIn(Shape(R"("blend_mode": "multiplied", "rotatoin": 3, "mask": {"shape": "elipse"},
          "animations": [{"type": "swipe"}, {"type": "fade", "time": "ends"},
                         {"type": "fade", "easing": "cubic-ou"}])")),
      "\n");
  for (const char* mistake :
       {"/animations/0/type: unknown type \"swipe\"; did you mean \"wipe\"?",
        "/animations/1/time: unknown time \"ends\"; did you mean \"end\"?",
        "/animations/2/easing: unknown easing \"cubic-ou\"; did you mean \"cubic-out\"?",
        "/blend_mode: unknown blend_mode \"multiplied\"; did you mean \"multiply\"?",
        "/mask/shape: unknown shape \"elipse\"; did you mean \"ellipse\"?",
        "/rotatoin: unknown property \"rotatoin\"; did you mean \"rotation\"?"}) {
    EXPECT_TRUE(absl::StrContains(found, mistake)) << mistake << "\nin\n" << found;
  }
}

TEST(TemplateMistakeTest, PropertiesOfOtherKindsAreRefused) {
  EXPECT_EQ(MistakesIn(Shape(R"("animations": [
                {"type": "fade", "direction": "up"}, {"type": "wipe", "distance": 3},
                {"type": "slide", "start_scale": 0.5}, {"type": "typewriter"},
                {"type": "fade", "reversed": true}])")),
            (Mistakes{"/animations/0/direction: is for slides and wipes; this is a fade",
                      "/animations/1/distance: is for slides; this is a wipe",
                      "/animations/2/start_scale: is for scales; this is a slide",
                      "/animations/3/type: \"typewriter\" is for texts",
                      "/animations/4/reversed: it would leave before it is there; let \"time\" be "
                      "\"end\" or seconds"}));
  EXPECT_EQ(MistakesIn(Shape(R"("mask": {"mode": "alpha"})")),
            Mistakes{"/mask/mode: is for masks that have a source"});
  EXPECT_EQ(MistakesIn(R"({"type": "shape", "fill": {"type": "radial", "angle": 3,
                           "stops": [{"color": "#000"}, {"color": "#fff"}]}})"),
            Mistakes{"/fill/angle: is for linear gradients; this is a radial one"});
}

TEST(TemplateMistakeTest, KeyframesAreInOrderInRangeAndOfNumbers) {
  EXPECT_EQ(MistakesIn(Shape(R"("opacity": [{"time": 0, "value": 2}, {"time": 1, "value": 1}],
                "x": [{"time": 1, "value": "5%"}, {"time": 0.5, "value": "5&"}],
                "rotation": [{"time": "ende", "value": 5}])")),
            (Mistakes{"/x/1/value: \"5&\" is not a length. Valid: 120, \"50%\", \"12vw\", "
                      "\"12vh\", \"9vmin\", \"9vmax\", \"120px\"",
                      "/x/1/time: keyframes stand in order of their time",
                      "/rotation/0/time: \"ende\" is not a keyframe's time. Valid: 1.5 (seconds), "
                      "\"50%\" of the element's life, \"end\"",
                      "/opacity/0/value: must be at most 1; it is 2"}));
  const auto times = MistakesIn(Shape(R"("scale": [{"value": 1}], "blend_mode": [])"));
  EXPECT_TRUE(absl::StartsWith(times.front(), "/blend_mode: must be one of normal, multiply"));
  EXPECT_EQ(times.back(), "/scale/0: \"time\" is missing");
}

TEST(TemplateMistakeTest, AGroupsBoxHoldsStill) {
  const auto found = MistakesIn(R"({"type": "group", "elements": [],
      "width": [{"time": 0, "value": 10}, {"time": 1, "value": 20}]})");
  ASSERT_EQ(found.size(), 1);
  EXPECT_TRUE(absl::StartsWith(found[0], "/width: cannot be keyframes: a group's")) << found[0];
}

TEST(TemplateMistakeTest, TransitionsKnowTheirDirections) {
  const auto parsed = Template::Parse(R"({"schema": "1", "name": "t",
      "output": {"width": 400, "height": 200}, "scenes": [{"duration": 1, "elements": [],
      "transition": {"type": "circle", "direction": "up"}}]})",
                                      &InstalledFontFamilies());
  EXPECT_EQ(parsed.status().message(),
            "1 problem:\n  /scenes/0/transition/direction: is for wipe, slide and push; this is a "
            "circle");
}

TEST(TemplateMistakeTest, KeyframesOfMoreTimeThanThereIsAreToldOnceTheLifeIsKnown) {
  const auto parsed = Template::Parse(
      absl::StrCat(R"({"schema": "1", "name": "t", )",
                   Document(Shape(R"("rotation": [{"time": 0, "value": 0}, {"time": 5, "value": 9},
                                     {"time": "end", "value": 0}])")),
                   "}"),
      &InstalledFontFamilies());
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const rendernode::JobSpec job;
  const rendernode::ItemSpec row;
  const std::map<std::string, std::string> paths;
  const auto bound = parsed->Bind({job, row, paths});
  EXPECT_EQ(
      Scene::Resolve(*bound, {}).status().message(),
      "1 problem:\n  /scenes/0/elements/0/rotation/2/time: comes before the keyframe in front "
      "of it: the element lives 2.00 s");
}

TEST(TemplateMistakeTest, TooManyDifferentPicturesAreRefused) {
  const auto parsed = Template::Parse(R"({"schema": "1", "name": "t",
      "output": {"width": 4000, "height": 200, "fps": 30}, "scenes": [{"duration": 60, "elements": [
      {"type": "shape", "fill_color": "#fff",
       "width": [{"time": 0, "value": 100}, {"time": 60, "value": 4000}]}]}]})",
                                      &InstalledFontFamilies());
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const rendernode::JobSpec job;
  const rendernode::ItemSpec row;
  const std::map<std::string, std::string> paths;
  const auto scene = Scene::Resolve(*parsed->Bind({job, row, paths}), {});
  EXPECT_TRUE(absl::StrContains(scene.status().message(),
                                "/scenes/0/elements/0/width: its keyframes give more than 600"))
      << scene.status();
}

}  // namespace
}  // namespace rn
