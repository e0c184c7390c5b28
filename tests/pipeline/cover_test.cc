#include "pipeline/cover.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace rn {
namespace {

Planes White(int width, int height, bool opaque) {
  Planes planes;
  planes.Reset(width, height, opaque);
  std::fill(planes.y.begin(), planes.y.end(), std::uint8_t{235});
  std::fill(planes.uv.begin(), planes.uv.end(), std::uint8_t{128});
  std::fill(planes.y_alpha.begin(), planes.y_alpha.end(), std::uint8_t{255});
  std::fill(planes.uv_alpha.begin(), planes.uv_alpha.end(), std::uint8_t{255});
  return planes;
}

// Every alpha against how much of its sample many points find inside.
void ExpectCut(const Planes& planes,
               int x,
               int y,
               const std::function<bool(double, double)>& inside,
               double tolerance) {
  for (const int halves : {1, 2}) {
    const auto& alpha = halves == 1 ? planes.y_alpha : planes.uv_alpha;
    for (int row = 0; row < planes.height / halves; ++row) {
      for (int column = 0; column < planes.width / halves; ++column) {
        constexpr int kPoints = 10;
        int hits = 0;
        for (int i = 0; i < kPoints * kPoints; ++i) {
          hits += inside(x + (column + (i % kPoints + 0.5) / kPoints) * halves,
                         y + (row + (i / kPoints + 0.5) / kPoints) * halves);
        }
        ASSERT_NEAR(alpha[static_cast<std::size_t>(row * planes.stride + column * halves)],
                    255.0 * hits / (kPoints * kPoints),
                    tolerance)
            << column << "," << row << " of " << halves;
      }
    }
  }
}

TEST(CoverTest, BoxesAreCutBetweenPixels) {
  for (const bool opaque : {true, false}) {
    Planes planes = White(40, 30, opaque);
    CutToBox(&planes, 10, 20, {13.3, 24.6, 20.5, 11.7});
    ExpectCut(
        planes,
        10,
        20,
        [](double x, double y) { return x >= 13.3 && x < 33.8 && y >= 24.6 && y < 36.3; },
        28);
    EXPECT_EQ(planes.y[10 * planes.stride + 10], 235);
    EXPECT_EQ(planes.y[0], 0);
  }
}

TEST(CoverTest, CirclesAreRoundAndSmooth) {
  for (const double radius : {0.2, 3.0, 14.7, 40.0}) {
    Planes planes = White(60, 40, true);
    CutToCircle(&planes, 4, 6, 33.5, 26, radius);
    ExpectCut(
        planes,
        4,
        6,
        [&](double x, double y) { return std::hypot(x - 33.5, y - 26) < radius; },
        radius < 1 ? 150 : 24);
  }
}

TEST(CoverTest, MasksCutAndInvertedOnesKeepTheRest) {
  Planes mask = White(10, 10, false);
  std::fill(mask.y_alpha.begin(), mask.y_alpha.end(), std::uint8_t{100});
  std::fill(mask.uv_alpha.begin(), mask.uv_alpha.end(), std::uint8_t{100});
  for (const bool inverted : {false, true}) {
    Planes planes = White(20, 20, true);
    CutToMask(&planes, 0, 0, mask, 6, 4, inverted);
    EXPECT_EQ(planes.y_alpha[5 * planes.stride + 7], inverted ? 155 : 100);
    EXPECT_EQ(planes.uv_alpha[3 * planes.stride + 8], inverted ? 155 : 100);
    EXPECT_EQ(planes.y_alpha[0], inverted ? 255 : 0);
    EXPECT_EQ(planes.y_alpha[19 * planes.stride + 19], inverted ? 255 : 0);
  }
}

}  // namespace
}  // namespace rn
