#include "pipeline/gradient.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numbers>
#include <random>

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

// In plain doubles, without a table or a dither.
TEST(GradientTest, EverySampleIsWithinALevelOfTheExactColor) {
  std::mt19937 random(4);
  const auto byte = [&] { return static_cast<std::uint8_t>(random()); };
  for (int round = 0; round < 60; ++round) {
    const bool opaque = round % 2 == 0;
    const Rgba from{byte(), byte(), byte(), opaque ? std::uint8_t{255} : byte()};
    const Rgba to{byte(), byte(), byte(), opaque ? std::uint8_t{255} : byte()};
    Fill fill = Gradient({{0, from}, {1, to}}, static_cast<double>(random() % 360));
    if (round % 3 == 0) fill.kind = Fill::Kind::kRadial;
    const Box box{-20.5 + random() % 40, -10.25 + random() % 30, 1.0 + random() % 90, 33.0};
    const IntRect area{2 * static_cast<int>(random() % 10) - 8, -6, 2 + 2 * (round % 40), 24};
    const Planes planes = PaintGradient(fill, box, area);
    ASSERT_EQ(planes.opaque, opaque);
    const auto share = [&](double x, double y) {
      const double across = x - box.x - box.w / 2;
      const double down = y - box.y - box.h / 2;
      if (fill.kind == Fill::Kind::kRadial) {
        return std::min(1.0, std::hypot(across / box.w, down / box.h) * std::sqrt(2));
      }
      const double angle = fill.angle_deg * std::numbers::pi / 180;
      const double length = std::abs(box.w * std::sin(angle)) + std::abs(box.h * std::cos(angle));
      const double along = across * std::sin(angle) - down * std::cos(angle);
      return std::clamp(along / length + 0.5, 0.0, 1.0);
    };
    // Luma, U, V and alpha of a colour, multiplied by alpha.
    const auto levels = [](const Rgba& color) {
      const double luma = (0.2126 * color.r + 0.7152 * color.g + 0.0722 * color.b) / 255;
      const double alpha = color.a / 255.0;
      return std::array{alpha * (16 + 219 * luma),
                        alpha * (128 + 224 * (color.b / 255.0 - luma) / 1.8556),
                        alpha * (128 + 224 * (color.r / 255.0 - luma) / 1.5748),
                        255 * alpha};
    };
    const auto expect = [&](int actual, double x, double y, std::size_t which) {
      const double exact = std::lerp(levels(from)[which], levels(to)[which], share(x, y));
      ASSERT_NEAR(actual, exact, 1.02) << x << "," << y << " of round " << round;
    };
    for (int y = 0; y < area.h; ++y) {
      for (int x = 0; x < area.w; ++x) {
        const int at = y * planes.stride + x;
        expect(planes.y[at], area.x + x + 0.5, area.y + y + 0.5, 0);
        if (!opaque) expect(planes.y_alpha[at], area.x + x + 0.5, area.y + y + 0.5, 3);
        const int half = y / 2 * planes.stride + x;
        expect(planes.uv[half], area.x + (x & ~1) + 1, area.y + (y & ~1) + 1, 1 + x % 2);
        if (!opaque) expect(planes.uv_alpha[half], area.x + (x & ~1) + 1, area.y + (y & ~1) + 1, 3);
      }
    }
  }
}

}  // namespace
}  // namespace rn
