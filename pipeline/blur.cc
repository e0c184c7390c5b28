#include "pipeline/blur.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace rn {
namespace {

// Up to here every pixel's share is computed; beyond, boxes look the same and cost less.
constexpr double kExactSigmaMax = 3;
// A picture's rows are kept with this much fraction between the passes.
constexpr int kFraction = 8;

int ExactReach(double sigma) {
  return static_cast<int>(std::ceil(3 * sigma));
}

// W3C's: three of them have the Gaussian's variance.
int BoxWidth(double sigma) {
  return std::max(
      1, static_cast<int>(std::floor(sigma * 3 * std::sqrt(2 * std::numbers::pi) / 4 + 0.5)));
}

// One line, with room on both sides for what lies beyond.
class LineBlur {
 public:
  LineBlur(int n, double sigma, Beyond beyond)
      : n_(n), reach_(BlurReach(sigma)), beyond_(beyond), line_(n + 2 * reach_), sums_(line_) {
    if (sigma > kExactSigmaMax) {
      const int d = BoxWidth(sigma);
      // An even box is off by half a pixel: one to each side, and a longer one in the middle.
      boxes_ = d % 2 == 1 ? std::vector<Box>{{d, d / 2}, {d, d / 2}, {d, d / 2}}
                          : std::vector<Box>{{d, d / 2}, {d, d / 2 - 1}, {d + 1, d / 2}};
      return;
    }
    double sum = 0;
    for (int i = -reach_; i <= reach_; ++i) {
      weights_.push_back(std::exp(-i * i / (2 * sigma * sigma)));
      sum += weights_.back();
    }
    for (double& weight : weights_) weight /= sum;
  }

  std::uint16_t* begin() { return line_.data() + reach_; }

  void Run() {
    const std::uint16_t before = beyond_ == Beyond::kEdge ? begin()[0] : 0;
    const std::uint16_t after = beyond_ == Beyond::kEdge ? begin()[n_ - 1] : 0;
    std::fill(line_.begin(), line_.begin() + reach_, before);
    std::fill(line_.end() - reach_, line_.end(), after);
    if (boxes_.empty()) {
      Weigh();
    } else {
      for (const Box& box : boxes_) Average(box);
    }
  }

 private:
  struct Box {
    int width, left;  // pixels, and how many of them before the one in question
  };

  void Weigh() {
    for (int i = 0; i < n_; ++i) {
      double sum = 0;
      for (std::size_t k = 0; k < weights_.size(); ++k) sum += weights_[k] * line_[i + k];
      sums_[static_cast<std::size_t>(i)] = static_cast<std::uint16_t>(sum + 0.5);
    }
    std::copy_n(sums_.begin(), n_, begin());
  }

  void Average(const Box& box) {
    const int size = static_cast<int>(line_.size());
    const auto at = [&](int i) {
      return line_[static_cast<std::size_t>(std::clamp(i, 0, size - 1))];
    };
    std::uint32_t sum = 0;
    for (int i = -box.left; i < box.width - box.left; ++i) sum += at(i);
    for (int i = 0; i < size; ++i) {
      sums_[static_cast<std::size_t>(i)] =
          static_cast<std::uint16_t>((sum + static_cast<unsigned>(box.width) / 2) / box.width);
      sum += at(i + box.width - box.left);
      sum -= at(i - box.left);
    }
    line_.swap(sums_);
  }

  const int n_, reach_;
  const Beyond beyond_;
  std::vector<std::uint16_t> line_, sums_;
  std::vector<double> weights_;
  std::vector<Box> boxes_;
};

// Rows of `from` become blurred columns of `to`.
void BlurAcross(const std::vector<std::uint16_t>& from,
                int width,
                int height,
                double sigma,
                Beyond beyond,
                std::vector<std::uint16_t>* to) {
  LineBlur line(width, sigma, beyond);
  for (int y = 0; y < height; ++y) {
    std::copy_n(from.begin() + std::ptrdiff_t{y} * width, width, line.begin());
    line.Run();
    for (int x = 0; x < width; ++x) {
      (*to)[static_cast<std::size_t>(x) * height + y] = line.begin()[x];
    }
  }
}

}  // namespace

int BlurReach(double sigma) {
  if (sigma <= 0) return 0;
  return sigma > kExactSigmaMax ? 3 * (BoxWidth(sigma) / 2 + 1) : ExactReach(sigma);
}

void Blur(std::uint8_t* pixels,
          int width,
          int height,
          int stride,
          int channels,
          double sigma,
          Beyond beyond) {
  if (sigma <= 0 || width <= 0 || height <= 0) return;
  std::vector<std::uint16_t> plane(static_cast<std::size_t>(width) * height);
  std::vector<std::uint16_t> turned(plane.size());
  for (int channel = 0; channel < channels; ++channel) {
    auto* value = plane.data();
    for (int y = 0; y < height; ++y) {
      const std::uint8_t* row = pixels + std::ptrdiff_t{y} * stride + channel;
      for (int x = 0; x < width; ++x) {
        *value++ = static_cast<std::uint16_t>(row[std::ptrdiff_t{x} * channels] << kFraction);
      }
    }
    BlurAcross(plane, width, height, sigma, beyond, &turned);
    BlurAcross(turned, height, width, sigma, beyond, &plane);
    value = plane.data();
    for (int y = 0; y < height; ++y) {
      std::uint8_t* row = pixels + std::ptrdiff_t{y} * stride + channel;
      for (int x = 0; x < width; ++x) {
        row[std::ptrdiff_t{x} * channels] =
            static_cast<std::uint8_t>((*value++ + (1 << (kFraction - 1))) >> kFraction);
      }
    }
  }
}

}  // namespace rn
