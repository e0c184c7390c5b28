// Charts as SVG, for documents: figures in, one file's text out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/linearity.h"

namespace rn {

// Horizontal bars, grouped: a group for each of `groups`, in it a bar for each series.
struct BarChart {
  std::string title, unit;
  std::vector<std::string> groups;
  struct Series {
    std::string name;
    std::vector<std::optional<double>> values;  // as many as groups; nothing: no bar
  };
  std::vector<Series> series;
  std::optional<double> mark;  // a line across all bars, as for a ratio of 1
};
std::string Svg(const BarChart& chart);

// Points, and the straight line that fits them best. Both axes begin at 0.
struct LineChart {
  std::string title, x_label, y_label;
  std::vector<Point> points;  // at least two
};
std::string Svg(const LineChart& chart);

}  // namespace rn
