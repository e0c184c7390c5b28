#include "pipeline/still_plan.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/pipeline/silent_scene.h"

namespace rn {
namespace {

// Two seconds of a still, then a square that fades in for half a second and stays.
constexpr char kStillThenFade[] = R"(
  "output": {"width": 160, "height": 90, "fps": 30},
  "scenes": [{"duration": 4, "elements": [
    {"type": "shape", "width": 40, "height": 40, "fill_color": "#fff", "time": 2,
     "animations": [{"type": "fade", "time": "start", "duration": 0.5}]}]}])";

TEST(StillPlanTest, FramesThatShowTheSameStandTogether) {
  const SceneAssets assets;
  const Scene scene = assets.Resolve(kStillThenFade);
  const StillPlan plan(scene);
  EXPECT_EQ(plan.StandsFrom(0), 60);
  EXPECT_EQ(plan.StandsFrom(45), 15);
  EXPECT_EQ(plan.StandsFrom(65), 1);
  EXPECT_EQ(plan.StandsFrom(119), 1);
  EXPECT_EQ(plan.FramesAfter(0), 119);
  EXPECT_EQ(plan.PicturesAfter(100), 0);
  const std::int64_t pictures = 1 + plan.PicturesAfter(0);
  EXPECT_NEAR(static_cast<double>(pictures), 16, 1);
  EXPECT_NEAR(plan.repeats(), 1 - static_cast<double>(pictures) / 120, 1e-9);
  for (std::int64_t n = 1; n < scene.frame_count(); ++n) {
    const bool same = scene.DrawListAt(n) == scene.DrawListAt(n - 1);
    EXPECT_EQ(plan.StandsFrom(n - 1) > 1, same) << n;
  }
}

// A picture of half the frame's area that is zoomed into by a tenth, in so many seconds.
std::string Zoom(int seconds) {
  return absl::StrCat(R"("output": {"width": 320, "height": 180, "fps": 30},
    "scenes": [{"duration": )",
                      seconds,
                      R"(, "elements": [{"type": "image", "source": "asset:photo", "width": "50%",
                      "ken_burns": {"to": {"scale": 1.1}}}]}])");
}

TEST(StillPlanTest, WhatIsZoomedIntoQuicklyTravels) {
  const SceneAssets assets;
  const StillPlan quick(assets.Resolve(Zoom(1)));
  EXPECT_EQ(quick.Travels(0), 0);
  EXPECT_NEAR(quick.Travels(15), 0.5, 0.01);
  const StillPlan slow(assets.Resolve(Zoom(4)));
  EXPECT_EQ(slow.Travels(60), 0);
}

TEST(StillPlanTest, WhatSlidesTravelsAndWhatFadesDoesNot) {
  const SceneAssets assets;
  const StillPlan plan(assets.Resolve(R"("output": {"width": 160, "height": 90, "fps": 30},
    "scenes": [{"duration": 3, "elements": [
      {"type": "shape", "width": 80, "height": 90, "fill_color": "#fff", "animations": [
        {"type": "slide", "time": "start", "duration": 1},
        {"type": "fade", "time": "end", "duration": 1}]}]}])"));
  EXPECT_NEAR(plan.Travels(10), 0.5, 0.01);
  EXPECT_EQ(plan.Travels(45), 0) << "it stands";
  EXPECT_EQ(plan.Travels(75), 0) << "it fades";
}

}  // namespace
}  // namespace rn
