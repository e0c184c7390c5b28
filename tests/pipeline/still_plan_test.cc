#include "pipeline/still_plan.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace rn
