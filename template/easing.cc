#include "template/easing.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/nearest.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr double kPi = 3.14159265358979323846;

// The families in the order of Easing::Family, after linear.
constexpr std::array<absl::string_view, 10> kFamilies = {"sinusoid",
                                                         "quadratic",
                                                         "cubic",
                                                         "quartic",
                                                         "quintic",
                                                         "exponential",
                                                         "circular",
                                                         "back",
                                                         "elastic",
                                                         "bounce"};
constexpr std::array<absl::string_view, 3> kDirections = {"in", "out", "in-out"};

// Robert Penner's curves, each as its "in" form; out and in-out are reflections of it.
double BounceOut(double t) {
  constexpr double kGravity = 7.5625;
  constexpr double kSpan = 2.75;
  const auto arc = [&](double centre, double floor) {
    return kGravity * (t - centre / kSpan) * (t - centre / kSpan) + floor;
  };
  if (t < 1 / kSpan) return arc(0, 0);
  if (t < 2 / kSpan) return arc(1.5, 0.75);
  if (t < 2.5 / kSpan) return arc(2.25, 0.9375);
  return arc(2.625, 0.984375);
}

double BackIn(double t) {
  constexpr double kOvershoot = 1.70158;
  return t * t * ((kOvershoot + 1) * t - kOvershoot);
}

double ElasticIn(double t) {
  constexpr double kPeriod = 0.3;
  return -std::exp2(10 * (t - 1)) * std::sin((t - 1 - kPeriod / 4) * 2 * kPi / kPeriod);
}

// CSS's curve through (0,0), (a,b), (c,d), (1,1): x(u) = t solved by bisection, then y(u).
double CubicBezier(const std::array<double, 4>& p, double t) {
  const auto axis = [](double a, double b, double u) {
    const double v = 1 - u;
    return 3 * v * v * u * a + 3 * v * u * u * b + u * u * u;
  };
  constexpr int kHalvings = 40;  // x rises monotonically, so each halves the error
  double low = 0;
  double high = 1;
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = (low + high) / 2;
    (axis(p[0], p[2], middle) < t ? low : high) = middle;
  }
  return axis(p[1], p[3], (low + high) / 2);
}

absl::StatusOr<std::array<double, 4>> ParseBezier(absl::string_view name) {
  absl::string_view body = name;
  const bool enclosed =
      absl::ConsumePrefix(&body, "cubic-bezier(") && absl::ConsumeSuffix(&body, ")");
  const std::vector<absl::string_view> parts = absl::StrSplit(body, ',');
  std::array<double, 4> points{};
  bool valid = enclosed && parts.size() == points.size();
  for (std::size_t i = 0; valid && i < points.size(); ++i) {
    constexpr double kOvershootMax = 10;
    valid = absl::SimpleAtod(parts[i], &points[i]) && std::abs(points[i]) <= kOvershootMax &&
            (i % 2 == 1 || (points[i] >= 0 && points[i] <= 1));
  }
  if (!valid) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", name, "\" is not cubic-bezier(x1, y1, x2, y2) with x within 0…1"));
  }
  return points;
}

}  // namespace

std::vector<std::string> Easing::Names() {
  std::vector<std::string> names = {"linear"};
  for (const absl::string_view family : kFamilies) {
    for (const absl::string_view direction : kDirections) {
      names.push_back(absl::StrCat(family, "-", direction));
    }
  }
  return names;
}

absl::StatusOr<Easing> Easing::Parse(absl::string_view name) {
  Easing easing;
  if (absl::StartsWith(name, "cubic-bezier(")) {
    ASSIGN_OR_RETURN(easing.bezier_, ParseBezier(name));
    easing.family_ = Family::kBezier;
    return easing;
  }
  const std::vector<std::string> names = Names();
  const auto found = std::find(names.begin(), names.end(), std::string(name));
  if (found == names.end()) {
    return absl::InvalidArgumentError(UnknownName("easing", name, names));
  }
  const auto index = static_cast<int>(found - names.begin()) - 1;
  if (index >= 0) {
    const int directions = static_cast<int>(kDirections.size());
    easing.family_ = static_cast<Family>(index / directions + 1);
    easing.direction_ = static_cast<Direction>(index % directions);
  }
  return easing;
}

double Easing::operator()(double t) const {
  if (!(t > 0)) return 0;
  if (t >= 1) return 1;
  const auto in = [this](double u) {
    switch (family_) {
      case Family::kSinusoid:
        return 1 - std::cos(u * kPi / 2);
      case Family::kQuadratic:
        return u * u;
      case Family::kCubic:
        return u * u * u;
      case Family::kQuartic:
        return u * u * u * u;
      case Family::kQuintic:
        return u * u * u * u * u;
      case Family::kExponential:
        return std::exp2(10 * (u - 1)) - (1 - u) * std::exp2(-10);  // exactly 0 at 0
      case Family::kCircular:
        return 1 - std::sqrt(1 - u * u);
      case Family::kBack:
        return BackIn(u);
      case Family::kElastic:
        return ElasticIn(u);
      case Family::kBounce:
        return 1 - BounceOut(1 - u);
      case Family::kLinear:
      case Family::kBezier:
        break;
    }
    return u;
  };
  if (family_ == Family::kBezier) return CubicBezier(bezier_, t);
  switch (direction_) {
    case Direction::kIn:
      return in(t);
    case Direction::kOut:
      return 1 - in(1 - t);
    case Direction::kInOut:
      break;
  }
  return t < 0.5 ? in(2 * t) / 2 : 1 - in(2 - 2 * t) / 2;
}

}  // namespace rn
