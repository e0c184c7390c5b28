// Does cost grow in proportion?
#pragma once

#include <vector>

namespace rn {

struct Point {
  double x = 0, y = 0;  // both above 0
};

// The straight line that misses the points least, each miss as a share of the point's y.
struct Line {
  double start = 0, slope = 0;
  double At(double x) const { return start + slope * x; }
};
Line FitLine(const std::vector<Point>& points);  // at least two different x

// The largest miss of all, in percent of the line.
double DepartureFromLine(const std::vector<Point>& points);

}  // namespace rn
