#include "pipeline/blend.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace rn {
namespace {

// An NV12 picture with memory beyond its edges that nobody may touch.
class Canvas {
 public:
  static constexpr int kMargin = 40;
  static constexpr std::uint8_t kGuard = 0xA5;

  Canvas(int width, int height, unsigned seed)
      : width_(width), height_(height), stride_(width + 2 * kMargin) {
    y_.assign(static_cast<std::size_t>(stride_) * (height + 2), kGuard);
    uv_.assign(static_cast<std::size_t>(stride_) * (height / 2 + 2), kGuard);
    std::mt19937 random(seed);
    for (int row = 0; row < height; ++row) {
      for (int x = 0; x < width; ++x) {
        view().y[row * stride_ + x] = static_cast<std::uint8_t>(random());
        view().uv[row / 2 * stride_ + x] = static_cast<std::uint8_t>(random());
      }
    }
  }

  Nv12View view() {
    return {y_.data() + stride_ + kMargin,
            uv_.data() + stride_ + kMargin,
            stride_,
            stride_,
            width_,
            height_};
  }
  int y(int x, int row) { return view().y[row * stride_ + x]; }
  // Chroma sample `column`: component 0 is U, 1 is V.
  int uv(int column, int row, int component) {
    return view().uv[row * stride_ + 2 * column + component];
  }
  bool operator==(const Canvas& other) const { return y_ == other.y_ && uv_ == other.uv_; }

  // Nothing beyond the picture was written.
  bool GuardsStand() {
    const auto stand = [&](const std::vector<std::uint8_t>& plane, int rows) {
      for (std::size_t i = 0; i < plane.size(); ++i) {
        const int row = static_cast<int>(i) / stride_ - 1;
        const int x = static_cast<int>(i) % stride_ - kMargin;
        const bool inside = row >= 0 && row < rows && x >= 0 && x < width_;
        if (!inside && plane[i] != kGuard) return false;
      }
      return true;
    };
    return stand(y_, height_) && stand(uv_, height_ / 2);
  }

 private:
  int width_, height_, stride_;
  std::vector<std::uint8_t> y_, uv_;
};

// Premultiplied, with runs of full and of no alpha as text has them.
Raster RandomRaster(int width, int height, bool opaque, unsigned seed) {
  Raster raster{.width = width, .height = height, .stride = 4 * width};
  std::mt19937 random(seed);
  while (raster.pixels.size() < static_cast<std::size_t>(raster.stride) * height) {
    const unsigned kind = random() % 4;
    const unsigned alpha = opaque || kind == 0 ? 255 : kind == 1 ? 0 : random() % 256;
    for (unsigned run = random() % 20 + 1; run > 0; --run) {
      for (int channel = 0; channel < 3; ++channel) {
        raster.pixels.push_back(static_cast<std::uint8_t>(random() % (alpha + 1)));
      }
      raster.pixels.push_back(static_cast<std::uint8_t>(alpha));
    }
  }
  raster.pixels.resize(static_cast<std::size_t>(raster.stride) * height);
  return raster;
}

// Even rectangles that cut and miss a picture of 70 × 38 in many ways.
IntRect RandomRect(std::mt19937* random) {
  const auto even = [&](int from, int to) {
    return from + 2 * static_cast<int>((*random)() % ((to - from) / 2 + 1));
  };
  return {even(-12, 70), even(-12, 38), even(0, 90), even(0, 60)};
}

constexpr int kWidth = 70, kHeight = 38;

bool InPicture(const IntRect& rect, int x, int y) {
  return !Intersect(rect, {x, y, 1, 1}).empty();
}

// Runs every test once for each instruction set that this machine has.
class BlendTest : public testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};
INSTANTIATE_TEST_SUITE_P(Targets,
                         BlendTest,
                         testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         [](const auto& target) { return hwy::TargetName(target.param); });

// The pictures that one call made of two like canvases.
struct Painted {
  Canvas before{kWidth, kHeight, 1};
  Canvas after{kWidth, kHeight, 1};
};

void ExpectUntouchedOutside(Painted* painted, const IntRect& rect) {
  EXPECT_TRUE(painted->after.GuardsStand());
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      if (InPicture(rect, x, y)) continue;
      ASSERT_EQ(painted->after.y(x, y), painted->before.y(x, y)) << x << "," << y;
      ASSERT_EQ(painted->after.uv(x / 2, y / 2, x & 1), painted->before.uv(x / 2, y / 2, x & 1));
    }
  }
}

TEST_P(BlendTest, FillCoversItsRectangleAndNothingElse) {
  std::mt19937 random(2);
  for (int round = 0; round < 200; ++round) {
    const IntRect rect = RandomRect(&random);
    SCOPED_TRACE(testing::Message() << rect.x << "," << rect.y << " " << rect.w << "x" << rect.h);
    Painted painted;
    FillRect(painted.after.view(), rect, {50, 60, 70});
    ExpectUntouchedOutside(&painted, rect);
    for (int y = 0; y < kHeight; ++y) {
      for (int x = 0; x < kWidth; ++x) {
        if (!InPicture(rect, x, y)) continue;
        ASSERT_EQ(painted.after.y(x, y), 50);
        ASSERT_EQ(painted.after.uv(x / 2, y / 2, 0), 60);
        ASSERT_EQ(painted.after.uv(x / 2, y / 2, 1), 70);
      }
    }
  }
}

// What a layer's pixel makes of a frame's; `at` counts bytes of the plane.
double Blended(
    int below, const std::vector<std::uint8_t>& src, int alpha, std::size_t at, int opacity) {
  const double o = opacity / 255.0;
  return src[at] * o + below * (1 - alpha / 255.0 * o);
}

TEST_P(BlendTest, LayersAreLaidOverTheFrameByAlphaTimesOpacity) {
  std::mt19937 random(3);
  for (int round = 0; round < 600; ++round) {
    const bool opaque = round % 3 == 0;
    const int w = static_cast<int>(random() % 80 + 1);
    const int h = static_cast<int>(random() % 40 + 1);
    const Planes planes =
        ToPlanes(RandomRaster(w, h, opaque, random()), static_cast<int>(round % 2), round / 2 % 2);
    const int left = 2 * static_cast<int>(random() % 60) - 40;
    const int top = 2 * static_cast<int>(random() % 30) - 20;
    const int opacity = round % 4 == 0 ? 255 : static_cast<int>(random() % 256);
    const IntRect rect = RandomRect(&random);
    const IntRect area = Intersect(rect, {left, top, planes.width, planes.height});
    SCOPED_TRACE(testing::Message() << "round " << round << " opacity " << opacity);
    Painted painted;
    BlendPlanes(painted.after.view(), rect, planes, left, top, static_cast<std::uint8_t>(opacity));
    ExpectUntouchedOutside(&painted, area);
    for (int y = 0; y < kHeight; ++y) {
      for (int x = 0; x < kWidth; ++x) {
        if (!InPicture(area, x, y)) continue;
        const auto at = static_cast<std::size_t>((y - top) * planes.stride + x - left);
        ASSERT_NEAR(painted.after.y(x, y),
                    Blended(painted.before.y(x, y),
                            planes.y,
                            planes.opaque ? 255 : planes.y_alpha[at],
                            at,
                            opacity),
                    1.6);
        const auto chroma = static_cast<std::size_t>((y - top) / 2 * planes.stride + x - left);
        ASSERT_NEAR(painted.after.uv(x / 2, y / 2, x & 1),
                    Blended(painted.before.uv(x / 2, y / 2, x & 1),
                            planes.uv,
                            planes.opaque ? 255 : planes.uv_alpha[chroma],
                            chroma,
                            opacity),
                    1.6);
      }
    }
  }
}

TEST_P(BlendTest, FullOpacityWritesOpaquePixelsAndZeroWritesNone) {
  const Planes planes = ToPlanes(RandomRaster(kWidth, kHeight, true, 4), 0, 0);
  Painted painted;
  BlendPlanes(painted.after.view(), {0, 0, kWidth, kHeight}, planes, 0, 0, 255);
  for (int x = 0; x < kWidth; ++x)
    ASSERT_EQ(painted.after.y(x, 5), planes.y[5 * planes.stride + x]);
  Painted untouched;
  BlendPlanes(untouched.after.view(), {0, 0, kWidth, kHeight}, planes, 0, 0, 0);
  EXPECT_TRUE(untouched.after == untouched.before);
}

TEST_P(BlendTest, EveryAlphaAndEveryOpacityIsExactlyRounded) {
  // One row of every alpha, over one row of every brightness.
  Planes planes = ToPlanes(RandomRaster(256, 2, false, 5), 0, 0);
  planes.opaque = false;
  planes.y_alpha.resize(planes.y.size());
  for (int alpha = 0; alpha < 256; ++alpha) {
    planes.y[alpha] = 0;
    planes.y_alpha[alpha] = static_cast<std::uint8_t>(alpha);
  }
  Canvas canvas(256, 2, 6);
  for (int below = 0; below < 256; ++below) {
    std::fill_n(canvas.view().y, 256, static_cast<std::uint8_t>(below));
    BlendPlanes(canvas.view(), {0, 0, 256, 2}, planes, 0, 0, 255);
    for (int alpha = 0; alpha < 256; ++alpha) {
      ASSERT_EQ(canvas.y(alpha, 0), std::lround(below * (255 - alpha) / 255.0));
    }
  }
}

TEST_P(BlendTest, CrossFadeIsExactlyRoundedAtEveryOpacity) {
  Canvas over(kWidth, kHeight, 7);
  for (int opacity = 0; opacity < 256; ++opacity) {
    std::mt19937 random(static_cast<unsigned>(opacity));
    const IntRect rect = RandomRect(&random);
    Painted painted;
    CrossFade(painted.after.view(), rect, over.view(), static_cast<std::uint8_t>(opacity));
    ExpectUntouchedOutside(&painted, rect);
    const auto mixed = [&](int below, int above) {
      return std::lround((below * (255 - opacity) + above * opacity) / 255.0);
    };
    for (int y = 0; y < kHeight; ++y) {
      for (int x = 0; x < kWidth; ++x) {
        if (!InPicture(rect, x, y)) continue;
        ASSERT_EQ(painted.after.y(x, y), mixed(painted.before.y(x, y), over.y(x, y)));
        ASSERT_EQ(painted.after.uv(x / 2, y / 2, x & 1),
                  mixed(painted.before.uv(x / 2, y / 2, x & 1), over.uv(x / 2, y / 2, x & 1)));
      }
    }
  }
}

// The plane's value between its samples, in the plane's own pixels; the edge goes on for ever.
double Bilinear(const std::vector<std::uint8_t>& plane,
                int stride,
                int width,
                int height,
                int step,
                int component,
                double x,
                double y) {
  x = std::clamp(x, 0.0, width - 1.0);
  y = std::clamp(y, 0.0, height - 1.0);
  const int left = std::min(static_cast<int>(x), width - 1);
  const int top = std::min(static_cast<int>(y), height - 1);
  const auto at = [&](int column, int row) {
    column = std::min(column, width - 1);
    row = std::min(row, height - 1);
    return static_cast<double>(plane[static_cast<std::size_t>(row * stride + column * step) +
                                     static_cast<std::size_t>(component)]);
  };
  const double fx = x - left;
  const double fy = y - top;
  return (at(left, top) * (1 - fx) + at(left + 1, top) * fx) * (1 - fy) +
         (at(left, top + 1) * (1 - fx) + at(left + 1, top + 1) * fx) * fy;
}

// Soft enough that a source position off by 1/512 of a pixel makes no difference worth a name.
Raster SoftRaster(int width, int height, bool opaque) {
  Raster raster{.width = width, .height = height, .stride = 4 * width};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double alpha = opaque ? 1 : 0.5 + 0.5 * std::sin(x * 0.4 + y * 0.3);
      for (const double phase : {0.0, 1.0, 2.0}) {
        const double value = 0.5 + 0.5 * std::sin(x * 0.5 + phase) * std::cos(y * 0.35 + phase);
        raster.pixels.push_back(static_cast<std::uint8_t>(std::lround(255 * alpha * value)));
      }
      raster.pixels.push_back(static_cast<std::uint8_t>(std::lround(255 * alpha)));
    }
  }
  return raster;
}

TEST_P(BlendTest, MovingPicturesAreBilinearAtEveryWindowAndBox) {
  std::mt19937 random(8);
  for (int round = 0; round < 300; ++round) {
    const bool opaque = round % 2 == 0;
    const IntRect box{2 * static_cast<int>(random() % 20) - 10,
                      2 * static_cast<int>(random() % 12) - 8,
                      2 * static_cast<int>(random() % 34) + 2,
                      2 * static_cast<int>(random() % 18) + 2};
    const auto sized = [&](int size) {
      const double scale = 1 + 0.7 * static_cast<double>(random() % 100) / 100;
      return std::max(2, static_cast<int>(size * scale) / 2 * 2);
    };
    const Planes planes = ToPlanes(SoftRaster(sized(box.w), sized(box.h), opaque), 0, 0);
    const double part = 0.3 + 0.7 * static_cast<double>(random() % 100) / 99;
    const Box source{planes.width * (1 - part) * static_cast<double>(random() % 100) / 99,
                     planes.height * (1 - part) * static_cast<double>(random() % 100) / 99,
                     planes.width * part,
                     planes.height * part};
    const int opacity = round % 3 == 0 ? static_cast<int>(random() % 256) : 255;
    const IntRect rect = RandomRect(&random);
    const IntRect area = Intersect(rect, box);
    SCOPED_TRACE(testing::Message() << "round " << round);
    Painted painted;
    SamplePlanes(
        painted.after.view(), rect, planes, source, box, static_cast<std::uint8_t>(opacity));
    ExpectUntouchedOutside(&painted, area);
    const auto expected = [&](const std::vector<std::uint8_t>& plane, int halves, int x, int y) {
      // Centres of chroma samples lie between two luma samples, in source and frame alike.
      const double at_x =
          (source.x + (x / halves * halves + halves / 2.0 - box.x) * source.w / box.w) / halves;
      const double at_y =
          (source.y + (y / halves * halves + halves / 2.0 - box.y) * source.h / box.h) / halves;
      return Bilinear(plane,
                      planes.stride,
                      planes.width / halves,
                      planes.height / halves,
                      halves,
                      halves == 1 ? 0 : x & 1,
                      at_x - 0.5,
                      at_y - 0.5);
    };
    const double o = opacity / 255.0;
    for (int y = 0; y < kHeight; ++y) {
      for (int x = 0; x < kWidth; ++x) {
        if (!InPicture(area, x, y)) continue;
        const double a = opaque ? 1 : expected(planes.y_alpha, 1, x, y) / 255;
        ASSERT_NEAR(painted.after.y(x, y),
                    expected(planes.y, 1, x, y) * o + painted.before.y(x, y) * (1 - a * o),
                    3)
            << x << "," << y;
        const double ca = opaque ? 1 : expected(planes.uv_alpha, 2, x, y) / 255;
        ASSERT_NEAR(painted.after.uv(x / 2, y / 2, x & 1),
                    expected(planes.uv, 2, x, y) * o +
                        painted.before.uv(x / 2, y / 2, x & 1) * (1 - ca * o),
                    3)
            << x << "," << y;
      }
    }
  }
}

TEST_P(BlendTest, CuttingACallIntoPiecesChangesNoByte) {
  const Planes layer = ToPlanes(RandomRaster(61, 33, false, 9), 1, 1);
  const Planes picture = ToPlanes(SoftRaster(80, 50, false), 0, 0);
  const auto paint = [&](Canvas* canvas, const IntRect& rect) {
    BlendPlanes(canvas->view(), rect, layer, 4, 2, 200);
    SamplePlanes(canvas->view(), rect, picture, {3.3, 2.1, 70, 40}, {6, 4, 50, 30}, 180);
  };
  Canvas whole(kWidth, kHeight, 10);
  paint(&whole, {0, 0, kWidth, kHeight});
  for (const int cut : {2, 6, 14, 34, 62}) {
    Canvas pieces(kWidth, kHeight, 10);
    paint(&pieces, {0, 0, cut, kHeight});
    paint(&pieces, {cut, 0, kWidth - cut, 16});
    paint(&pieces, {cut, 16, kWidth - cut, kHeight - 16});
    EXPECT_TRUE(pieces == whole) << cut;
  }
}

TEST(BlendTargetsTest, AllInstructionSetsMakeTheSameBytes) {
  const auto paint = [] {
    Canvas canvas(kWidth, kHeight, 11);
    const IntRect all{0, 0, kWidth, kHeight};
    for (int opacity = 255; opacity > 0; opacity -= 31) {
      const auto o = static_cast<std::uint8_t>(opacity);
      BlendPlanes(canvas.view(), all, ToPlanes(RandomRaster(61, 33, false, 12), 1, 0), 2, 2, o);
      BlendPlanes(canvas.view(), all, ToPlanes(RandomRaster(40, 20, true, 13), 0, 0), 8, 6, o);
      SamplePlanes(canvas.view(),
                   all,
                   ToPlanes(RandomRaster(80, 50, opacity % 2 == 0, 14), 0, 0),
                   {3.3, 2.1, 70, 40},
                   {6, 4, 52, 30},
                   o);
      CrossFade(canvas.view(), all, Canvas(kWidth, kHeight, 15).view(), o);
    }
    return canvas;
  };
  std::vector<Canvas> made;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    made.push_back(paint());
    hwy::SetSupportedTargetsForTest(0);
    EXPECT_TRUE(made.back() == made.front()) << hwy::TargetName(target);
  }
}

// ------------------------------------------------------------------- colour

struct YuvDouble {
  double y, u, v;
};
// ITU-R BT.709, limited range, 8 bits.
YuvDouble Bt709(double r, double g, double b) {
  const double luma = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return {16 + 219 * luma / 255,
          128 + 224 * (b - luma) / 1.8556 / 255,
          128 + 224 * (r - luma) / 1.5748 / 255};
}

TEST(ColorTest, KnownColorsAreTheStudioLevelsOfBt709) {
  const auto expect = [](const Rgba& color, int y, int u, int v) {
    const Yuv yuv = ToYuv(color);
    EXPECT_EQ(std::tuple(yuv.y, yuv.u, yuv.v), std::tuple(y, u, v));
  };
  expect({0, 0, 0}, 16, 128, 128);
  expect({255, 255, 255}, 235, 128, 128);
  expect({255, 0, 0}, 63, 102, 240);
  expect({0, 255, 0}, 173, 42, 26);
  expect({0, 0, 255}, 32, 240, 118);
  expect({255, 255, 0}, 219, 16, 138);
  expect({0, 255, 255}, 188, 154, 16);
}

TEST(ColorTest, GreysHaveNoChroma) {
  for (int grey = 0; grey < 256; ++grey) {
    const auto level = static_cast<std::uint8_t>(grey);
    const Yuv yuv = ToYuv({level, level, level});
    EXPECT_EQ(yuv.y, std::lround(16 + 219.0 * grey / 255));
    EXPECT_EQ(std::tuple(yuv.u, yuv.v), std::tuple(128, 128));
  }
}

TEST(ColorTest, EveryColorIsRoundedToTheNearestLevel) {
  constexpr double kRounded = 0.51;  // The coefficients have 16 bits of fraction.
  for (int r = 0; r < 256; r += 5) {
    for (int g = 0; g < 256; g += 5) {
      for (int b = 0; b < 256; b += 5) {
        const Yuv yuv = ToYuv({static_cast<std::uint8_t>(r),
                               static_cast<std::uint8_t>(g),
                               static_cast<std::uint8_t>(b)});
        const YuvDouble exact = Bt709(r, g, b);
        ASSERT_NEAR(yuv.y, exact.y, kRounded);
        ASSERT_NEAR(yuv.u, exact.u, kRounded);
        ASSERT_NEAR(yuv.v, exact.v, kRounded);
      }
    }
  }
}

TEST(ColorTest, LayersHaveTheColorOfTheirPixelsAndTheMeanOfFourAsChroma) {
  for (const bool odd : {false, true}) {
    const Raster raster = RandomRaster(37, 21, false, 16);
    const int left = odd ? 1 : 0;
    const Planes planes = ToPlanes(raster, left, left);
    const auto pixel = [&](int x, int y, int channel) -> double {
      x -= left;
      y -= left;
      if (x < 0 || y < 0 || x >= raster.width || y >= raster.height) return 0;
      return raster.pixels[static_cast<std::size_t>(y * raster.stride + 4 * x + channel)];
    };
    for (int y = 0; y < planes.height; y += 2) {
      for (int x = 0; x < planes.width; x += 2) {
        double u = 0, v = 0, alpha = 0;
        for (const auto& [px, py] : {std::pair(x, y), {x + 1, y}, {x, y + 1}, {x + 1, y + 1}}) {
          const double a = pixel(px, py, 3) / 255;
          const YuvDouble exact = Bt709(pixel(px, py, 2), pixel(px, py, 1), pixel(px, py, 0));
          // Premultiplied: the offset counts by alpha.
          ASSERT_NEAR(planes.y[static_cast<std::size_t>(py * planes.stride + px)],
                      exact.y - 16 + 16 * a,
                      0.52);
          u += (exact.u - 128 + 128 * a) / 4;
          v += (exact.v - 128 + 128 * a) / 4;
          alpha += pixel(px, py, 3) / 4;
        }
        const auto at = static_cast<std::size_t>(y / 2 * planes.stride + x);
        ASSERT_NEAR(planes.uv[at], u, 0.52);
        ASSERT_NEAR(planes.uv[at + 1], v, 0.52);
        ASSERT_NEAR(planes.uv_alpha[at], alpha, 0.51);
        ASSERT_NEAR(planes.uv_alpha[at + 1], alpha, 0.51);
      }
    }
  }
}

}  // namespace
}  // namespace rn
