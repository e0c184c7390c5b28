#include "pipeline/blend_modes.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace rn {
namespace {

constexpr BlendMode kModes[] = {BlendMode::kMultiply,
                                BlendMode::kScreen,
                                BlendMode::kOverlay,
                                BlendMode::kDarken,
                                BlendMode::kLighten,
                                BlendMode::kColorDodge,
                                BlendMode::kColorBurn,
                                BlendMode::kHardLight,
                                BlendMode::kSoftLight,
                                BlendMode::kDifference,
                                BlendMode::kExclusion};

double HardLight(double b, double s) {
  return s <= 0.5 ? b * 2 * s : b + (2 * s - 1) - b * (2 * s - 1);
}

// As W3C's Compositing and Blending has them, but for where dodging and burning jump.
constexpr double kRounded = 1.5 / 255, kSteepest = 8.0 / 255;
double Formula(BlendMode mode, double b, double s) {
  switch (mode) {
    case BlendMode::kNormal:
      return s;
    case BlendMode::kMultiply:
      return b * s;
    case BlendMode::kScreen:
      return b + s - b * s;
    case BlendMode::kOverlay:
      return HardLight(s, b);
    case BlendMode::kDarken:
      return std::min(b, s);
    case BlendMode::kLighten:
      return std::max(b, s);
    case BlendMode::kColorDodge:
      return b <= kRounded ? b : std::min(1.0, b / std::max(1 - s, kSteepest));
    case BlendMode::kColorBurn:
      return b >= 1 - kRounded ? b : 1 - std::min(1.0, (1 - b) / std::max(s, kSteepest));
    case BlendMode::kHardLight:
      return HardLight(b, s);
    case BlendMode::kSoftLight: {
      if (s <= 0.5) return b - (1 - 2 * s) * b * (1 - b);
      const double d = b <= 0.25 ? ((16 * b - 12) * b + 4) * b : std::sqrt(b);
      return b + (2 * s - 1) * (d - b);
    }
    case BlendMode::kDifference:
      return std::abs(b - s);
    case BlendMode::kExclusion:
      return b + s - 2 * b * s;
  }
  return 0;
}

struct Rgb {
  double r, g, b;
};
struct YuvDouble {
  double y, u, v;
};

double Unit(double x) {
  return std::clamp(x, 0.0, 1.0);
}
Rgb ToRgb(double y, double u, double v) {
  const double luma = (y - 16) / 219;
  const double blue = luma + 1.8556 * (u - 128) / 224;
  const double red = luma + 1.5748 * (v - 128) / 224;
  return {Unit(red), Unit((luma - 0.2126 * red - 0.0722 * blue) / 0.7152), Unit(blue)};
}
YuvDouble FromRgb(const Rgb& c) {
  const double luma = 0.2126 * c.r + 0.7152 * c.g + 0.0722 * c.b;
  return {16 + 219 * luma, 128 + 224 * (c.b - luma) / 1.8556, 128 + 224 * (c.r - luma) / 1.5748};
}

// 2 × 2 pixels, all alike.
struct Tile {
  std::uint8_t y[4], uv[2];
  explicit Tile(const Yuv& color) : y{color.y, color.y, color.y, color.y}, uv{color.u, color.v} {}
  Nv12View view() { return {y, uv, 2, 2, 2, 2}; }
};

Planes OneColor(const Rgba& color) {
  Raster raster{.width = 2, .height = 2, .stride = 8};
  for (int i = 0; i < 4; ++i) {
    for (const int channel : {color.b, color.g, color.r}) {
      raster.pixels.push_back(static_cast<std::uint8_t>(std::lround(channel * color.a / 255.0)));
    }
    raster.pixels.push_back(color.a);
  }
  return ToPlanes(raster, 0, 0);
}

TEST(BlendModesTest, EveryModeIsCssFormulaOnSrgb) {
  std::mt19937 random(1);
  const auto byte = [&] { return static_cast<std::uint8_t>(random()); };
  for (int round = 0; round < 3000; ++round) {
    const BlendMode mode = kModes[round % std::size(kModes)];
    const Yuv below = ToYuv({byte(), byte(), byte(), 255});
    const Rgba above{byte(), byte(), byte(), 255};
    const std::uint8_t opacity = round % 3 == 0 ? byte() : 255;
    const Planes planes = OneColor(above);
    Tile tile(below);
    BlendWithMode(mode, Surface(tile.view()), {0, 0, 2, 2}, planes, 0, 0, opacity);

    const Rgb b = ToRgb(below.y, below.u, below.v);
    const Rgb s = ToRgb(planes.y[0], planes.uv[0], planes.uv[1]);
    const double o = opacity / 255.0;
    const auto mix = [&](double cb, double cs) { return cb * (1 - o) + Formula(mode, cb, cs) * o; };
    const YuvDouble exact = FromRgb({mix(b.r, s.r), mix(b.g, s.g), mix(b.b, s.b)});
    if (opacity == 0) continue;
    ASSERT_NEAR(tile.y[0], exact.y, 0.6) << static_cast<int>(mode) << " " << round;
    ASSERT_NEAR(tile.uv[0], exact.u, 0.6) << static_cast<int>(mode) << " " << round;
    ASSERT_NEAR(tile.uv[1], exact.v, 0.6) << static_cast<int>(mode) << " " << round;
  }
}

TEST(BlendModesTest, WhiteMultipliesToNoChangeAndBlackScreensToNone) {
  Tile tile({80, 100, 150});
  BlendWithMode(BlendMode::kMultiply,
                Surface(tile.view()),
                {0, 0, 2, 2},
                OneColor({255, 255, 255, 255}),
                0,
                0,
                255);
  EXPECT_NEAR(tile.y[0], 80, 1);
  EXPECT_NEAR(tile.uv[0], 100, 1);
  BlendWithMode(
      BlendMode::kScreen, Surface(tile.view()), {0, 0, 2, 2}, OneColor({0, 0, 0, 255}), 0, 0, 255);
  EXPECT_NEAR(tile.y[0], 80, 1);
  EXPECT_NEAR(tile.uv[1], 150, 1);
}

TEST(BlendModesTest, DodgedBlackStaysBlackAndBurntWhiteWhiteHoweverTheyWereRounded) {
  for (int level = 0; level < 256; ++level) {
    const auto blue = static_cast<std::uint8_t>(level);
    const Yuv dark = ToYuv({0, 0, blue});
    Tile tile(dark);
    BlendWithMode(BlendMode::kColorDodge,
                  Surface(tile.view()),
                  {0, 0, 2, 2},
                  OneColor({255, 0, 0, 255}),
                  0,
                  0,
                  255);
    EXPECT_NEAR(tile.y[0], dark.y, 2) << level;
    const Yuv light = ToYuv({255, 255, blue});
    tile = Tile(light);
    BlendWithMode(BlendMode::kColorBurn,
                  Surface(tile.view()),
                  {0, 0, 2, 2},
                  OneColor({0, 255, 255, 255}),
                  0,
                  0,
                  255);
    EXPECT_NEAR(tile.y[0], light.y, 2) << level;
  }
}

TEST(BlendModesTest, WhereThePictureIsTransparentNoByteChanges) {
  for (const BlendMode mode : kModes) {
    Tile tile({17, 3, 250});
    BlendWithMode(mode, Surface(tile.view()), {0, 0, 2, 2}, OneColor({9, 200, 50, 0}), 0, 0, 255);
    EXPECT_EQ(tile.y[3], 17);
    EXPECT_EQ(tile.uv[0], 3);
    EXPECT_EQ(tile.uv[1], 250);
  }
}

TEST(BlendModesTest, OntoNothingAPictureIsItself) {
  // In a group of its own there is nothing to mix with.
  for (const BlendMode mode : kModes) {
    Planes group;
    group.Reset(2, 2, false);
    const Surface surface(&group, 0, 0);
    surface.Clear({0, 0, 2, 2});
    const Planes planes = OneColor({200, 60, 20, 128});
    BlendWithMode(mode, surface, {0, 0, 2, 2}, planes, 0, 0, 255);
    EXPECT_NEAR(group.y[0], planes.y[0], 1);
    EXPECT_NEAR(group.uv[1], planes.uv[1], 1);
    EXPECT_EQ(group.y_alpha[0], 128);
    EXPECT_EQ(group.uv_alpha[0], 128);
  }
}

TEST(BlendModesTest, AllInstructionSetsMakeTheSameBytesInAnyPieces) {
  std::mt19937 random(5);
  constexpr int kWidth = 70, kHeight = 12;
  Raster raster{.width = kWidth, .height = kHeight, .stride = 4 * kWidth};
  for (int i = 0; i < kWidth * kHeight; ++i) {
    const unsigned alpha = i % 5 == 0 ? 0 : random() % 256;
    for (int c = 0; c < 3; ++c) {
      raster.pixels.push_back(static_cast<std::uint8_t>(random() % (alpha + 1)));
    }
    raster.pixels.push_back(static_cast<std::uint8_t>(alpha));
  }
  const Planes planes = ToPlanes(raster, 0, 0);
  std::vector<std::uint8_t> noise(kWidth * kHeight * 3 / 2);
  for (std::uint8_t& value : noise) value = static_cast<std::uint8_t>(random());
  const auto paint = [&](BlendMode mode, const std::vector<IntRect>& rects) {
    std::vector<std::uint8_t> bytes = noise;
    const Nv12View view{
        bytes.data(), bytes.data() + kWidth * kHeight, kWidth, kWidth, kWidth, kHeight};
    for (const IntRect& rect : rects) {
      BlendWithMode(mode, Surface(view), rect, planes, 4, -2, 200);
    }
    return bytes;
  };
  for (const BlendMode mode : kModes) {
    const auto best = paint(mode, {{0, 0, kWidth, kHeight}});
    EXPECT_EQ(paint(mode, {{0, 0, 14, 12}, {14, 0, 56, 4}, {14, 4, 56, 8}}), best);
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
      hwy::SetSupportedTargetsForTest(target);
      EXPECT_EQ(paint(mode, {{0, 0, kWidth, kHeight}}), best) << hwy::TargetName(target);
      hwy::SetSupportedTargetsForTest(0);
    }
  }
}

}  // namespace
}  // namespace rn
