#include "pipeline/cover.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>
#include <vector>

namespace rn {
namespace {

constexpr std::uint8_t kFull = 255;

// Calls `cover(row, halves, bytes)` to fill in each row's share of 255, and multiplies by it.
// `row` counts results of the plane: chroma rows are two pixels high, and each of their shares
// stands twice. The shares of the row above are still there.
template <class Cover>
void Multiply(Planes* planes, const Cover& cover) {
  planes->AddAlpha();
  std::vector<std::uint8_t> shares(static_cast<std::size_t>(planes->width));
  for (const int halves : {1, 2}) {
    auto& color = halves == 1 ? planes->y : planes->uv;
    auto& alpha = halves == 1 ? planes->y_alpha : planes->uv_alpha;
    for (int row = 0; row < planes->height / halves; ++row) {
      cover(row, halves, shares.data());
      const std::size_t at = static_cast<std::size_t>(row) * planes->stride;
      MultiplyRow(shares.data(), shares.size(), color.data() + at);
      MultiplyRow(shares.data(), shares.size(), alpha.data() + at);
    }
  }
}

// How much of [at, at + size) lies in [begin, end).
double Overlap(double at, double size, double begin, double end) {
  return std::max(0.0, std::min(at + size, end) - std::max(at, begin)) / size;
}

}  // namespace

void CutToBox(Planes* planes, int x, int y, const Box& box) {
  std::vector<double> across[2];
  for (const int halves : {1, 2}) {
    for (int column = 0; column < planes->width / halves; ++column) {
      across[halves - 1].push_back(Overlap(x + column * halves, halves, box.x, box.x + box.w));
    }
  }
  double above = -1;
  Multiply(planes, [&](int row, int halves, std::uint8_t* shares) {
    const double down = Overlap(y + row * halves, halves, box.y, box.y + box.h);
    if (row > 0 && down == above) return;
    above = down;
    for (const double share : across[halves - 1]) {
      for (int i = 0; i < halves; ++i) *shares++ = ToByte(share * down);
    }
  });
}

void CutToCircle(Planes* planes, int x, int y, double centre_x, double centre_y, double radius) {
  Multiply(planes, [&](int row, int halves, std::uint8_t* shares) {
    // In results of the plane, from its left edge on.
    const double dy = (y + (row + 0.5) * halves - centre_y) / halves;
    const double centre = (centre_x - x) / halves;
    const double r = radius / halves;
    const int columns = planes->width / halves;
    std::memset(shares, 0, static_cast<std::size_t>(planes->width));
    const auto half_chord = [&](double reach) {
      const double square = reach * reach - dy * dy;
      return reach > 0 && square > 0 ? std::sqrt(square) : -1.0;
    };
    const double outer = half_chord(r + 0.5);
    if (outer < 0) return;
    const double inner = half_chord(r - 0.5);
    const int begin = std::clamp(static_cast<int>(std::floor(centre - outer - 0.5)), 0, columns);
    const int end = std::clamp(static_cast<int>(std::ceil(centre + outer + 0.5)), 0, columns);
    int column = begin;
    while (column < end) {
      const double dx = column + 0.5 - centre;
      int n = 1;
      std::uint8_t share = kFull;
      if (std::abs(dx) <= inner) {
        n = std::clamp(
            static_cast<int>(std::floor(centre + inner - 0.5)) - column + 1, 1, end - column);
      } else {
        share = ToByte(r + 0.5 - std::hypot(dx, dy));
      }
      std::memset(
          shares + std::ptrdiff_t{column} * halves, share, static_cast<std::size_t>(n) * halves);
      column += n;
    }
  });
}

void CutToMask(
    Planes* planes, int x, int y, const PlanesView& mask, int mask_x, int mask_y, bool inverted) {
  const IntRect area =
      Intersect({x, y, planes->width, planes->height}, {mask_x, mask_y, mask.width, mask.height});
  Multiply(planes, [&](int row, int halves, std::uint8_t* shares) {
    std::memset(shares, 0, static_cast<std::size_t>(planes->width));
    const int at = y + row * halves;
    if (!area.empty() && at >= area.y && at < area.bottom()) {
      std::uint8_t* to = shares + (area.x - x);
      const auto n = static_cast<std::size_t>(area.w);
      if (mask.opaque()) {
        std::memset(to, kFull, n);
      } else {
        const std::uint8_t* alpha = halves == 1 ? mask.y_alpha : mask.uv_alpha;
        const int stride = halves == 1 ? mask.y_stride : mask.uv_stride;
        std::memcpy(
            to, alpha + std::ptrdiff_t{(at - mask_y) / halves} * stride + (area.x - mask_x), n);
      }
    }
    if (!inverted) return;
    for (int i = 0; i < planes->width; ++i)
      shares[i] = static_cast<std::uint8_t>(kFull - shares[i]);
  });
}

}  // namespace rn
