#include "bench/plot.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace rn {
namespace {

constexpr double kWidth = 760;
constexpr std::array<const char*, 8> kColors = {
    "#1f6feb", "#8250df", "#bf8700", "#cf222e", "#1a7f37", "#57606a", "#e16f24", "#0a7ea4"};

std::string Escaped(absl::string_view text) {
  return absl::StrReplaceAll(text,
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

enum class Align { kStart, kMiddle, kEnd };

// An image that grows downwards; white behind, so that it is seen on dark pages too.
class Canvas {
 public:
  void Text(
      double x, double y, absl::string_view text, Align align = Align::kStart, int size = 12) {
    static constexpr std::array<const char*, 3> kAnchors = {"start", "middle", "end"};
    absl::StrAppendFormat(
        &body_,
        "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%d\" text-anchor=\"%s\">%s</text>\n",
        x,
        y,
        size,
        kAnchors[static_cast<std::size_t>(align)],
        Escaped(text));
  }
  void Rect(double x, double y, double w, double h, absl::string_view color) {
    absl::StrAppendFormat(
        &body_,
        "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n",
        x,
        y,
        w,
        h,
        color);
  }
  void Line(double x1, double y1, double x2, double y2, absl::string_view color) {
    absl::StrAppendFormat(&body_,
                          "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n",
                          x1,
                          y1,
                          x2,
                          y2,
                          color);
  }
  void Dot(double x, double y, absl::string_view color) {
    absl::StrAppendFormat(
        &body_, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/>\n", x, y, color);
  }

  std::string Finish(double height) const {
    return absl::StrFormat(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
        "viewBox=\"0 0 %.0f %.0f\" font-family=\"Inter, Helvetica, Arial, sans-serif\" "
        "fill=\"#1f2328\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n%s</svg>\n",
        kWidth,
        height,
        kWidth,
        height,
        body_);
  }

 private:
  std::string body_;
};

// 1, 2 or 5 of a power of ten: about six steps up to `most`.
double Step(double most) {
  const double raw = most / 6;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= raw) return factor * power;
  }
  return 10 * power;
}

// From 0 on, up to `most`.
std::vector<double> Ticks(double most) {
  const double step = Step(most);
  std::vector<double> ticks;
  for (int i = 0; i * step <= most; ++i) ticks.push_back(i * step);
  return ticks;
}

constexpr char kGrid[] = "#d0d7de", kInk[] = "#57606a";

}  // namespace

std::string Svg(const BarChart& chart) {
  constexpr double kTop = 40, kBar = 16, kBarStep = 19, kGroupGap = 22;
  constexpr double kLeft = 190, kRight = 60;
  double most = chart.mark.value_or(0);
  for (const auto& series : chart.series) {
    for (const auto& value : series.values) most = std::max(most, value.value_or(0));
  }
  const double scale = (kWidth - kLeft - kRight) / most;
  Canvas canvas;
  canvas.Text(12, 22, chart.title, Align::kStart, 15);
  double y = kTop;
  for (std::size_t group = 0; group < chart.groups.size(); ++group) {
    y += kGroupGap;
    canvas.Text(12, y - 6, chart.groups[group], Align::kStart, 13);
    for (std::size_t i = 0; i < chart.series.size(); ++i) {
      const std::optional<double> value = chart.series[i].values[group];
      if (!value.has_value()) continue;
      canvas.Text(kLeft - 8, y + 12, chart.series[i].name, Align::kEnd);
      canvas.Rect(kLeft, y, *value * scale, kBar, kColors[i % kColors.size()]);
      canvas.Text(
          kLeft + *value * scale + 6, y + 12, absl::StrFormat("%.2f%s", *value, chart.unit));
      y += kBarStep;
    }
  }
  if (chart.mark.has_value()) {
    canvas.Line(kLeft + *chart.mark * scale, kTop, kLeft + *chart.mark * scale, y, kInk);
  }
  return canvas.Finish(y + 12);
}

std::string Svg(const LineChart& chart) {
  constexpr double kTop = 44, kBottom = 300, kLeft = 70, kRight = kWidth - 24;
  double x_most = 0, y_most = 0;
  for (const auto& [x, y] : chart.points) {
    x_most = std::max(x_most, x);
    y_most = std::max(y_most, y);
  }
  const Line line = FitLine(chart.points);
  y_most = std::max(y_most, line.At(x_most));
  const auto at_x = [&](double x) { return kLeft + x / x_most * (kRight - kLeft); };
  const auto at_y = [&](double y) { return kBottom - y / y_most * (kBottom - kTop); };
  Canvas canvas;
  canvas.Text(12, 22, chart.title, Align::kStart, 15);
  for (const double y : Ticks(y_most)) {
    canvas.Line(kLeft, at_y(y), kRight, at_y(y), kGrid);
    canvas.Text(kLeft - 8, at_y(y) + 4, absl::StrFormat("%g", y), Align::kEnd);
  }
  for (const double x : Ticks(x_most)) {
    canvas.Text(at_x(x), kBottom + 18, absl::StrFormat("%g", x), Align::kMiddle);
  }
  canvas.Text(12, kTop - 8, chart.y_label);
  canvas.Text(kRight, kBottom + 36, chart.x_label, Align::kEnd);
  const double begin = std::max(line.start, 0.0);
  canvas.Line(at_x(0), at_y(begin), at_x(x_most), at_y(line.At(x_most)), kInk);
  for (const auto& [x, y] : chart.points) canvas.Dot(at_x(x), at_y(y), kColors[0]);
  return canvas.Finish(kBottom + 50);
}

}  // namespace rn
