#include "pipeline/placement.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <random>
#include <vector>

namespace rn {
namespace {

// Premultiplied, soft enough for 1/256 of a pixel to make no difference worth a name.
Raster SoftRaster(int width, int height, double frequency, bool opaque) {
  Raster raster{.width = width, .height = height, .stride = 4 * width};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double alpha = opaque ? 1 : 0.6 + 0.4 * std::sin(frequency * (x * 0.8 + y * 0.6));
      for (const double phase : {0.0, 1.0, 2.0}) {
        const double value =
            0.5 + 0.5 * std::sin(frequency * x + phase) * std::cos(frequency * y * 0.7 + phase);
        raster.pixels.push_back(static_cast<std::uint8_t>(std::lround(255 * alpha * value)));
      }
      raster.pixels.push_back(static_cast<std::uint8_t>(std::lround(255 * alpha)));
    }
  }
  return raster;
}

// A plane between its samples; its edge goes on for ever.
struct Plane {
  const std::uint8_t* bytes = nullptr;
  int width = 0, height = 0, stride = 0, step = 1, component = 0;

  double At(double x, double y) const {
    if (bytes == nullptr) return 255;
    x = std::clamp(x, 0.0, width - 1.0);
    y = std::clamp(y, 0.0, height - 1.0);
    const int left = static_cast<int>(x);
    const int top = static_cast<int>(y);
    const auto sample = [&](int column, int row) {
      return static_cast<double>(bytes[std::min(row, height - 1) * stride +
                                       std::min(column, width - 1) * step + component]);
    };
    const double fx = x - left;
    const double fy = y - top;
    return (sample(left, top) * (1 - fx) + sample(left + 1, top) * fx) * (1 - fy) +
           (sample(left, top + 1) * (1 - fx) + sample(left + 1, top + 1) * fx) * fy;
  }
};

struct Point {
  double x, y;
};

// Where a point of the frame comes from.
Point Back(const Placement& p, const Point& at) {
  const double angle = p.rotation_deg * std::numbers::pi / 180;
  const double x = at.x - p.anchor_x - p.dx;
  const double y = at.y - p.anchor_y - p.dy;
  return {p.anchor_x + (std::cos(angle) * x + std::sin(angle) * y) / p.scale_x,
          p.anchor_y + (-std::sin(angle) * x + std::cos(angle) * y) / p.scale_y};
}

bool Inside(const IntRect& rest, const Point& at) {
  return at.x >= rest.x && at.x <= rest.right() && at.y >= rest.y && at.y <= rest.bottom();
}

// The result of one sample of a plane in floating point: the mean of many points within it.
double Reference(
    const Plane& plane, const IntRect& rest, const Placement& p, int x, int y, int halves) {
  constexpr int kPoints = 16;
  double sum = 0;
  for (int j = 0; j < kPoints; ++j) {
    for (int i = 0; i < kPoints; ++i) {
      const Point from =
          Back(p, {(x + (i + 0.5) / kPoints) * halves, (y + (j + 0.5) / kPoints) * halves});
      if (!Inside(rest, from)) continue;
      sum += plane.At((from.x - rest.x) / halves - 0.5, (from.y - rest.y) / halves - 0.5);
    }
  }
  return sum / (kPoints * kPoints);
}

class PlacementTest : public testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};
INSTANTIATE_TEST_SUITE_P(Targets,
                         PlacementTest,
                         testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         [](const auto& target) { return hwy::TargetName(target.param); });

struct Difference {
  double mean = 0, most = 0;
};

// Between a placed picture and the reference, over all planes.
Difference Compare(const Planes& source, const IntRect& rest, const Placement& p) {
  Pyramid pyramid(source);
  const IntRect area = Intersect(PlacedBounds(rest, p), {-80, -80, 260, 240});
  Planes out;
  PlacePlanes(&pyramid, rest, p, area, true, &out);
  Difference difference;
  int count = 0;
  const auto plane = [&](const Plane& from, const std::uint8_t* made, int halves) {
    for (int y = 0; y < area.h / halves; ++y) {
      for (int x = 0; x < area.w / halves; ++x) {
        const double off =
            std::abs(made[y * out.stride + x * halves + from.component] -
                     Reference(from, rest, p, area.x / halves + x, area.y / halves + y, halves));
        difference.mean += off;
        difference.most = std::max(difference.most, off);
        ++count;
      }
    }
  };
  const auto both = [&](const std::uint8_t* luma,
                        const std::uint8_t* chroma,
                        const std::vector<std::uint8_t>& to,
                        const std::vector<std::uint8_t>& to_chroma) {
    plane({luma, source.width, source.height, source.stride, 1, 0}, to.data(), 1);
    for (const int component : {0, 1}) {
      plane({chroma, source.width / 2, source.height / 2, source.stride, 2, component},
            to_chroma.data(),
            2);
    }
  };
  both(source.y.data(), source.uv.data(), out.y, out.uv);
  both(source.opaque ? nullptr : source.y_alpha.data(),
       source.opaque ? nullptr : source.uv_alpha.data(),
       out.y_alpha,
       out.uv_alpha);
  difference.mean /= std::max(1, count);
  return difference;
}

TEST(PlacementAccuracyTest, MovesBetweenPixelsAreAccurate) {
  for (const bool opaque : {true, false}) {
    const Planes planes = ToPlanes(SoftRaster(60, 40, 0.15, opaque), 0, 0);
    for (const double dx : {0.25, -7.5, 3.0, 11.13}) {
      const Difference off = Compare(planes, {20, 10, 60, 40}, {.dx = dx, .dy = dx * 0.7});
      EXPECT_LT(off.mean, 0.8) << dx;
      EXPECT_LT(off.most, 16) << dx;  // At the edges, where the reference counts points.
    }
  }
}

TEST(PlacementAccuracyTest, ScaledPicturesAreTheMeanOfWhatTheyShow) {
  for (const bool opaque : {true, false}) {
    const Planes planes = ToPlanes(SoftRaster(62, 42, 0.12, opaque), 0, 0);
    for (const double scale : {1.0, 1.7, 0.83, 0.5, 0.31, 0.1, -0.9}) {
      const Difference off = Compare(planes,
                                     {20, 10, 62, 42},
                                     {.anchor_x = 45,
                                      .anchor_y = 33,
                                      .scale_x = scale,
                                      .scale_y = scale * 1.2,
                                      .dx = 4.3,
                                      .dy = -2.6});
      EXPECT_LT(off.mean, 4.5) << scale;
    }
  }
}

TEST(PlacementAccuracyTest, TurnedPicturesAreAccurateAndTheirEdgesAntiAliased) {
  for (const bool opaque : {true, false}) {
    const Planes planes = ToPlanes(SoftRaster(62, 42, 0.12, opaque), 0, 0);
    for (const double degrees : {3.0, 45.0, 90.0, 133.0, 270.0, -20.0, 725.0}) {
      for (const double scale : {1.0, 1.5, 0.6}) {
        const Difference off = Compare(planes,
                                       {20, 10, 62, 42},
                                       {.anchor_x = 45.5,
                                        .anchor_y = 33,
                                        .scale_x = scale,
                                        .scale_y = scale,
                                        .rotation_deg = degrees,
                                        .dx = 1.3});
        EXPECT_LT(off.mean, 2.2) << degrees << " " << scale;
      }
    }
  }
}

TEST_P(PlacementTest, AQuarterTurnIsExact) {
  const Planes planes = ToPlanes(SoftRaster(40, 40, 0.6, false), 0, 0);
  Pyramid pyramid(planes);
  Planes out;
  const IntRect rest{20, 20, 40, 40};
  PlacePlanes(
      &pyramid, rest, {.anchor_x = 40, .anchor_y = 40, .rotation_deg = 90}, rest, true, &out);
  for (int y = 0; y < 40; ++y) {
    for (int x = 0; x < 40; ++x) {
      ASSERT_EQ(out.y[y * out.stride + x], planes.y[(39 - x) * planes.stride + y]);
    }
  }
}

TEST_P(PlacementTest, NothingIsMadeBeyondTheBounds) {
  std::mt19937 random(4);
  const Planes planes = ToPlanes(SoftRaster(30, 22, 0.3, true), 0, 0);
  const auto real = [&](double from, double to) {
    return from + (to - from) * static_cast<double>(random() % 1000) / 999;
  };
  for (int round = 0; round < 100; ++round) {
    Placement p{.anchor_x = real(0, 60),
                .anchor_y = real(0, 60),
                .scale_x = real(-2, 2),
                .scale_y = real(-2, 2),
                .dx = real(-9, 9),
                .dy = real(-9, 9)};
    if (round % 2 == 0) p.rotation_deg = real(-400, 400);
    const IntRect rest{20, 10, 30, 22};
    const IntRect bounds = PlacedBounds(rest, p);
    const IntRect wide{-100, -100, 300, 300};
    Pyramid pyramid(planes);
    Planes out;
    PlacePlanes(&pyramid, rest, p, wide, true, &out);
    for (int y = 0; y < wide.h; ++y) {
      for (int x = 0; x < wide.w; ++x) {
        if (!Intersect(bounds, {wide.x + x, wide.y + y, 1, 1}).empty()) continue;
        ASSERT_EQ(out.y_alpha[y * out.stride + x], 0) << round;
        ASSERT_EQ(out.uv_alpha[y / 2 * out.stride + x], 0) << round;
      }
    }
  }
}

TEST_P(PlacementTest, CuttingAnAreaIntoPiecesChangesNoByte) {
  const Planes planes = ToPlanes(SoftRaster(50, 30, 0.4, false), 0, 0);
  Pyramid pyramid(planes);
  const IntRect rest{-6, 4, 50, 30};
  for (const Placement& p : {Placement{.dx = 1.37, .dy = 0.5},
                             Placement{.anchor_x = 9, .scale_x = 1.31, .scale_y = 0.37},
                             Placement{.scale_x = 1.1, .scale_y = 1.1, .rotation_deg = 31},
                             Placement{.anchor_x = 20, .scale_x = 0.7, .rotation_deg = -77}}) {
    const IntRect whole{-40, -40, 140, 120};
    Planes all;
    PlacePlanes(&pyramid, rest, p, whole, true, &all);
    for (const IntRect& piece : {IntRect{-40, -40, 60, 50}, {-6, 2, 2, 2}, {8, 10, 92, 40}}) {
      Planes part;
      PlacePlanes(&pyramid, rest, p, piece, true, &part);
      for (int y = 0; y < piece.h; ++y) {
        for (int x = 0; x < piece.w; ++x) {
          const int from = (y + piece.y - whole.y) * all.stride + x + piece.x - whole.x;
          ASSERT_EQ(part.y[y * part.stride + x], all.y[from]);
        }
      }
    }
  }
}

TEST(PlacementTargetsTest, AllInstructionSetsMakeTheSameBytes) {
  const auto place = [](bool opaque) {
    const Planes planes = ToPlanes(SoftRaster(70, 30, 0.9, opaque), 0, 0);
    Pyramid pyramid(planes);
    std::vector<std::vector<std::uint8_t>> made;
    for (const Placement& p : {Placement{.dx = 1.37, .dy = 0.5},
                               Placement{.anchor_x = 9, .scale_x = 1.31, .scale_y = 0.27},
                               Placement{.scale_x = 1.1, .scale_y = 1.1, .rotation_deg = 31},
                               Placement{.anchor_x = 20, .scale_x = 0.7, .rotation_deg = -77}}) {
      Planes out;
      PlacePlanes(&pyramid, {2, 4, 70, 30}, p, {-30, -30, 142, 120}, true, &out);
      // Not what lies between rows.
      for (int y = 0; y < out.height; ++y) {
        const auto row = out.y.begin() + y * out.stride;
        made.emplace_back(row, row + out.width);
        const auto alpha = out.y_alpha.begin() + y * out.stride;
        made.emplace_back(alpha, alpha + out.width);
        const auto chroma = out.uv.begin() + y / 2 * out.stride;
        made.emplace_back(chroma, chroma + out.width);
      }
    }
    return made;
  };
  for (const bool opaque : {true, false}) {
    const auto best = place(opaque);
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
      hwy::SetSupportedTargetsForTest(target);
      EXPECT_TRUE(place(opaque) == best) << hwy::TargetName(target);
      hwy::SetSupportedTargetsForTest(0);
    }
  }
}

// A slow move by less than a pixel a frame: the eye follows the mean, which must not jump.
TEST(ShimmerTest, SlowMovesAndZoomsChangeThePictureEvenly) {
  const Planes planes = ToPlanes(SoftRaster(40, 40, 0.9, true), 0, 0);
  Pyramid pyramid(planes);
  const IntRect rest{40, 40, 40, 40};
  const auto centre = [&](const Placement& p) {
    Planes out;
    const IntRect area{0, 0, 120, 120};
    PlacePlanes(&pyramid, rest, p, area, true, &out);
    double sum = 0;
    double weight = 0;
    for (int y = 0; y < area.h; ++y) {
      for (int x = 0; x < area.w; ++x) {
        const double alpha = out.y_alpha[y * out.stride + x];
        sum += alpha * (x + 0.5);
        weight += alpha;
      }
    }
    return Point{sum / weight, weight / 255};
  };
  for (double dx = 0; dx < 3; dx += 0.11) {
    EXPECT_NEAR(centre({.dx = dx}).x, 60 + dx, 0.02) << dx;
    EXPECT_NEAR(centre({.dx = dx}).y, 1600, 8) << dx;
  }
  for (double scale = 0.3; scale < 1.5; scale += 0.037) {
    const Point at = centre({.anchor_x = 60, .anchor_y = 60, .scale_x = scale, .scale_y = scale});
    EXPECT_NEAR(at.x, 60, 0.02) << scale;
    EXPECT_NEAR(at.y, 1600 * scale * scale, 10) << scale;
  }
  for (double degrees = 0; degrees < 90; degrees += 7) {
    const Point at = centre({.anchor_x = 60, .anchor_y = 60, .rotation_deg = degrees});
    EXPECT_NEAR(at.x, 60, 0.05) << degrees;
    EXPECT_NEAR(at.y, 1600, 12) << degrees;
  }
}

}  // namespace
}  // namespace rn
