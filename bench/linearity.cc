#include "bench/linearity.h"

#include <algorithm>
#include <cmath>

#include "base/status.h"

namespace rn {

Line FitLine(const std::vector<Point>& points) {
  // Least squares with weights of 1 / y²: a miss of 1 % weighs as much at either end.
  double w = 0, wx = 0, wy = 0, wxx = 0, wxy = 0;
  for (const auto& [x, y] : points) {
    CHECK(y > 0);
    const double weight = 1 / (y * y);
    w += weight;
    wx += weight * x;
    wy += weight * y;
    wxx += weight * x * x;
    wxy += weight * x * y;
  }
  const double spread = w * wxx - wx * wx;
  CHECK(spread > 0);
  const double slope = (w * wxy - wx * wy) / spread;
  return {.start = (wy - slope * wx) / w, .slope = slope};
}

double DepartureFromLine(const std::vector<Point>& points) {
  const Line line = FitLine(points);
  double worst = 0;
  for (const Point& point : points) {
    worst = std::max(worst, std::abs(point.y / line.At(point.x) - 1));
  }
  return 100 * worst;
}

}  // namespace rn
