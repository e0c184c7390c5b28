#include "pipeline/blend_modes.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "pipeline/blend_modes.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef RN_BLEND_MODE_ROWS
#define RN_BLEND_MODE_ROWS
namespace rn {

// One row as planes hold it, in floating point; chroma stands once for every pixel. Colours are
// multiplied by alpha, alpha is 0…1.
struct ModeRow {
  float *y, *u, *v, *alpha;
};

}  // namespace rn
#endif  // RN_BLEND_MODE_ROWS

HWY_BEFORE_NAMESPACE();
namespace rn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

HWY_INLINE V Constant(double x) {
  return hn::Set(D(), static_cast<float>(x));
}

struct Colors {
  V r, g, b;
};

// BT.709, limited range. Straight: 0…1 whatever the alpha.
HWY_INLINE Colors ToColors(const ModeRow& row, std::size_t i, V alpha) {
  const D d;
  const V zero = hn::Zero(d);
  const V one = Constant(1);
  const V luma =
      hn::Mul(hn::Sub(hn::LoadU(d, row.y + i), hn::Mul(alpha, Constant(16))), Constant(1.0 / 219));
  const V middle = hn::Mul(alpha, Constant(128));
  const V u = hn::Mul(hn::Sub(hn::LoadU(d, row.u + i), middle), Constant(1.8556 / 224));
  const V v = hn::Mul(hn::Sub(hn::LoadU(d, row.v + i), middle), Constant(1.5748 / 224));
  const V r = hn::Add(luma, v);
  const V b = hn::Add(luma, u);
  const V g = hn::Sub(
      luma, hn::Add(hn::Mul(v, Constant(0.2126 / 0.7152)), hn::Mul(u, Constant(0.0722 / 0.7152))));
  const auto none = hn::Le(alpha, zero);
  const V whole = hn::IfThenElse(none, one, alpha);
  const auto straight = [&](V channel) HWY_ATTR {
    const V value = hn::Min(hn::Max(hn::Div(channel, whole), zero), one);
    return hn::IfThenElse(none, zero, value);
  };
  return {straight(r), straight(g), straight(b)};
}

// Dodging and burning jump where black is dodged by full and full burnt by black. What 8-bit
// planes, with one chroma sample for four pixels, make of colours near there must not flicker from
// one end to the other: what may be a rounding of black or of full stays, and beyond it is a short
// way.
constexpr double kRounded = 1.5 / 255;
constexpr double kSteepest = 8.0 / 255;

template <BlendMode kMode>
HWY_INLINE V Formula(V below, V above) {
  const V one = Constant(1);
  const V two = Constant(2);
  const V product = hn::Mul(below, above);
  if constexpr (kMode == BlendMode::kMultiply) return product;
  if constexpr (kMode == BlendMode::kScreen) return hn::Sub(hn::Add(below, above), product);
  if constexpr (kMode == BlendMode::kDarken) return hn::Min(below, above);
  if constexpr (kMode == BlendMode::kLighten) return hn::Max(below, above);
  if constexpr (kMode == BlendMode::kDifference) return hn::Abs(hn::Sub(below, above));
  if constexpr (kMode == BlendMode::kExclusion) {
    return hn::Sub(hn::Add(below, above), hn::Mul(two, product));
  }
  if constexpr (kMode == BlendMode::kHardLight) {
    const V doubled = hn::Mul(two, above);
    const V light = hn::Sub(doubled, one);
    return hn::IfThenElse(hn::Le(above, Constant(0.5)),
                          hn::Mul(below, doubled),
                          hn::Sub(hn::Add(below, light), hn::Mul(below, light)));
  }
  if constexpr (kMode == BlendMode::kOverlay) {
    return Formula<BlendMode::kHardLight>(above, below);
  }
  if constexpr (kMode == BlendMode::kColorDodge) {
    const V rest = hn::Max(hn::Sub(one, above), Constant(kSteepest));
    const V dodged = hn::Min(one, hn::Div(below, rest));
    return hn::IfThenElse(hn::Le(below, Constant(kRounded)), below, dodged);
  }
  if constexpr (kMode == BlendMode::kColorBurn) {
    const V whole = hn::Max(above, Constant(kSteepest));
    const V burnt = hn::Sub(one, hn::Min(one, hn::Div(hn::Sub(one, below), whole)));
    return hn::IfThenElse(hn::Ge(below, Constant(1 - kRounded)), below, burnt);
  }
  if constexpr (kMode == BlendMode::kSoftLight) {
    const V doubled = hn::Sub(hn::Mul(two, above), one);
    const V dark = hn::Add(below, hn::Mul(doubled, hn::Mul(below, hn::Sub(one, below))));
    const V curve = hn::Mul(
        below,
        hn::Add(hn::Mul(below, hn::Sub(hn::Mul(below, Constant(16)), Constant(12))), Constant(4)));
    const V lit = hn::IfThenElse(hn::Le(below, Constant(0.25)), curve, hn::Sqrt(below));
    const V bright = hn::Add(below, hn::Mul(doubled, hn::Sub(lit, below)));
    return hn::IfThenElse(hn::Le(above, Constant(0.5)), dark, bright);
  }
  return above;  // kNormal
}

// `below` becomes the result; `n` is rounded up to whole vectors.
template <BlendMode kMode>
void ModeRowLoop(const ModeRow& above, float opacity, std::size_t n, const ModeRow& below) {
  const D d;
  const V one = Constant(1);
  for (std::size_t i = 0; i < n; i += hn::Lanes(d)) {
    const V own = hn::LoadU(d, above.alpha + i);
    const V ab = hn::LoadU(d, below.alpha + i);
    const V as = hn::Mul(own, hn::Set(d, opacity));
    const Colors source = ToColors(above, i, own);
    const Colors backdrop = ToColors(below, i, ab);
    const V both = hn::Mul(as, ab);
    const V only_above = hn::Sub(as, both);
    const V only_below = hn::Sub(ab, both);
    const auto mix = [&](V cb, V cs) HWY_ATTR {
      return hn::Add(hn::Add(hn::Mul(only_above, cs), hn::Mul(only_below, cb)),
                     hn::Mul(both, Formula<kMode>(cb, cs)));
    };
    const V r = mix(backdrop.r, source.r);
    const V g = mix(backdrop.g, source.g);
    const V b = mix(backdrop.b, source.b);
    const V alpha = hn::Sub(hn::Add(as, ab), both);
    const V luma = hn::Add(hn::Add(hn::Mul(r, Constant(0.2126)), hn::Mul(g, Constant(0.7152))),
                           hn::Mul(b, Constant(0.0722)));
    const V middle = hn::Mul(alpha, Constant(128));
    const auto store = [&](V value, float* to) HWY_ATTR { hn::StoreU(value, d, to + i); };
    store(hn::Add(hn::Mul(luma, Constant(219)), hn::Mul(alpha, Constant(16))), below.y);
    store(hn::Add(hn::Mul(hn::Sub(b, luma), Constant(224 / 1.8556)), middle), below.u);
    store(hn::Add(hn::Mul(hn::Sub(r, luma), Constant(224 / 1.5748)), middle), below.v);
    store(hn::Min(alpha, one), below.alpha);
  }
}

void ModeRowFor(
    BlendMode mode, const ModeRow& above, float opacity, std::size_t n, const ModeRow& below) {
  switch (mode) {
    case BlendMode::kNormal:
      return ModeRowLoop<BlendMode::kNormal>(above, opacity, n, below);
    case BlendMode::kMultiply:
      return ModeRowLoop<BlendMode::kMultiply>(above, opacity, n, below);
    case BlendMode::kScreen:
      return ModeRowLoop<BlendMode::kScreen>(above, opacity, n, below);
    case BlendMode::kOverlay:
      return ModeRowLoop<BlendMode::kOverlay>(above, opacity, n, below);
    case BlendMode::kDarken:
      return ModeRowLoop<BlendMode::kDarken>(above, opacity, n, below);
    case BlendMode::kLighten:
      return ModeRowLoop<BlendMode::kLighten>(above, opacity, n, below);
    case BlendMode::kColorDodge:
      return ModeRowLoop<BlendMode::kColorDodge>(above, opacity, n, below);
    case BlendMode::kColorBurn:
      return ModeRowLoop<BlendMode::kColorBurn>(above, opacity, n, below);
    case BlendMode::kHardLight:
      return ModeRowLoop<BlendMode::kHardLight>(above, opacity, n, below);
    case BlendMode::kSoftLight:
      return ModeRowLoop<BlendMode::kSoftLight>(above, opacity, n, below);
    case BlendMode::kDifference:
      return ModeRowLoop<BlendMode::kDifference>(above, opacity, n, below);
    case BlendMode::kExclusion:
      return ModeRowLoop<BlendMode::kExclusion>(above, opacity, n, below);
  }
}

}  // namespace rn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include <algorithm>
#include <vector>

namespace rn {

HWY_EXPORT(ModeRowFor);

namespace {

// The widest vector, for loops that go over whole ones.
constexpr std::size_t kVectorMax = 64;

// The memory of one ModeRow.
class RowBuffer {
 public:
  explicit RowBuffer(int n) : size_(static_cast<std::size_t>(n) + kVectorMax), values_(4 * size_) {}
  ModeRow row() {
    return {values_.data(),
            values_.data() + size_,
            values_.data() + 2 * size_,
            values_.data() + 3 * size_};
  }

 private:
  std::size_t size_;
  std::vector<float> values_;
};

// One pair of rows in memory: luma, its alpha, and the chroma row below both.
struct Bytes {
  const std::uint8_t *y, *uv, *y_alpha;  // y_alpha: nullptr where it is full
};

void Load(const Bytes& from, int n, const ModeRow& row) {
  for (int i = 0; i < n; ++i) {
    row.y[i] = from.y[i];
    row.u[i] = from.uv[i & ~1];
    row.v[i] = from.uv[i | 1];
    row.alpha[i] = from.y_alpha == nullptr ? 1.0F : static_cast<float>(from.y_alpha[i]) / 255.0F;
  }
}

// A chroma sample's colours are as much multiplied as its own alpha says; each pixel has its own.
void ScaleChroma(const std::uint8_t* uv_alpha, int n, const ModeRow& row) {
  for (int i = 0; i < n; ++i) {
    const float own = static_cast<float>(uv_alpha[i & ~1]) / 255.0F;
    const float scale = own > 0 ? row.alpha[i] / own : 0;
    row.u[i] *= scale;
    row.v[i] *= scale;
  }
}

std::uint8_t ToByte(float value) {
  return static_cast<std::uint8_t>(std::clamp(value + 0.5F, 0.0F, 255.0F));
}

bool AnythingIn(const std::uint8_t* const (&alpha)[2], int x) {
  return alpha[0] == nullptr ||
         (alpha[0][x] | alpha[0][x + 1] | alpha[1][x] | alpha[1][x + 1]) != 0;
}

}  // namespace

void BlendWithMode(BlendMode mode,
                   const Surface& surface,
                   const IntRect& rect,
                   const PlanesView& planes,
                   int x,
                   int y,
                   std::uint8_t opacity) {
  const IntRect area =
      Intersect(Intersect(rect, surface.bounds()), {x, y, planes.width, planes.height});
  if (area.empty() || opacity == 0) return;
  const int n = area.w;
  RowBuffer sources[2] = {RowBuffer(n), RowBuffer(n)};
  RowBuffer backdrops[2] = {RowBuffer(n), RowBuffer(n)};
  const IntRect to = surface.Local(area);
  const Nv12View& color = surface.color();
  const Nv12View& alpha = surface.alpha();
  for (int row = 0; row < area.h; row += 2) {
    const std::ptrdiff_t from_uv =
        std::ptrdiff_t{(area.y - y + row) / 2} * planes.uv_stride + area.x - x;
    std::uint8_t* const uv = color.uv + std::ptrdiff_t{(to.y + row) / 2} * color.uv_stride + to.x;
    std::uint8_t* const uv_alpha =
        surface.has_alpha() ? alpha.uv + std::ptrdiff_t{(to.y + row) / 2} * alpha.uv_stride + to.x
                            : nullptr;
    std::uint8_t* luma[2];
    std::uint8_t* luma_alpha[2];
    const std::uint8_t* seen[2];
    for (const int k : {0, 1}) {
      const std::ptrdiff_t from =
          std::ptrdiff_t{area.y - y + row + k} * planes.y_stride + area.x - x;
      seen[k] = planes.opaque() ? nullptr : planes.y_alpha + from;
      const ModeRow source = sources[k].row();
      Load({planes.y + from, planes.uv + from_uv, seen[k]}, n, source);
      if (!planes.opaque()) ScaleChroma(planes.uv_alpha + from_uv, n, source);
      luma[k] = color.y + std::ptrdiff_t{to.y + row + k} * color.y_stride + to.x;
      luma_alpha[k] = surface.has_alpha()
                          ? alpha.y + std::ptrdiff_t{to.y + row + k} * alpha.y_stride + to.x
                          : nullptr;
      const ModeRow backdrop = backdrops[k].row();
      Load({luma[k], uv, luma_alpha[k]}, n, backdrop);
      if (surface.has_alpha()) ScaleChroma(uv_alpha, n, backdrop);
      HWY_DYNAMIC_DISPATCH(ModeRowFor)
      (mode, source, static_cast<float>(opacity) / 255.0F, static_cast<std::size_t>(n), backdrop);
    }
    const ModeRow made[2] = {backdrops[0].row(), backdrops[1].row()};
    for (int i = 0; i < n; i += 2) {
      if (!AnythingIn(seen, i)) continue;
      for (const int k : {0, 1}) {
        for (const int column : {i, i + 1}) {
          luma[k][column] = ToByte(made[k].y[column]);
          if (luma_alpha[k] != nullptr) {
            luma_alpha[k][column] = ToByte(255.0F * made[k].alpha[column]);
          }
        }
      }
      const auto mean = [&](float* const first, float* const second) {
        return (first[i] + first[i + 1] + second[i] + second[i + 1]) / 4;
      };
      uv[i] = ToByte(mean(made[0].u, made[1].u));
      uv[i + 1] = ToByte(mean(made[0].v, made[1].v));
      if (uv_alpha != nullptr) {
        uv_alpha[i] = uv_alpha[i + 1] = ToByte(255.0F * mean(made[0].alpha, made[1].alpha));
      }
    }
  }
}

}  // namespace rn
#endif  // HWY_ONCE
