#include "pipeline/gradient.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

namespace rn {
namespace {

// A colour as planes hold it, multiplied by its alpha (0…255), before it is rounded.
struct Level {
  float y = 0, u = 0, v = 0, alpha = 0;
};

Level Mix(const Level& a, const Level& b, float t) {
  return {a.y + (b.y - a.y) * t,
          a.u + (b.u - a.u) * t,
          a.v + (b.v - a.v) * t,
          a.alpha + (b.alpha - a.alpha) * t};
}

Level LevelOf(const Rgba& color) {
  const double r = color.r / 255.0;
  const double g = color.g / 255.0;
  const double b = color.b / 255.0;
  const double luma = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  const double alpha = color.a / 255.0;
  return {static_cast<float>(alpha * (16 + 219 * luma)),
          static_cast<float>(alpha * (128 + 224 * (b - luma) / 1.8556)),
          static_cast<float>(alpha * (128 + 224 * (r - luma) / 1.5748)),
          static_cast<float>(color.a)};
}

// The colours along the gradient, so finely that the way between two entries is straight.
class Ramp {
 public:
  explicit Ramp(const Fill& fill) {
    std::vector<GradientStop> stops = fill.stops;
    if (stops.empty()) stops.push_back({0, {0, 0, 0, 0}});
    for (std::size_t i = 1; i < stops.size(); ++i) {
      stops[i].offset = std::max(stops[i].offset, stops[i - 1].offset);
    }
    for (int i = 0; i <= kSteps; ++i) {
      levels_[static_cast<std::size_t>(i)] = At(stops, static_cast<double>(i) / kSteps);
    }
    opaque_ = std::all_of(
        stops.begin(), stops.end(), [](const GradientStop& stop) { return stop.color.a == 255; });
  }

  bool opaque() const { return opaque_; }
  Level operator()(double t) const {
    const double at = std::clamp(t, 0.0, 1.0) * kSteps;
    const int step = std::min(static_cast<int>(at), kSteps - 1);
    return Mix(levels_[static_cast<std::size_t>(step)],
               levels_[static_cast<std::size_t>(step) + 1],
               static_cast<float>(at - step));
  }

 private:
  static constexpr int kSteps = 4096;

  static Level At(const std::vector<GradientStop>& stops, double t) {
    const auto after =
        std::upper_bound(stops.begin(), stops.end(), t, [](double at, const auto& stop) {
          return at < stop.offset;
        });
    if (after == stops.begin()) return LevelOf(stops.front().color);
    const auto before = std::prev(after);
    if (after == stops.end()) return LevelOf(before->color);
    const double way = (t - before->offset) / (after->offset - before->offset);
    return Mix(LevelOf(before->color), LevelOf(after->color), static_cast<float>(way));
  }

  std::array<Level, kSteps + 1> levels_;
  bool opaque_ = false;
};

// Bayer's matrix: a threshold in (0, 1) for each place of 8 × 8, each level as often as it should.
float Threshold(int x, int y) {
  const auto column = static_cast<unsigned>(x) & 7;
  const auto row = static_cast<unsigned>(y) & 7;
  const unsigned mixed = column ^ row;
  unsigned order = 0;
  for (unsigned bit = 0; bit < 3; ++bit) {
    order = order << 2 | (mixed >> bit & 1) << 1 | (row >> bit & 1);
  }
  return (static_cast<float>(order) + 0.5F) / 64;
}

std::uint8_t Dithered(float level, float threshold) {
  return static_cast<std::uint8_t>(std::clamp(level + threshold, 0.0F, 255.0F));
}

// How far along the gradient a point is.
class Way {
 public:
  Way(const Fill& fill, const Box& box)
      : radial_(fill.kind == Fill::Kind::kRadial),
        centre_x_(box.x + box.w / 2),
        centre_y_(box.y + box.h / 2) {
    if (radial_) {
      per_x_ = std::numbers::sqrt2 / std::max(box.w, 1e-6);
      per_y_ = std::numbers::sqrt2 / std::max(box.h, 1e-6);
      return;
    }
    // CSS: the line through the centre, as long as the box is wide in that direction.
    const double angle = fill.angle_deg * std::numbers::pi / 180;
    const double length = std::abs(box.w * std::sin(angle)) + std::abs(box.h * std::cos(angle));
    per_x_ = std::sin(angle) / std::max(length, 1e-6);
    per_y_ = -std::cos(angle) / std::max(length, 1e-6);
  }

  double At(double x, double y) const {
    const double across = (x - centre_x_) * per_x_;
    const double down = (y - centre_y_) * per_y_;
    return radial_ ? std::hypot(across, down) : 0.5 + across + down;
  }

 private:
  const bool radial_;
  const double centre_x_, centre_y_;
  double per_x_ = 0, per_y_ = 0;
};

}  // namespace

Planes PaintGradient(const Fill& fill, const Box& box, const IntRect& area) {
  const Ramp ramp(fill);
  const Way way(fill, box);
  Planes planes;
  planes.Reset(area.w, area.h, ramp.opaque());
  for (int row = 0; row < area.h; ++row) {
    const std::size_t at = static_cast<std::size_t>(row) * planes.stride;
    for (int column = 0; column < area.w; ++column) {
      const int x = area.x + column;
      const int y = area.y + row;
      const Level level = ramp(way.At(x + 0.5, y + 0.5));
      const float threshold = Threshold(x, y);
      planes.y[at + column] = Dithered(level.y, threshold);
      if (!planes.opaque) planes.y_alpha[at + column] = Dithered(level.alpha, threshold);
    }
  }
  for (int row = 0; row < area.h / 2; ++row) {
    const std::size_t at = static_cast<std::size_t>(row) * planes.stride;
    for (int column = 0; column < area.w; column += 2) {
      const int x = area.x + column;
      const int y = area.y + 2 * row;
      const Level level = ramp(way.At(x + 1, y + 1));
      const float threshold = Threshold(x / 2, y / 2);
      planes.uv[at + column] = Dithered(level.u, threshold);
      planes.uv[at + column + 1] = Dithered(level.v, threshold);
      if (planes.opaque) continue;
      planes.uv_alpha[at + column] = planes.uv_alpha[at + column + 1] =
          Dithered(level.alpha, threshold);
    }
  }
  return planes;
}

}  // namespace rn
