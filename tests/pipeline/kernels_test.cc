// Every loop over pixels against a plain one, at every length around those of vectors and from
// every start, with memory around the result that nobody may touch.
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "pipeline/blend.h"
#include "pipeline/blend_modes.h"
#include "pipeline/clip_kernels.h"
#include "pipeline/cover.h"
#include "pipeline/sample_kernels.h"
#include "pipeline/surface.h"

namespace rn {
namespace {

using Bytes = std::vector<std::uint8_t>;

// More than two of the widest vectors, then a few that leave most of one.
std::vector<std::size_t> Lengths() {
  std::vector<std::size_t> lengths;
  for (std::size_t n = 0; n <= 140; ++n) lengths.push_back(n);
  lengths.insert(lengths.end(), {191, 192, 193, 255, 257, 511});
  return lengths;
}

Bytes Noise(std::size_t n, std::mt19937* random) {
  Bytes bytes(n);
  for (std::uint8_t& byte : bytes) {
    // The ends of the scale more often than chance has them.
    const unsigned kind = (*random)() % 8;
    byte = static_cast<std::uint8_t>(kind == 0 ? 0 : kind == 1 ? 255 : (*random)());
  }
  return bytes;
}

// Where `n` bytes of a result go, on no boundary in particular.
class Guarded {
 public:
  explicit Guarded(std::size_t n, std::size_t offset = 0)
      : begin_(kMargin + offset), n_(n), bytes_(n + 2 * kMargin + offset, kGuard) {}

  std::uint8_t* data() { return bytes_.data() + begin_; }
  Bytes result() const {
    return {bytes_.begin() + static_cast<std::ptrdiff_t>(begin_),
            bytes_.begin() + static_cast<std::ptrdiff_t>(begin_ + n_)};
  }
  bool Stands() const {
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
      if ((i < begin_ || i >= begin_ + n_) && bytes_[i] != kGuard) return false;
    }
    return true;
  }

 private:
  static constexpr std::size_t kMargin = 64;
  static constexpr std::uint8_t kGuard = 0xA5;
  std::size_t begin_, n_;
  Bytes bytes_;
};

// Runs every test once for each instruction set that this machine has.
class KernelsTest : public testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }

  std::mt19937 random_{1};
};
INSTANTIATE_TEST_SUITE_P(Targets,
                         KernelsTest,
                         testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         [](const auto& target) { return hwy::TargetName(target.param); });

// ------------------------------------------------------------------- sampling
// That add up to kTapUnit, or to less at an edge.
void RandomWeights(std::mt19937* random, std::uint16_t (&weights)[kTapsMax]) {
  int left = (*random)() % 4 == 0 ? static_cast<int>((*random)() % kTapUnit) : kTapUnit;
  for (std::uint16_t& weight : weights) {
    const bool some = (*random)() % 3 != 0;
    weight = static_cast<std::uint16_t>(some ? (*random)() % (left + 1) : 0);
    left -= weight;
  }
  weights[(*random)() % kTapsMax] += static_cast<std::uint16_t>((*random)() % 2 == 0 ? left : 0);
}

TEST_P(KernelsTest, RowsAreTheWeightedSumOfTheirTaps) {
  for (const std::size_t n : Lengths()) {
    std::uint16_t weights[kTapsMax];
    RandomWeights(&random_, weights);
    Bytes source[kTapsMax];
    const std::uint8_t* rows[kTapsMax];
    const std::size_t offset = random_() % 17;
    for (int t = 0; t < kTapsMax; ++t) {
      source[t] = Noise(n + offset, &random_);
      rows[t] = source[t].data() + offset;
    }
    Guarded to(n, random_() % 17);
    TapRows(rows, weights, n, to.data());
    Bytes wanted(n);
    for (std::size_t i = 0; i < n; ++i) {
      int sum = kTapUnit / 2;
      for (int t = 0; t < kTapsMax; ++t) sum += rows[t][i] * weights[t];
      wanted[i] = static_cast<std::uint8_t>(sum / kTapUnit);
    }
    ASSERT_EQ(to.result(), wanted) << n;
    ASSERT_TRUE(to.Stands()) << n;
  }
}

TEST_P(KernelsTest, ColumnsAreTheWeightedSumOfTheirTaps) {
  constexpr std::size_t kMayBeRead = 8;
  for (const int step : {1, 2}) {
    for (const std::size_t n : Lengths()) {
      const std::size_t columns = n / static_cast<std::size_t>(step) + kTapsMax + random_() % 30;
      const Bytes row = Noise(columns * step + kMayBeRead, &random_);
      const std::size_t first = step * (random_() % 5);
      ColumnTaps taps;
      taps.step = step;
      for (std::size_t k = 0; k < first + n; ++k) {
        const auto at = static_cast<std::int32_t>(random_() % (columns - kTapsMax + 1));
        taps.begins.push_back(at * step + static_cast<std::int32_t>(k) % step);
        std::uint16_t weights[kTapsMax];
        RandomWeights(&random_, weights);
        for (int t = 0; t < kTapsMax; ++t) taps.weights[t].push_back(weights[t]);
      }
      Guarded to(n, random_() % 17);
      TapColumns(row.data(), taps, first, n, to.data());
      Bytes wanted(n);
      for (std::size_t i = 0; i < n; ++i) {
        int sum = kTapUnit / 2;
        for (int t = 0; t < kTapsMax; ++t) {
          sum += row[static_cast<std::size_t>(taps.begins[first + i] + t * step)] *
                 taps.weights[t][first + i];
        }
        wanted[i] = static_cast<std::uint8_t>(sum / kTapUnit);
      }
      ASSERT_EQ(to.result(), wanted) << n << " by " << step;
      ASSERT_TRUE(to.Stands()) << n << " by " << step;
    }
  }
}

// In plain doubles.
double Walked(const Walk& walk, std::size_t i) {
  constexpr double kOne = 1 << 16;
  const auto sample = static_cast<double>(i / walk.step);
  const double u = (walk.u + sample * walk.du) / kOne;
  const double v = (walk.v + sample * walk.dv) / kOne;
  const auto inside = [](double at, int size, std::int32_t grow) {
    const double depth = std::min(at, size - 1 - at) + 0.5;
    return std::clamp(depth * grow / 256 + 0.5, 0.0, 1.0);
  };
  const double cover = inside(u, walk.width, walk.grow_x) * inside(v, walk.height, walk.grow_y);
  if (walk.plane == nullptr) return 255 * cover;
  const double x = std::clamp<double>(u, 0, walk.width - 1);
  const double y = std::clamp<double>(v, 0, walk.height - 1);
  const int left = static_cast<int>(x);
  const int top = static_cast<int>(y);
  const auto at = [&](int column, int row) -> double {
    column = std::min(column, walk.width - 1);
    row = std::min(row, walk.height - 1);
    return walk.plane[row * walk.stride + column * walk.step + static_cast<int>(i) % walk.step];
  };
  const auto across = [&](int row) {
    return at(left, row) + (at(left + 1, row) - at(left, row)) * (x - left);
  };
  return cover * (across(top) + (across(top + 1) - across(top)) * (y - top));
}

TEST_P(KernelsTest, WalksAreBilinearAndCoveredAsFarAsTheyAreInside) {
  // Positions between samples and covers are in 256ths.
  constexpr double kTolerance = 3.5;
  for (const int step : {1, 2}) {
    for (int round = 0; round < 400; ++round) {
      Walk walk;
      walk.step = step;
      walk.width = 1 + static_cast<int>(random_() % 50);
      walk.height = 1 + static_cast<int>(random_() % 20);
      walk.stride = walk.width * step + static_cast<int>(random_() % 9);
      const Bytes plane =
          Noise(static_cast<std::size_t>(walk.stride) * walk.height + Planes::kPadding, &random_);
      if (round % 5 != 0) walk.plane = plane.data();
      const auto between = [&](int from, int to) {
        return from + static_cast<int>(random_() % static_cast<unsigned>(to - from + 1));
      };
      walk.u = between(-3 << 16, (walk.width + 3) << 16);
      walk.v = between(-3 << 16, (walk.height + 3) << 16);
      walk.du = between(-3 << 16, 3 << 16);
      walk.dv = between(-1 << 16, 1 << 16);
      walk.grow_x = between(64, 512);
      walk.grow_y = between(64, 512);
      const std::size_t n = random_() % 90;
      Guarded to(n * step, random_() % 17);
      WalkRow(walk, n, to.data());
      const Bytes made = to.result();
      for (std::size_t i = 0; i < made.size(); ++i) {
        ASSERT_NEAR(made[i], Walked(walk, i), kTolerance) << round << ": " << i << " of " << n;
      }
      ASSERT_TRUE(to.Stands()) << n << " by " << step;
    }
  }
}

// ------------------------------------------------------------------- shares and covers
std::uint8_t Share(int a, int b) {
  return static_cast<std::uint8_t>(std::lround(a * b / 255.0));
}

TEST_P(KernelsTest, RowsAreMultipliedByShares) {
  for (const std::size_t n : Lengths()) {
    const std::size_t offset = random_() % 17;
    const Bytes shares = Noise(n + offset, &random_);
    const Bytes values = Noise(n, &random_);
    Guarded to(n, random_() % 17);
    std::copy(values.begin(), values.end(), to.data());
    MultiplyRow(shares.data() + offset, n, to.data());
    Bytes wanted(n);
    for (std::size_t i = 0; i < n; ++i) wanted[i] = Share(values[i], shares[offset + i]);
    ASSERT_EQ(to.result(), wanted) << n;
    ASSERT_TRUE(to.Stands()) << n;
  }
}

// NV12 in the middle of memory that is somebody else's.
class Picture {
 public:
  Picture(int width, int height, std::mt19937* random)
      : width_(width), height_(height), stride_(width + 2 * kMargin + 1) {
    bytes_ = Noise(static_cast<std::size_t>(stride_) * (height * 3 / 2 + 4), random);
  }
  Nv12View view() {
    std::uint8_t* y = bytes_.data() + 2 * stride_ + kMargin;
    return {y, y + std::ptrdiff_t{stride_} * height_, stride_, stride_, width_, height_};
  }
  const Bytes& bytes() const { return bytes_; }

 private:
  static constexpr int kMargin = 70;  // more than the widest vector
  int width_, height_, stride_;
  Bytes bytes_;
};

TEST_P(KernelsTest, CoversApproachFullByTheirOpacityInsideTheirRectangle) {
  for (int round = 0; round < 300; ++round) {
    const int width = 2 * static_cast<int>(1 + random_() % 80);
    const int height = 2 * static_cast<int>(1 + random_() % 8);
    Picture picture(width, height, &random_);
    Picture wanted = picture;
    const auto even = [&](int to) { return 2 * static_cast<int>(random_() % (to / 2 + 2)) - 2; };
    const IntRect rect{even(width), even(height), even(width) + 2, even(height) + 2};
    const auto opacity = static_cast<std::uint8_t>(round < 2 ? 255 * round : random_());
    CoverRect(picture.view(), rect, opacity);
    const Nv12View to = wanted.view();
    const IntRect area = Intersect(rect, {0, 0, width, height});
    for (int y = area.y; y < area.bottom(); ++y) {
      for (int x = area.x; x < area.right(); ++x) {
        for (std::uint8_t* sample :
             {to.y + y * to.y_stride + x, to.uv + y / 2 * to.uv_stride + x}) {
          if (sample >= to.uv && y % 2 == 1) continue;
          *sample = static_cast<std::uint8_t>(
              std::lround((*sample * (255 - opacity) + 255.0 * opacity) / 255));
        }
      }
    }
    ASSERT_TRUE(picture.bytes() == wanted.bytes())
        << rect.x << "," << rect.y << " " << rect.w << "x" << rect.h << " at " << int{opacity};
  }
}

Planes RandomPlanes(int width, int height, bool opaque, std::mt19937* random) {
  Raster raster{.width = width, .height = height, .stride = 4 * width};
  raster.pixels = Noise(static_cast<std::size_t>(raster.stride) * height, random);
  for (std::size_t i = 0; i < raster.pixels.size(); ++i) {
    std::uint8_t& alpha = raster.pixels[i | 3];
    if (opaque) alpha = 255;
    if (i % 4 != 3) raster.pixels[i] = std::min(raster.pixels[i], alpha);
  }
  return ToPlanes(raster, 0, 0);
}

TEST_P(KernelsTest, MasksMultiplyEverySampleByTheAlphaOverIt) {
  for (int round = 0; round < 200; ++round) {
    const auto even = [&](int to) { return 2 * static_cast<int>(random_() % (to / 2 + 1)); };
    const bool inverted = round % 2 == 1;
    Planes planes = RandomPlanes(2 + even(90), 2 + even(8), round % 3 == 0, &random_);
    const Planes mask = RandomPlanes(2 + even(90), 2 + even(8), round % 5 == 0, &random_);
    const int x = even(20), y = even(4), mask_x = even(30), mask_y = even(6);
    const Planes before = planes;
    CutToMask(&planes, x, y, mask, mask_x, mask_y, inverted);
    ASSERT_FALSE(planes.opaque);
    for (const int halves : {1, 2}) {
      for (int row = 0; row < planes.height / halves; ++row) {
        for (int column = 0; column < planes.width; ++column) {
          const int mx = x + column - mask_x;
          const int my = (y - mask_y) / halves + row;
          const bool over = mx >= 0 && my >= 0 && mx < mask.width && my < mask.height / halves;
          const auto mask_at = static_cast<std::size_t>(my * mask.stride + mx);
          int share = 0;
          if (over) {
            share = mask.opaque ? 255 : (halves == 1 ? mask.y_alpha : mask.uv_alpha)[mask_at];
          }
          if (inverted) share = 255 - share;
          const auto at = static_cast<std::size_t>(row * planes.stride + column);
          const auto& color = halves == 1 ? planes.y : planes.uv;
          const auto& alpha = halves == 1 ? planes.y_alpha : planes.uv_alpha;
          const auto& old_alpha = halves == 1 ? before.y_alpha : before.uv_alpha;
          ASSERT_EQ(color[at], Share((halves == 1 ? before.y : before.uv)[at], share));
          ASSERT_EQ(alpha[at], Share(before.opaque ? 255 : old_alpha[at], share));
        }
      }
    }
  }
}

// ------------------------------------------------------------------- colours
TEST_P(KernelsTest, PixelsHaveTheLumaOfBt709AtAnyWidth) {
  for (int width = 1; width <= 140; ++width) {
    Raster raster{.width = width, .height = 1, .stride = 4 * width};
    raster.pixels = Noise(static_cast<std::size_t>(raster.stride), &random_);
    for (int x = 0; x < width; ++x) {
      std::uint8_t* pixel = raster.pixels.data() + std::ptrdiff_t{4} * x;
      for (int c = 0; c < 3; ++c) pixel[c] = std::min(pixel[c], pixel[3]);
    }
    const Planes planes = ToPlanes(raster, 0, 0);
    for (int x = 0; x < width; ++x) {
      const std::uint8_t* pixel = raster.pixels.data() + std::ptrdiff_t{4} * x;
      const double luma = 0.2126 * pixel[2] + 0.7152 * pixel[1] + 0.0722 * pixel[0];
      const double exact = 16.0 * pixel[3] / 255 + 219 * luma / 255;
      ASSERT_NEAR(planes.y[static_cast<std::size_t>(x)], exact, 0.51) << x << " of " << width;
    }
  }
}

TEST_P(KernelsTest, BlendModesTouchNothingBesideTheirRectangle) {
  for (int round = 0; round < 120; ++round) {
    const int width = 2 * static_cast<int>(1 + random_() % 40);
    const int height = 2 * static_cast<int>(1 + random_() % 4);
    Picture picture(width, height, &random_);
    Picture before = picture;
    const Planes planes = RandomPlanes(width, height, round % 2 == 0, &random_);
    const auto even = [&](int to) { return 2 * static_cast<int>(random_() % (to / 2 + 1)); };
    const int x = even(8) - 4;
    const int y = even(4) - 2;
    const IntRect rect{even(width), even(height), even(width), even(height)};
    const auto mode = static_cast<BlendMode>(1 + round % 11);
    BlendWithMode(mode, Surface(picture.view()), rect, planes, x, y, 255);
    // What it may touch taken back, all has to be as it was.
    const Nv12View now = picture.view();
    const Nv12View old = before.view();
    const IntRect area =
        Intersect(Intersect(rect, {0, 0, width, height}), {x, y, planes.width, planes.height});
    for (int row = area.y; row < area.bottom(); ++row) {
      std::copy_n(old.y + row * old.y_stride + area.x, area.w, now.y + row * now.y_stride + area.x);
      const int half = row / 2;
      std::copy_n(
          old.uv + half * old.uv_stride + area.x, area.w, now.uv + half * now.uv_stride + area.x);
    }
    ASSERT_TRUE(picture.bytes() == before.bytes()) << round;
  }
}

// ------------------------------------------------------------------- clips
TEST_P(KernelsTest, ChromaPlanesAreInterleaved) {
  for (const std::size_t n : Lengths()) {
    const std::size_t offset = random_() % 17;
    const Bytes u = Noise(n + offset, &random_);
    const Bytes v = Noise(n + offset, &random_);
    Guarded to(2 * n, random_() % 17);
    InterleaveChroma(u.data() + offset, v.data() + offset, n, to.data());
    Bytes wanted;
    for (std::size_t i = 0; i < n; ++i) {
      wanted.push_back(u[offset + i]);
      wanted.push_back(v[offset + i]);
    }
    ASSERT_EQ(to.result(), wanted) << n;
    ASSERT_TRUE(to.Stands()) << n;
  }
}

TEST_P(KernelsTest, MatricesChangeInWholeNumbersAndAreHeldInBounds) {
  for (const double kr : {0.299, 0.2627, 0.212}) {
    const MatrixChange change = ToBt709(kr, kr == 0.299 ? 0.114 : 0.08);
    for (int width = 2; width <= 150; width += 2) {
      Picture picture(width, 4, &random_);
      Picture wanted = picture;
      ChangeMatrix(picture.view(), change);
      const Nv12View to = wanted.view();
      const auto bounded = [](int x) { return static_cast<std::uint8_t>(std::clamp(x, 0, 255)); };
      const auto part = [](int u, int of_u, int v, int of_v) {
        return static_cast<int>(std::floor((u * of_u + v * of_v + 128) / 256.0));
      };
      for (int y = 0; y < 4; ++y) {
        for (int x = 0; x < width; ++x) {
          const std::uint8_t* uv = to.uv + y / 2 * to.uv_stride + x / 2 * 2;
          std::uint8_t& luma = to.y[y * to.y_stride + x];
          luma = bounded(luma + part(uv[0] - 128, change.y_u, uv[1] - 128, change.y_v));
        }
      }
      for (int y = 0; y < 2; ++y) {
        for (int x = 0; x < width; x += 2) {
          std::uint8_t* uv = to.uv + y * to.uv_stride + x;
          const int u = uv[0] - 128;
          const int v = uv[1] - 128;
          uv[0] = bounded(u + 128 + part(u, change.u_u, v, change.u_v));
          uv[1] = bounded(v + 128 + part(u, change.v_u, v, change.v_v));
        }
      }
      ASSERT_TRUE(picture.bytes() == wanted.bytes()) << width << " by " << kr;
    }
  }
}

TEST_P(KernelsTest, TurnsMoveEverySampleToItsPlace) {
  for (int turned = 0; turned < 8; ++turned) {
    const ClipTurn turn{
        .transposed = (turned & 4) != 0, .flip_x = (turned & 1) != 0, .flip_y = (turned & 2) != 0};
    for (const auto& [w, h] : {std::pair(2, 2), {34, 6}, {66, 70}, {98, 34}}) {
      Picture from(w, h, &random_);
      const int out_w = turn.transposed ? h : w;
      const int out_h = turn.transposed ? w : h;
      Picture to(out_w, out_h, &random_);
      Picture wanted = to;
      TurnPicture(from.view(), turn, to.view());
      const Nv12View in = from.view();
      const Nv12View out = wanted.view();
      const auto move = [&](const std::uint8_t* source, std::uint8_t* result, int halves) {
        for (int y = 0; y < out_h / halves; ++y) {
          for (int x = 0; x < out_w / halves; ++x) {
            int sx = turn.flip_x ? out_w / halves - 1 - x : x;
            int sy = turn.flip_y ? out_h / halves - 1 - y : y;
            if (turn.transposed) std::swap(sx, sy);
            for (int i = 0; i < halves; ++i) {
              result[y * out.y_stride + x * halves + i] =
                  source[sy * in.y_stride + sx * halves + i];
            }
          }
        }
      };
      move(in.y, out.y, 1);
      move(in.uv, out.uv, 2);
      ASSERT_TRUE(to.bytes() == wanted.bytes()) << w << "x" << h << " turned by " << turned;
    }
  }
}

TEST_P(KernelsTest, StraightColoursAreMultipliedByTheirAlpha) {
  for (int width = 1; width < 40; ++width) {
    Raster raster{.width = width, .height = 3, .stride = 4 * width + 8};
    raster.pixels = Noise(static_cast<std::size_t>(raster.stride) * 3, &random_);
    const Bytes before = raster.pixels;
    Premultiply(raster);
    for (int y = 0; y < 3; ++y) {
      for (int i = 0; i < raster.stride; ++i) {
        const auto at = static_cast<std::size_t>(y * raster.stride + i);
        const bool color = i < 4 * width && i % 4 != 3;
        ASSERT_EQ(raster.pixels[at], color ? Share(before[at], before[at | 3]) : before[at]);
      }
    }
  }
}

}  // namespace
}  // namespace rn
