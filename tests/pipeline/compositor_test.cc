#include "pipeline/compositor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "pipeline/blend.h"
#include "proto/item_error.h"
#include "tests/pipeline/silent_scene.h"

namespace rn {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Everything there is, on odd places, with pictures and shapes that slide over one another.
constexpr char kEverything[] = R"(
  "output": {"width": 322, "height": 182, "fps": 25},
  "scenes": [
    {"duration": 1.2, "background_color": "#203050",
     "transition": {"type": "fade", "duration": 0.2}, "elements": [
      {"type": "image", "source": "asset:photo", "x": 81, "y": 63, "width": 121, "height": 91,
       "ken_burns": {"to": {"scale": 1.4, "x": "70%"}},
       "animations": [{"type": "slide", "direction": "left", "duration": 0.3},
                      {"type": "fade", "time": "end", "duration": 0.2}]},
      {"type": "image", "source": "asset:photo", "fit": "contain", "x": "75%", "y": "40%",
       "width": 101, "height": 57},
      {"type": "shape", "fill_color": "#c03020", "x": 202, "y": 122, "width": 102,
       "height": 40, "animations": [{"type": "slide", "direction": "right", "distance": 11,
       "duration": 0.4}, {"type": "slide", "direction": "up", "distance": 13, "time": "end",
       "duration": 0.4, "easing": "back-out"}]},
      {"type": "text", "text": "Über alles", "time": 0.5, "x": "50%", "y": "20%", "height": "20%",
       "stroke_color": "#000", "stroke_width": 2,
       "animations": [{"type": "slide", "direction": "up", "duration": 0.4, "easing": "cubic-out"},
                      {"type": "fade", "duration": 0.4}]}]},
    {"duration": "auto", "tail": 0.5, "background_color": "#f0e0c0",
     "transition": {"type": "fade", "duration": 0.32}, "elements": [
      {"type": "shape", "fill": {"angle": 30, "stops": [{"color": "#102030"},
       {"color": "#e08040"}]}},
      {"type": "image", "source": "asset:logo", "fit": "none", "x": "30%", "opacity": 0.7,
       "ken_burns": {"from": {"scale": 1.2, "y": "20%"}, "to": {"scale": 1}},
       "width": 90, "height": 90},
      {"type": "shape", "shape": "ellipse", "fill_color": "#20c04080", "stroke_color": "#fff",
       "stroke_width": 3, "x": "70%", "y": "30%", "width": 71, "height": 49,
       "animations": [{"type": "fade", "duration": 0.3}]},
      {"type": "voice", "name": "n", "voice": "narrator", "time": 0.3,
       "text": "One two three. Four five six seven eight nine ten."},
      {"type": "captions", "source": "@n", "effect": "highlight", "color": "#ffb400", "y": "82%",
       "width": "60%", "height": "25%", "font_size": 20, "background_color": "#00000090"}]}],
  "elements": [
    {"type": "shape", "fill_color": "#000000a0", "x": 301, "y": 11, "width": 33, "height": 17},
    {"type": "text", "text": "live", "x": 301, "y": 11, "width": 33, "height": 17,
     "font_size": 12}])";

class CompositorTest : public testing::Test {
 protected:
  static std::unique_ptr<Compositor> Over(const Scene& scene) {
    auto compositor = Compositor::Create(scene);
    EXPECT_TRUE(compositor.ok()) << compositor.status();
    return *std::move(compositor);
  }

  const SceneAssets assets_;
};

TEST_F(CompositorTest, FrameOverAnyOtherFrameIsTheFramePaintedAfresh) {
  const Scene scene = assets_.Resolve(kEverything);
  const auto count = static_cast<unsigned>(scene.frame_count());
  const auto warm = Over(scene);
  std::mt19937 random(1);
  std::int64_t held = 0;
  FrameBuffer frame(scene, 2);
  ASSERT_TRUE(warm->Paint(0, frame.view(), std::nullopt).ok());
  for (unsigned step = 0; step < 3 * count; ++step) {
    // In order, as an encoder asks; then in any.
    const std::int64_t n = step < count ? step : random() % count;
    const absl::Status painted = warm->Paint(n, frame.view(), held).status();
    ASSERT_TRUE(painted.ok()) << painted;
    FrameBuffer afresh(scene, step);
    // A compositor that has seen nothing else: no state of the other may matter.
    ASSERT_TRUE(Over(scene)->Paint(n, afresh.view(), std::nullopt).ok());
    ASSERT_TRUE(frame == afresh) << "frame " << n << " over " << held;
    held = n;
  }
}

TEST_F(CompositorTest, LayerThatComesToRestOnAnOddPixelLeavesNoRimOfItsLastStep) {
  // Where it was, one pixel to the left, it covered whole chroma samples; here it does not.
  const Scene scene = assets_.Resolve(R"("output": {"width": 64, "height": 36, "fps": 25},
    "scenes": [{"duration": 1, "elements": [{"type": "shape", "fill_color": "#fff", "x": 31,
      "width": 20, "height": 20, "animations": [
        {"type": "slide", "direction": "right", "distance": 11, "duration": 0.4}]}]}])");
  const auto compositor = Over(scene);
  FrameBuffer frame(scene, 2);
  ASSERT_TRUE(compositor->Paint(0, frame.view(), std::nullopt).ok());
  for (std::int64_t n = 1; n < 15; ++n) {
    ASSERT_TRUE(compositor->Paint(n, frame.view(), n - 1).ok());
    FrameBuffer afresh(scene, 3);
    ASSERT_TRUE(Over(scene)->Paint(n, afresh.view(), std::nullopt).ok());
    ASSERT_TRUE(frame == afresh) << n;
  }
}

TEST_F(CompositorTest, FramesDifferInsideTheirDamageAlone) {
  const Scene scene = assets_.Resolve(kEverything);
  const auto compositor = Over(scene);
  std::mt19937 random(3);
  for (int round = 0; round < 150; ++round) {
    const std::int64_t a = random() % static_cast<unsigned>(scene.frame_count());
    const std::int64_t b = round % 2 == 0 ? random() % static_cast<unsigned>(scene.frame_count())
                                          : std::min(a + 1, scene.frame_count() - 1);
    FrameBuffer first(scene, 4);
    FrameBuffer second(scene, 5);
    ASSERT_TRUE(compositor->Paint(a, first.view(), std::nullopt).ok());
    ASSERT_TRUE(compositor->Paint(b, second.view(), std::nullopt).ok());
    const auto damage = compositor->Damage(a, b);
    ASSERT_TRUE(damage.ok()) << damage.status();
    for (const IntRect& rect : *damage) {
      EXPECT_EQ((rect.x | rect.y | rect.w | rect.h) & 1, 0);
      EXPECT_EQ(Intersect(rect, {0, 0, scene.width(), scene.height()}), rect);
      for (const FrameBuffer* frame : {&first, &second}) FillRect(frame->view(), rect, Yuv{});
    }
    ASSERT_TRUE(first == second) << a << " and " << b;
  }
}

TEST_F(CompositorTest, NothingIsDamagedWhereNothingMoves) {
  const Scene scene = assets_.Resolve(R"("output": {"width": 160, "height": 90}, "scenes": [
      {"duration": 2, "elements": [{"type": "text", "text": "still", "animations": [
        {"type": "slide", "distance": 20, "duration": 0.5}]}]}])");
  const auto compositor = Over(scene);
  EXPECT_THAT(*compositor->Damage(3, 4), Not(IsEmpty()));
  EXPECT_THAT(*compositor->Damage(15, 16), IsEmpty());
  EXPECT_THAT(*compositor->Damage(20, 59), IsEmpty());
  EXPECT_THAT(*compositor->Damage(59, 20), IsEmpty());
}

TEST_F(CompositorTest, WordsThatLightUpDamageTheirCaptionAlone) {
  const Scene scene = assets_.Resolve(R"("output": {"width": 320, "height": 180}, "scenes": [
      {"elements": [{"type": "image", "source": "asset:photo"},
        {"type": "voice", "name": "n", "voice": "narrator", "text": "one two three four"},
        {"type": "captions", "source": "@n", "effect": "highlight", "color": "#f00",
         "y": "85%", "height": "20%", "font_size": 20}]}])");
  const auto compositor = Over(scene);
  EXPECT_THAT(*compositor->Damage(2, 3), IsEmpty());
  const auto damage = compositor->Damage(8, 9);
  ASSERT_EQ(damage->size(), 1U);
  EXPECT_GE(damage->front().y, 120);
}

TEST_F(CompositorTest, WhatAnOpaqueLayerCoversNeedsNoPixelsOfItsOwn) {
  // The picture below cannot even be decoded, and nobody asks.
  const Scene scene = assets_.Resolve(R"("output": {"width": 64, "height": 36}, "scenes": [
      {"duration": 1, "elements": [{"type": "image", "source": "asset:broken"},
        {"type": "shape", "fill_color": "#123456"}]}])");
  FrameBuffer frame(scene, 6);
  EXPECT_TRUE(Over(scene)->Paint(0, frame.view(), std::nullopt).ok());
  EXPECT_EQ(frame.view().y[100], ToYuv({0x12, 0x34, 0x56}).y);
}

TEST_F(CompositorTest, BackgroundIsSeenWhereNothingStands) {
  const Scene scene = assets_.Resolve(R"("output": {"width": 64, "height": 36}, "scenes": [
      {"duration": 1, "background_color": "#c04080", "elements": []}])");
  FrameBuffer frame(scene, 7);
  ASSERT_TRUE(Over(scene)->Paint(0, frame.view(), std::nullopt).ok());
  const Yuv color = ToYuv({0xC0, 0x40, 0x80});
  EXPECT_EQ(frame.view().y[0], color.y);
  EXPECT_EQ(frame.view().uv[0], color.u);
  EXPECT_EQ(frame.view().uv[1], color.v);
}

TEST_F(CompositorTest, FirstSceneFadesInFromBlack) {
  const Scene scene = assets_.Resolve(R"("output": {"width": 64, "height": 36}, "scenes": [
      {"duration": 1, "background_color": "#fff", "elements": [],
       "transition": {"type": "fade", "duration": 0.3}}])");
  FrameBuffer frame(scene, 8);
  int before = 16;
  const auto compositor = Over(scene);
  for (std::int64_t n = 0; n < 10; ++n) {
    ASSERT_TRUE(compositor->Paint(n, frame.view(), std::nullopt).ok());
    EXPECT_GT(frame.view().y[0], before);
    before = frame.view().y[0];
  }
  EXPECT_EQ(before, 235);
}

TEST_F(CompositorTest, UndecodablePictureNamesItsElement) {
  const Scene scene = assets_.Resolve(R"("output": {"width": 64, "height": 36}, "scenes": [
      {"duration": 1, "elements": []},
      {"duration": 1, "elements": [{"type": "shape", "fill_color": "#fff", "width": 4},
        {"type": "image", "source": "asset:broken"}]}])");
  const auto compositor = Over(scene);
  FrameBuffer frame(scene, 9);
  EXPECT_TRUE(compositor->Paint(0, frame.view(), std::nullopt).ok());
  for (const absl::Status& status :
       {compositor->Paint(40, frame.view(), 0).status(), compositor->Damage(0, 40).status()}) {
    EXPECT_THAT(std::string(status.message()), HasSubstr("/scenes/1/elements/1"));
    EXPECT_EQ(ItemErrorOf(status), rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR);
  }
}

TEST_F(CompositorTest, MissingGlyphIsReportedOnceWithItsElement) {
  const Scene scene = assets_.Resolve(R"("output": {"width": 64, "height": 36}, "scenes": [
      {"duration": 1, "elements": [{"type": "text", "text": "a\udb7f\udffd", "font_size": 12}]}])");
  const auto compositor = Over(scene);
  FrameBuffer frame(scene, 10);
  for (int n = 0; n < 3; ++n) {
    ASSERT_TRUE(compositor->Paint(n, frame.view(), std::nullopt).ok());
  }
  EXPECT_THAT(compositor->warnings(), ElementsAre("missing glyph U+EFFFD in /scenes/0/elements/0"));
}

TEST_F(CompositorTest, TextThatDoesNotFitIsReported) {
  const Scene scene = assets_.Resolve(R"("output": {"width": 64, "height": 36}, "scenes": [
      {"duration": 1, "elements": [{"type": "text", "text": "much too much for it",
       "width": 20, "height": 10, "font_size_minimum": 9, "font_size_maximum": 12}]}])");
  const auto compositor = Over(scene);
  FrameBuffer frame(scene, 11);
  ASSERT_TRUE(compositor->Paint(0, frame.view(), std::nullopt).ok());
  EXPECT_THAT(compositor->warnings(), Contains(HasSubstr("does not fit")));
}

}  // namespace
}  // namespace rn
