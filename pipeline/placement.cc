#include "pipeline/placement.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <vector>

#include "pipeline/sample_kernels.h"

namespace rn {
namespace {

// Finer than it is sampled: differences that only rounding in a double makes are none.
constexpr double kSame = 1.0 / 1024;

bool IsEven(double x) {
  return std::abs(x - 2 * std::round(x / 2)) < kSame;
}

int Bounded(double x) {
  constexpr double kMax = kPlacedSideMax;
  return static_cast<int>(std::clamp(x, -kMax, kMax));
}

IntRect EvenAround(double left, double top, double right, double bottom) {
  const int x = 2 * Bounded(std::floor((left + kSame) / 2));
  const int y = 2 * Bounded(std::floor((top + kSame) / 2));
  return {x,
          y,
          2 * Bounded(std::ceil((right - kSame) / 2)) - x,
          2 * Bounded(std::ceil((bottom - kSame) / 2)) - y};
}

struct Turn {
  explicit Turn(double degrees)
      : cos(std::cos(degrees * std::numbers::pi / 180)),
        sin(std::sin(degrees * std::numbers::pi / 180)) {}
  double cos, sin;
};

// From … to, where an edge pair of a picture that is not turned ends up.
struct Interval {
  double begin, end;
};
Interval Along(double begin, double end, double anchor, double scale, double move) {
  const double a = anchor + (begin - anchor) * scale + move;
  const double b = anchor + (end - anchor) * scale + move;
  return {std::min(a, b), std::max(a, b)};
}

// Results of one axis and the source samples that they are made of.
struct Taps {
  int begin = 0;
  std::uint16_t weights[kTapsMax] = {};
};

// Of the result only frame positions are spoken of here, never where an area begins: a picture
// painted piece by piece is the same picture.
struct Axis {
  double anchor = 0, move = 0, step = 1;  // step: source pixels from one of the frame's to the next
  double rest = 0;
  int halves = 1;     // frame pixels of a result; 2: chroma
  double shrunk = 1;  // source pixels of a sample, by halves
  int size = 0;       // source samples
  Interval covered{};

  // 0 is the first sample's centre. Result `i` begins at frame pixel i · halves.
  double SourceAt(int i) const {
    const double pixel = anchor + ((i + 0.5) * halves - anchor - move) * step - rest;
    return pixel / (halves * shrunk) - 0.5;
  }
  double CoverOf(int i) const {
    const double begin = std::max<double>(i * halves, covered.begin);
    const double end = std::min<double>((i + 1) * halves, covered.end);
    return std::clamp((end - begin) / halves, 0.0, 1.0);
  }
};

int Unit(double share) {
  return static_cast<int>(std::lround(share * kTapUnit));
}

Taps TapsAt(const Axis& axis, int i) {
  Taps taps;
  const int unit = Unit(axis.CoverOf(i));
  if (unit == 0) return taps;
  // Positions as fine as the weights, so that a step back and forth is the same picture again.
  const double at = std::round(axis.SourceAt(i) * kTapUnit) / kTapUnit;
  const double radius = std::max(1.0, std::abs(axis.step) / axis.shrunk);
  const int first = static_cast<int>(std::floor(at - radius)) + 1;
  const int last = static_cast<int>(std::ceil(at + radius)) - 1;
  taps.begin = std::clamp(first, 0, std::max(0, axis.size - kTapsMax));
  double sum = 0;
  double shares[kTapsMax] = {};
  for (int s = first; s <= last; ++s) {
    const double share = 1 - std::abs(s - at) / radius;
    const int t = std::clamp(s, 0, axis.size - 1) - taps.begin;
    shares[std::clamp(t, 0, kTapsMax - 1)] += share;
    sum += share;
  }
  int rest = unit;
  int largest = 0;
  for (int t = 0; t < kTapsMax; ++t) {
    taps.weights[t] = static_cast<std::uint16_t>(Unit(shares[t] / sum * unit / kTapUnit));
    rest -= taps.weights[t];
    if (taps.weights[t] > taps.weights[largest]) largest = t;
  }
  taps.weights[largest] = static_cast<std::uint16_t>(taps.weights[largest] + rest);
  return taps;
}

std::vector<Taps> AllTaps(const Axis& axis, int begin, int end) {
  std::vector<Taps> taps;
  taps.reserve(static_cast<std::size_t>((end - begin) / axis.halves));
  for (int i = begin / axis.halves; i < end / axis.halves; ++i) taps.push_back(TapsAt(axis, i));
  return taps;
}

bool AllCovered(const std::vector<Taps>& taps) {
  return std::all_of(taps.begin(), taps.end(), [](const Taps& t) {
    return t.weights[0] + t.weights[1] + t.weights[2] + t.weights[3] == kTapUnit;
  });
}

// One plane's worth of results from one plane's worth of source, columns after rows.
class PlaneTaps {
 public:
  PlaneTaps(const std::vector<Taps>& columns, std::vector<Taps> rows, int pixel, int height)
      : rows_(std::move(rows)), pixel_(pixel), height_(height) {
    columns_.step = pixel;
    const std::size_t n = columns.size() * static_cast<std::size_t>(pixel);
    columns_.begins.reserve(n);
    for (auto& weights : columns_.weights) weights.reserve(n);
    begin_ = columns.empty() ? 0 : columns.front().begin;
    end_ = begin_ + kTapsMax;
    for (const Taps& taps : columns) {
      begin_ = std::min(begin_, taps.begin);
      end_ = std::max(end_, taps.begin + kTapsMax);
    }
    for (const Taps& taps : columns) {
      for (int component = 0; component < pixel; ++component) {
        columns_.begins.push_back((taps.begin - begin_) * pixel + component);
        for (int t = 0; t < kTapsMax; ++t) columns_.weights[t].push_back(taps.weights[t]);
      }
    }
    FindRun(columns);
    row_.resize(static_cast<std::size_t>(end_ - begin_) * pixel + Planes::kPadding);
  }

  // Row `y` of the result.
  void Row(const std::uint8_t* plane, int stride, int y, std::uint8_t* to) {
    const Taps& taps = rows_[static_cast<std::size_t>(y)];
    const std::size_t n = columns_.begins.size();
    if (taps.weights[0] + taps.weights[1] + taps.weights[2] + taps.weights[3] == 0) {
      std::memset(to, 0, n);
      return;
    }
    const std::uint8_t* rows[kTapsMax];
    for (int t = 0; t < kTapsMax; ++t) {
      rows[t] = plane + std::ptrdiff_t{std::min(taps.begin + t, height_ - 1)} * stride +
                std::ptrdiff_t{begin_} * pixel_;
    }
    const std::uint8_t* row = row_.data();
    if (const auto* whole = std::find(taps.weights, taps.weights + kTapsMax, kTapUnit);
        whole != taps.weights + kTapsMax) {
      row = rows[whole - taps.weights];
    } else {
      TapRows(rows, taps.weights, static_cast<std::size_t>(end_ - begin_) * pixel_, row_.data());
    }
    TapColumns(row, columns_, 0, run_begin_, to);
    if (run_end_ > run_begin_) {
      const std::uint8_t* shifted[kTapsMax];
      for (int t = 0; t < kTapsMax; ++t) {
        shifted[t] = row + columns_.begins[run_begin_] + std::ptrdiff_t{t} * pixel_;
      }
      TapRows(shifted, run_weights_, run_end_ - run_begin_, to + run_begin_);
    }
    TapColumns(row, columns_, run_end_, n - run_end_, to + run_end_);
  }

 private:
  // Columns that are all made alike, of source columns side by side: a picture that only moves.
  void FindRun(const std::vector<Taps>& columns) {
    constexpr std::size_t kRunMin = 16;
    std::size_t begin = 0;
    for (std::size_t i = 1; i <= columns.size(); ++i) {
      const bool alike =
          i < columns.size() && columns[i].begin == columns[i - 1].begin + 1 &&
          std::equal(columns[i].weights, columns[i].weights + kTapsMax, columns[i - 1].weights);
      if (alike) continue;
      if (i - begin >= kRunMin && (i - begin) * pixel_ > run_end_ - run_begin_) {
        run_begin_ = begin * pixel_;
        run_end_ = i * pixel_;
        std::copy_n(columns[begin].weights, kTapsMax, run_weights_);
      }
      begin = i;
    }
  }

  const std::vector<Taps> rows_;
  const int pixel_, height_;
  ColumnTaps columns_;
  int begin_ = 0, end_ = 0;  // source columns that are needed
  std::size_t run_begin_ = 0, run_end_ = 0;
  std::uint16_t run_weights_[kTapsMax] = {};
  std::vector<std::uint8_t> row_;
};

// How often to halve before the taps reach over all of what becomes one sample.
int Halvings(double step) {
  constexpr double kStepMax = kTapsMax / 2.0;
  constexpr int kMost = 16;
  int n = 0;
  for (; step > kStepMax && n < kMost; step /= 2) ++n;
  return n;
}

// A scale of nothing is nothing to see; dividing by it should still be harmless.
double Inverse(double scale) {
  constexpr double kSmallest = 1e-5;
  return 1 / (std::abs(scale) < kSmallest ? std::copysign(kSmallest, scale) : scale);
}

void ScalePlanes(Pyramid* pyramid,
                 const IntRect& rest,
                 const Placement& p,
                 const IntRect& area,
                 bool with_alpha,
                 Planes* out) {
  const int across = Halvings(std::abs(Inverse(p.scale_x)));
  const int down = Halvings(std::abs(Inverse(p.scale_y)));
  const PlanesView source = pyramid->At(across, down);
  const auto taps = [&](int halves) {
    const auto axis = [&](double anchor,
                          double move,
                          double scale,
                          double begin,
                          double end,
                          int halvings,
                          int size) {
      return Axis{anchor,
                  move,
                  Inverse(scale),
                  begin,
                  halves,
                  std::ldexp(1.0, halvings),
                  size / halves,
                  Along(begin, end, anchor, scale, move)};
    };
    const Axis x = axis(p.anchor_x, p.dx, p.scale_x, rest.x, rest.right(), across, source.width);
    const Axis y = axis(p.anchor_y, p.dy, p.scale_y, rest.y, rest.bottom(), down, source.height);
    return std::pair(AllTaps(x, area.x, area.right()), AllTaps(y, area.y, area.bottom()));
  };
  auto [columns, rows] = taps(1);
  auto [chroma_columns, chroma_rows] = taps(2);
  const bool opaque = !with_alpha && source.opaque() && AllCovered(columns) && AllCovered(rows);
  out->Reset(area.w, area.h, opaque);
  const std::vector<std::uint8_t> full(
      source.opaque() ? static_cast<std::size_t>(source.width) + 2 * std::size_t{Planes::kPadding}
                      : 0,
      255);
  const auto plane = [&](PlaneTaps taps,
                         const std::uint8_t* from,
                         const std::uint8_t* alpha,
                         int stride,
                         int height,
                         std::uint8_t* to,
                         std::uint8_t* to_alpha) {
    for (int y = 0; y < height; ++y) {
      const std::ptrdiff_t at = std::ptrdiff_t{y} * out->stride;
      taps.Row(from, stride, y, to + at);
      if (opaque) continue;
      taps.Row(
          alpha != nullptr ? alpha : full.data(), alpha != nullptr ? stride : 0, y, to_alpha + at);
    }
  };
  plane(PlaneTaps(columns, std::move(rows), 1, source.height),
        source.y,
        source.y_alpha,
        source.y_stride,
        area.h,
        out->y.data(),
        out->y_alpha.data());
  plane(PlaneTaps(chroma_columns, std::move(chroma_rows), 2, source.height / 2),
        source.uv,
        source.uv_alpha,
        source.uv_stride,
        area.h / 2,
        out->uv.data(),
        out->uv_alpha.data());
}

constexpr double kFarOutside = 1 << 30;
// Rounding of a step never adds up to anything over so few.
constexpr int kWalk = 128;
constexpr double kStepMax = kFarOutside / kWalk;  // A walk of them from far outside fits 32 bits.

std::int32_t Fixed(double x, int bits, double max = kFarOutside) {
  return static_cast<std::int32_t>(std::clamp(std::round(std::ldexp(x, bits)), -max, max));
}

// The next multiple of `step` below.
int FloorTo(int x, int step) {
  return x >= 0 ? x / step * step : -((-x + step - 1) / step * step);
}

// No axis is shrunk by more than a rounded size makes it.
void TurnPlanes(const PlanesView& source,
                const IntRect& rest,
                const Placement& p,
                const IntRect& area,
                Planes* out) {
  constexpr double kGrowMax = 64;
  out->Reset(area.w, area.h, false);
  const Turn turn(p.rotation_deg);
  const auto plane = [&](int halves, const std::uint8_t* from, int stride, std::uint8_t* to) {
    Walk walk{.plane = from,
              .width = source.width / halves,
              .height = source.height / halves,
              .stride = stride,
              .step = halves};
    walk.du = Fixed(turn.cos * Inverse(p.scale_x), 16, kStepMax);
    walk.dv = Fixed(-turn.sin * Inverse(p.scale_y), 16, kStepMax);
    walk.grow_x = Fixed(std::min(std::abs(p.scale_x), kGrowMax), 8);
    walk.grow_y = Fixed(std::min(std::abs(p.scale_y), kGrowMax), 8);
    const int begin = area.x / halves;
    const int end = area.right() / halves;
    for (int y = 0; y < area.h / halves; ++y) {
      for (int x = begin; x < end;) {
        const int start = FloorTo(x, kWalk);
        const double from_x = (start + 0.5) * halves - p.anchor_x - p.dx;
        const double from_y = area.y + (y + 0.5) * halves - p.anchor_y - p.dy;
        const double back_x = (turn.cos * from_x + turn.sin * from_y) * Inverse(p.scale_x);
        const double back_y = (-turn.sin * from_x + turn.cos * from_y) * Inverse(p.scale_y);
        walk.u = Fixed((p.anchor_x + back_x - rest.x) / halves - 0.5, 16) + (x - start) * walk.du;
        walk.v = Fixed((p.anchor_y + back_y - rest.y) / halves - 0.5, 16) + (x - start) * walk.dv;
        const int n = std::min(start + kWalk, end) - x;
        WalkRow(walk,
                static_cast<std::size_t>(n),
                to + std::ptrdiff_t{y} * out->stride + std::ptrdiff_t{x - begin} * halves);
        x += n;
      }
    }
  };
  plane(1, source.y, source.y_stride, out->y.data());
  plane(1, source.y_alpha, source.y_stride, out->y_alpha.data());
  plane(2, source.uv, source.uv_stride, out->uv.data());
  plane(2, source.uv_alpha, source.uv_stride, out->uv_alpha.data());
}

bool IsTurned(const Placement& p) {
  return std::abs(std::remainder(p.rotation_deg, 360.0)) > 1e-6;
}

// `step`: bytes between a sample and its neighbour.
void HalveAcross(const std::uint8_t* from, int samples, int step, int n, std::uint8_t* to) {
  for (int x = 0; x < n; ++x) {
    const int a = std::min(2 * x, samples - 1) * step;
    const int b = std::min(2 * x + 1, samples - 1) * step;
    for (int c = 0; c < step; ++c) {
      to[x * step + c] = static_cast<std::uint8_t>((from[a + c] + from[b + c] + 1) / 2);
    }
  }
}

void HalveDown(const std::uint8_t* top, const std::uint8_t* bottom, int bytes, std::uint8_t* to) {
  for (int x = 0; x < bytes; ++x) to[x] = static_cast<std::uint8_t>((top[x] + bottom[x] + 1) / 2);
}

Planes Halved(const PlanesView& source, bool across) {
  const auto half = [](int size) { return std::max(2, (size / 2 + 1) / 2 * 2); };
  Planes halved;
  halved.Reset(across ? half(source.width) : source.width,
               across ? source.height : half(source.height),
               source.opaque());
  const auto plane = [&](const std::uint8_t* from, int stride, int halves, std::uint8_t* to) {
    const int samples = source.width / halves;
    const int rows = source.height / halves;
    for (int y = 0; y < halved.height / halves; ++y, to += halved.stride) {
      if (across) {
        HalveAcross(from + std::ptrdiff_t{y} * stride, samples, halves, halved.width / halves, to);
      } else {
        HalveDown(from + std::ptrdiff_t{std::min(2 * y, rows - 1)} * stride,
                  from + std::ptrdiff_t{std::min(2 * y + 1, rows - 1)} * stride,
                  source.width,
                  to);
      }
    }
  };
  plane(source.y, source.y_stride, 1, halved.y.data());
  plane(source.uv, source.uv_stride, 2, halved.uv.data());
  if (!source.opaque()) {
    plane(source.y_alpha, source.y_stride, 1, halved.y_alpha.data());
    plane(source.uv_alpha, source.uv_stride, 2, halved.uv_alpha.data());
  }
  return halved;
}

}  // namespace

bool Placement::IsEvenMove() const {
  return !Transforms() && IsEven(dx) && IsEven(dy);
}

IntRect PlacedBounds(const IntRect& rest, const Placement& p) {
  if (!IsTurned(p)) {
    const Interval x = Along(rest.x, rest.right(), p.anchor_x, p.scale_x, p.dx);
    const Interval y = Along(rest.y, rest.bottom(), p.anchor_y, p.scale_y, p.dy);
    return EvenAround(x.begin, y.begin, x.end, y.end);
  }
  const Turn turn(p.rotation_deg);
  double left = kPlacedSideMax;
  double top = kPlacedSideMax;
  double right = -kPlacedSideMax;
  double bottom = -kPlacedSideMax;
  for (const double corner_x : {rest.x, rest.right()}) {
    for (const double corner_y : {rest.y, rest.bottom()}) {
      const double x = (corner_x - p.anchor_x) * p.scale_x;
      const double y = (corner_y - p.anchor_y) * p.scale_y;
      const double to_x = p.anchor_x + turn.cos * x - turn.sin * y + p.dx;
      const double to_y = p.anchor_y + turn.sin * x + turn.cos * y + p.dy;
      left = std::min(left, to_x);
      right = std::max(right, to_x);
      top = std::min(top, to_y);
      bottom = std::max(bottom, to_y);
    }
  }
  // Edges fade over a sample: of chroma that is two pixels.
  constexpr double kRim = 2;
  return EvenAround(left - kRim, top - kRim, right + kRim, bottom + kRim);
}

IntRect PlacedInside(const IntRect& rest, const Placement& p) {
  if (IsTurned(p)) return {};
  const Interval x = Along(rest.x, rest.right(), p.anchor_x, p.scale_x, p.dx);
  const Interval y = Along(rest.y, rest.bottom(), p.anchor_y, p.scale_y, p.dy);
  const int left = 2 * Bounded(std::ceil((x.begin - kSame) / 2));
  const int top = 2 * Bounded(std::ceil((y.begin - kSame) / 2));
  return {left,
          top,
          std::max(0, 2 * Bounded(std::floor((x.end + kSame) / 2)) - left),
          std::max(0, 2 * Bounded(std::floor((y.end + kSame) / 2)) - top)};
}

PlanesView Pyramid::At(int across, int down) {
  if (across == 0 && down == 0) return base_;
  if (const auto found = levels_.find({across, down}); found != levels_.end()) {
    return found->second;
  }
  Planes made =
      across > down ? Halved(At(across - 1, down), true) : Halved(At(across, down - 1), false);
  bytes_ += made.bytes();
  return levels_.emplace(std::pair(across, down), std::move(made)).first->second;
}

void PlacePlanes(Pyramid* pyramid,
                 const IntRect& rest,
                 const Placement& placement,
                 const IntRect& area,
                 bool with_alpha,
                 Planes* out) {
  if (!IsTurned(placement)) {
    ScalePlanes(pyramid, rest, placement, area, with_alpha, out);
    return;
  }
  if (std::abs(placement.scale_x) >= 1 && std::abs(placement.scale_y) >= 1) {
    TurnPlanes(pyramid->At(0, 0), rest, placement, area, out);
    return;
  }
  // Shrunk first, to whole samples, so that its edges are anti-aliased once; then turned.
  const auto shrunk = [](int size, double scale) {
    return std::abs(scale) >= 1
               ? size
               : std::max(2, 2 * static_cast<int>(std::ceil(size * std::abs(scale) / 2)));
  };
  const IntRect small{
      rest.x, rest.y, shrunk(rest.w, placement.scale_x), shrunk(rest.h, placement.scale_y)};
  const double by_x = static_cast<double>(small.w) / rest.w;
  const double by_y = static_cast<double>(small.h) / rest.h;
  Planes planes;
  ScalePlanes(pyramid,
              rest,
              {.anchor_x = static_cast<double>(rest.x),
               .anchor_y = static_cast<double>(rest.y),
               .scale_x = by_x,
               .scale_y = by_y},
              small,
              false,
              &planes);
  Placement turned = placement;
  turned.anchor_x = rest.x + (placement.anchor_x - rest.x) * by_x;
  turned.anchor_y = rest.y + (placement.anchor_y - rest.y) * by_y;
  turned.scale_x /= by_x;
  turned.scale_y /= by_y;
  turned.dx += placement.anchor_x - turned.anchor_x;
  turned.dy += placement.anchor_y - turned.anchor_y;
  TurnPlanes(planes, small, turned, area, out);
}

}  // namespace rn
