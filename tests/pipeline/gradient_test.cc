#include "pipeline/gradient.h"

#include <gtest/gtest.h>

#include <cmath>

namespace rn {
namespace {

constexpr Rgba kBlack{0, 0, 0, 255}, kWhite{255, 255, 255, 255};

Fill Gradient(std::vector<GradientStop> stops, double angle_deg = 90) {
  Fill fill;
  fill.stops = std::move(stops);
  fill.angle_deg = angle_deg;
  return fill;
}

double Mean(const Planes& planes, const IntRect& rect) {
  double sum = 0;
  for (int y = rect.y; y < rect.bottom(); ++y) {
    for (int x = rect.x; x < rect.right(); ++x) sum += planes.y[y * planes.stride + x];
  }
  return sum / (rect.w * rect.h);
}

TEST(GradientTest, LevelsBetweenTwoAreDitheredToTheirMean) {
  // Over 512 pixels by 8 levels: without a dither, bands 64 pixels wide.
  const Fill fill = Gradient({{0, {100, 100, 100, 255}}, {1, {109, 109, 109, 255}}});
  const IntRect area{0, 0, 512, 16};
  const Planes planes = PaintGradient(fill, {0, 0, 512, 16}, area);
  EXPECT_TRUE(planes.opaque);
  for (int x = 0; x < 512; x += 8) {
    const double exact = 16 + 219 * (100 + 9 * (x + 4) / 512.0) / 255;
    EXPECT_NEAR(Mean(planes, {x, 0, 8, 8}), exact, 0.1) << x;
  }
  for (int i = 0; i < 512; ++i) EXPECT_EQ(planes.uv[static_cast<std::size_t>(i)], 128);
}

TEST(GradientTest, ItsAngleIsCss) {
  const auto at = [](double angle, int x, int y) {
    const Planes planes =
        PaintGradient(Gradient({{0, kBlack}, {1, kWhite}}, angle), {0, 0, 64, 64}, {0, 0, 64, 64});
    return static_cast<int>(planes.y[y * planes.stride + x]);
  };
  EXPECT_LT(at(90, 0, 32), 22);
  EXPECT_GT(at(90, 63, 32), 230);
  EXPECT_LT(at(180, 32, 0), 22);
  EXPECT_GT(at(180, 32, 63), 230);
  EXPECT_GT(at(0, 32, 0), 230);
  EXPECT_LT(at(135, 0, 0), 20);
  EXPECT_NEAR(at(135, 32, 32), 126, 3);
}

TEST(GradientTest, StopsAreMetWhereTheyStand) {
  const Fill fill = Gradient({{0.25, kBlack}, {0.5, kWhite}, {0.5, kBlack}, {0.75, kBlack}});
  const Planes planes = PaintGradient(fill, {0, 0, 400, 8}, {0, 0, 400, 8});
  EXPECT_EQ(planes.y[50], 16);
  EXPECT_NEAR(planes.y[150], 126, 3);
  EXPECT_NEAR(planes.y[198], 233, 3);
  EXPECT_EQ(planes.y[202], 16);
  EXPECT_EQ(planes.y[399], 16);
}

TEST(GradientTest, RadialOnesReachTheCorners) {
  Fill fill = Gradient({{0, kWhite}, {1, kBlack}});
  fill.kind = Fill::Kind::kRadial;
  const Planes planes = PaintGradient(fill, {0, 0, 200, 100}, {0, 0, 200, 100});
  EXPECT_GT(planes.y[50 * planes.stride + 100], 230);
  EXPECT_LT(planes.y[0], 20);
  // The middles of the sides are as far along as one another.
  const double side = 235 - 219 / std::sqrt(2.0);
  EXPECT_NEAR(planes.y[50 * planes.stride], side, 3);
  EXPECT_NEAR(planes.y[100], side, 3);
}

TEST(GradientTest, ColorsAreMixedMultipliedByAlpha) {
  // To "transparent" without a grey in between.
  const Planes planes =
      PaintGradient(Gradient({{0, kWhite}, {1, {0, 0, 0, 0}}}), {0, 0, 256, 8}, {0, 0, 256, 8});
  EXPECT_FALSE(planes.opaque);
  for (int x = 0; x < 256; x += 5) {
    EXPECT_NEAR(planes.y[static_cast<std::size_t>(x)],
                planes.y_alpha[static_cast<std::size_t>(x)] * 235 / 255.0,
                1.5);
  }
}

TEST(GradientTest, PiecesOfItAreTheSamePixels) {
  const Fill fill = Gradient({{0, {9, 90, 30, 200}}, {1, {60, 20, 180, 255}}}, 37);
  const Box box{3.5, 1, 70, 40};
  const Planes all = PaintGradient(fill, box, {-4, -2, 80, 50});
  const Planes part = PaintGradient(fill, box, {10, 8, 20, 10});
  for (int y = 0; y < 10; ++y) {
    for (int x = 0; x < 20; ++x) {
      ASSERT_EQ(part.y[y * part.stride + x], all.y[(y + 10) * all.stride + x + 14]);
    }
  }
}

}  // namespace
}  // namespace rn
