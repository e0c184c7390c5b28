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
      sums_[static_cast<std::size_t>(i)] = static_cast<std::uint16_t>(std::lround(sum));
    }
    std::copy_n(sums_.begin(), n_, begin());
  }

  void Average(const Box& box) {
    // The line with its ends repeated as far as the box reaches beyond them.
    around_.assign(static_cast<std::size_t>(box.left), line_.front());
    around_.insert(around_.end(), line_.begin(), line_.end());
    around_.insert(around_.end(), static_cast<std::size_t>(box.width - box.left), line_.back());
    // Division by multiplication, exact: a sum is below 2¹⁶ times the width, and the width far
    // below 2¹⁴.
    constexpr int kShift = 44;
    const auto width = static_cast<std::uint64_t>(box.width);
    const std::uint64_t per_width = ((std::uint64_t{1} << kShift) + width - 1) / width;
    const std::uint16_t* leaves = around_.data();
    const std::uint16_t* enters = leaves + box.width;
    std::uint64_t sum = width / 2;
    for (const std::uint16_t* at = leaves; at < enters; ++at) sum += *at;
    for (std::uint16_t& mean : line_) {
      mean = static_cast<std::uint16_t>((sum * per_width) >> kShift);
      sum += *enters++;
      sum -= *leaves++;
    }
  }

  const int n_, reach_;
  const Beyond beyond_;
  std::vector<std::uint16_t> line_, sums_, around_;
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
  // So many at a time that their columns fill a cache line.
  constexpr int kRows = 32;
  LineBlur line(width, sigma, beyond);
  std::vector<std::uint16_t> rows(static_cast<std::size_t>(kRows) * width);
  for (int y = 0; y < height; y += kRows) {
    const int n = std::min(kRows, height - y);
    for (int row = 0; row < n; ++row) {
      std::copy_n(from.begin() + std::ptrdiff_t{y + row} * width, width, line.begin());
      line.Run();
      std::copy_n(line.begin(), width, rows.begin() + std::ptrdiff_t{row} * width);
    }
    for (int x = 0; x < width; ++x) {
      std::uint16_t* column = to->data() + std::ptrdiff_t{x} * height + y;
      for (int row = 0; row < n; ++row) column[row] = rows[std::ptrdiff_t{row} * width + x];
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
