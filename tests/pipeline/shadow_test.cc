#include "pipeline/shadow.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "pipeline/blur.h"

namespace rn {
namespace {

// The Gaussian mean of a line that is 255 in [begin, end).
double Exact(int at, int begin, int end, double sigma) {
  const auto below = [&](double x) { return 0.5 * (1 + std::erf(x / (sigma * std::sqrt(2.0)))); };
  return 255 * (below(end - 0.5 - at) - below(begin - 0.5 - at));
}

TEST(BlurTest, EveryWidthIsAGaussian) {
  for (const double sigma : {1.0, 2.5, 3.5, 8.0, 20.0}) {
    constexpr int kSize = 240;
    std::vector<std::uint8_t> pixels(kSize * kSize);
    for (int y = 0; y < kSize; ++y) {
      for (int x = 80; x < 150; ++x) pixels[static_cast<std::size_t>(y) * kSize + x] = 255;
    }
    Blur(pixels.data(), kSize, kSize, kSize, 1, sigma, Beyond::kEdge);
    for (int x = 0; x < kSize; ++x) {
      ASSERT_NEAR(pixels[120 * kSize + x], Exact(x, 80, 150, sigma), 5) << sigma << " " << x;
    }
  }
}

TEST(BlurTest, NothingIsLeftBeyondItsReach) {
  for (const double sigma : {0.7, 2.0, 6.0, 15.0}) {
    constexpr int kSize = 160;
    std::vector<std::uint8_t> pixels(kSize * kSize);
    pixels[80 * kSize + 80] = 255;
    for (int i = 70; i < 90; ++i) std::fill_n(&pixels[i * kSize + 70], 20, std::uint8_t{255});
    Blur(pixels.data(), kSize, kSize, kSize, 1, sigma, Beyond::kNothing);
    for (int x = 0; x < 70 - BlurReach(sigma); ++x) ASSERT_EQ(pixels[80 * kSize + x], 0);
  }
}

TEST(BlurTest, EdgesThatGoOnStayAsBrightAsTheyWere) {
  std::vector<std::uint8_t> pixels(30 * 20, 200);
  Blur(pixels.data(), 30, 20, 30, 1, 7, Beyond::kEdge);
  EXPECT_EQ(*std::min_element(pixels.begin(), pixels.end()), 200);
}

// Every sample's exact mean of all around it.
double GaussianMean(const std::vector<std::uint8_t>& line, int at, double sigma, Beyond beyond) {
  const int n = static_cast<int>(line.size());
  double sum = 0;
  double weights = 0;
  for (int i = at - 40; i <= at + 40; ++i) {
    const double weight = std::exp(-(i - at) * (i - at) / (2 * sigma * sigma));
    weights += weight;
    if (beyond == Beyond::kNothing && (i < 0 || i >= n)) continue;
    sum += weight * line[static_cast<std::size_t>(std::clamp(i, 0, n - 1))];
  }
  return sum / weights;
}

TEST(BlurTest, EveryChannelIsBlurredByItselfAtAnySizeAndNothingBesideIt) {
  std::mt19937 random(3);
  constexpr int kBetweenRows = 5;
  for (const double sigma : {0.6, 1.7, 2.9, 6.0}) {
    for (const Beyond beyond : {Beyond::kNothing, Beyond::kEdge}) {
      for (const auto& [width, height] : {std::pair(1, 1), {1, 7}, {7, 1}, {2, 33}, {17, 19}}) {
        for (const int channels : {1, 4}) {
          const int stride = width * channels + kBetweenRows;
          std::vector<std::uint8_t> pixels(static_cast<std::size_t>(stride * height));
          for (std::uint8_t& value : pixels) value = static_cast<std::uint8_t>(random());
          // A line that is the same across: then one direction is enough of a reference.
          for (int y = 0; y < height; ++y) {
            for (int i = channels; i < width * channels; ++i) {
              pixels[y * stride + i] = pixels[y * stride + i % channels];
            }
          }
          const auto before = pixels;
          Blur(pixels.data(), width, height, stride, channels, sigma, beyond);
          for (int c = 0; c < channels; ++c) {
            std::vector<std::uint8_t> down(height), across(width, 255);
            for (int y = 0; y < height; ++y) down[y] = before[y * stride + c];
            for (int y = 0; y < height; ++y) {
              for (int x = 0; x < width; ++x) {
                const double exact = GaussianMean(down, y, sigma, beyond) *
                                     GaussianMean(across, x, sigma, beyond) / 255;
                ASSERT_NEAR(pixels[y * stride + x * channels + c], exact, sigma > 3 ? 10 : 1.5)
                    << sigma << " " << width << "x" << height << " at " << x << "," << y;
              }
            }
          }
          for (int y = 0; y < height; ++y) {
            for (int i = width * channels; i < stride; ++i) {
              ASSERT_EQ(pixels[y * stride + i], before[y * stride + i]);
            }
          }
        }
      }
    }
  }
}

Planes Square(int size) {
  Raster raster{.width = size, .height = size, .stride = 4 * size};
  raster.pixels.assign(static_cast<std::size_t>(4 * size * size), 255);
  return ToPlanes(raster, 0, 0);
}

TEST(ShadowTest, LiesUnderThePictureMovedAndBlurred) {
  const Shadow shadow{.color = {0, 0, 0, 200}, .dx_px = 10, .dy_px = 6, .blur_px = 8};
  const IntRect rest{100, 50, 40, 40};
  const IntRect bounds = WithShadowBounds(rest, shadow);
  EXPECT_EQ(Intersect(bounds, rest), rest);
  const Planes planes = WithShadow(Square(40), rest, shadow);
  ASSERT_EQ(planes.width, bounds.w);
  ASSERT_EQ(planes.height, bounds.h);
  const auto alpha = [&](int x, int y) {
    return static_cast<int>(planes.y_alpha[(y - bounds.y) * planes.stride + x - bounds.x]);
  };
  EXPECT_EQ(alpha(120, 70), 255);
  EXPECT_NEAR(alpha(145, 75), 200 * Exact(145, 110, 150, 4) / 255, 4);
  EXPECT_NEAR(alpha(150, 75), 100, 12);
  EXPECT_EQ(alpha(bounds.x, bounds.y), 0);
  EXPECT_EQ(planes.y[(70 - bounds.y) * planes.stride + 120 - bounds.x], 235);
}

TEST(ShadowTest, WithoutABlurItIsTheShapeItself) {
  const Shadow shadow{.color = {255, 0, 0, 255}, .dx_px = 4, .dy_px = 0, .blur_px = 0};
  const Planes planes = WithShadow(Square(20), {0, 0, 20, 20}, shadow);
  EXPECT_EQ(planes.width, 24);
  EXPECT_EQ(planes.y[10 * planes.stride + 22], ToYuv({255, 0, 0, 255}).y);
  EXPECT_EQ(planes.y[10 * planes.stride + 10], 235);
}

}  // namespace
}  // namespace rn
