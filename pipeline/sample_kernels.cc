#include "pipeline/sample_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "pipeline/sample_kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

HWY_BEFORE_NAMESPACE();
namespace rn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#undef RN_SIMD
#define RN_SIMD (HWY_TARGET != HWY_SCALAR)
// Where the machine itself gathers; elsewhere bytes one by one are as fast.
#undef RN_GATHERS
#define RN_GATHERS (HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL)

void TapRowsLoop(const std::uint8_t* const* rows,
                 const std::uint16_t* weights,
                 std::size_t n,
                 std::uint8_t* HWY_RESTRICT to) {
  std::size_t i = 0;
#if RN_SIMD
  const hn::ScalableTag<std::uint8_t> d;
  const hn::Half<decltype(d)> dh;
  const hn::Repartition<std::uint16_t, decltype(d)> dw;
  const hn::Repartition<std::int16_t, decltype(d)> ds;
  const auto half = hn::Set(dw, kTapUnit / 2);
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    auto lo = half;
    auto hi = half;
    for (int t = 0; t < kTapsMax; ++t) {
      if (weights[t] == 0) continue;
      const auto weight = hn::Set(dw, weights[t]);
      const auto bytes = hn::LoadU(d, rows[t] + i);
      lo = hn::Add(lo, hn::Mul(hn::PromoteTo(dw, hn::LowerHalf(dh, bytes)), weight));
      hi = hn::Add(hi, hn::Mul(hn::PromoteTo(dw, hn::UpperHalf(dh, bytes)), weight));
    }
    const auto low = hn::DemoteTo(dh, hn::BitCast(ds, hn::ShiftRight<8>(lo)));
    const auto high = hn::DemoteTo(dh, hn::BitCast(ds, hn::ShiftRight<8>(hi)));
    hn::StoreU(hn::Combine(d, high, low), d, to + i);
  }
#endif
  for (; i < n; ++i) {
    int sum = kTapUnit / 2;
    for (int t = 0; t < kTapsMax; ++t) {
      if (weights[t] != 0) sum += rows[t][i] * weights[t];
    }
    to[i] = static_cast<std::uint8_t>(sum >> 8);
  }
}

void TapColumnsLoop(const std::uint8_t* HWY_RESTRICT row,
                    const std::int32_t* begins,
                    const std::int32_t* const* weights,
                    int step,
                    std::size_t n,
                    std::uint8_t* HWY_RESTRICT to) {
  std::size_t i = 0;
#if RN_GATHERS
  const hn::ScalableTag<std::int32_t> d;
  const hn::Rebind<std::uint8_t, decltype(d)> db;
  const auto byte = hn::Set(d, 255);
  const auto* base = reinterpret_cast<const std::int32_t*>(row);
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    const auto begin = hn::LoadU(d, begins + i);
    auto sum = hn::Set(d, kTapUnit / 2);
    const auto add = [&](auto taps, int t) HWY_ATTR {
      sum = hn::Add(sum, hn::Mul(hn::And(taps, byte), hn::LoadU(d, weights[t] + i)));
    };
    const auto four = hn::GatherOffset(d, base, begin);
    add(four, 0);
    if (step == 1) {
      add(hn::ShiftRight<8>(four), 1);
      add(hn::ShiftRight<16>(four), 2);
      add(hn::ShiftRight<24>(four), 3);
    } else {
      add(hn::ShiftRight<16>(four), 1);
      const auto next = hn::GatherOffset(d, base, hn::Add(begin, hn::Set(d, 4)));
      add(next, 2);
      add(hn::ShiftRight<16>(next), 3);
    }
    hn::StoreU(hn::DemoteTo(db, hn::ShiftRight<8>(sum)), db, to + i);
  }
#endif
  for (; i < n; ++i) {
    const std::uint8_t* at = row + begins[i];
    int sum = kTapUnit / 2;
    for (int t = 0; t < kTapsMax; ++t) sum += at[std::ptrdiff_t{t} * step] * weights[t][i];
    to[i] = static_cast<std::uint8_t>(sum >> 8);
  }
}

// Deeper inside or outside than this it makes no difference, and nothing overflows.
HWY_INLINE std::int32_t DepthMax(std::int32_t grow) {
  return std::min(1 << 22, (1 << 30) / std::max(1, grow));
}

// How much of a result lies inside an edge pair, 0…256: `at` and the last sample's centre in 16.16.
HWY_INLINE std::int32_t Inside(std::int32_t at, std::int32_t last, std::int32_t grow) {
  constexpr std::int32_t kOne = 1 << 16;
  const std::int32_t most = DepthMax(grow);
  const std::int32_t depth = std::clamp(std::min(at, last - at) + kOne / 2, -most, most);
  return std::clamp(((depth * grow) >> 8) + kOne / 2, 0, kOne) >> 8;
}

#if RN_GATHERS
template <class D, class V>
HWY_INLINE V InsideLanes(D d, V at, std::int32_t last, std::int32_t grow) {
  const auto half = hn::Set(d, 1 << 15);
  const auto most = hn::Set(d, DepthMax(grow));
  auto depth = hn::Add(hn::Min(at, hn::Sub(hn::Set(d, last), at)), half);
  depth = hn::Min(hn::Max(depth, hn::Neg(most)), most);
  depth = hn::Add(hn::ShiftRight<8>(hn::Mul(depth, hn::Set(d, grow))), half);
  return hn::ShiftRight<8>(hn::Min(hn::Max(depth, hn::Zero(d)), hn::Set(d, 1 << 16)));
}

template <int kStep>
std::size_t WalkLanes(const Walk& walk, std::size_t n, std::uint8_t* HWY_RESTRICT to) {
  const hn::ScalableTag<std::int32_t> d;
  const hn::Rebind<std::uint8_t, decltype(d)> db;
  const std::int32_t last_u = (walk.width - 1) * 65536;
  const std::int32_t last_v = (walk.height - 1) * 65536;
  const auto lane = hn::Iota(d, 0);
  const auto sample = kStep == 1 ? lane : hn::ShiftRight<1>(lane);
  const auto component = kStep == 1 ? hn::Zero(d) : hn::And(lane, hn::Set(d, 1));
  auto u = hn::Add(hn::Set(d, walk.u), hn::Mul(sample, hn::Set(d, walk.du)));
  auto v = hn::Add(hn::Set(d, walk.v), hn::Mul(sample, hn::Set(d, walk.dv)));
  const auto samples = static_cast<std::int32_t>(hn::Lanes(d)) / kStep;
  const auto zero = hn::Zero(d);
  const auto byte = hn::Set(d, 255);
  const auto* base = reinterpret_cast<const std::int32_t*>(walk.plane);
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= n * kStep; i += hn::Lanes(d)) {
    const auto inside = hn::ShiftRight<8>(
        hn::Mul(InsideLanes(d, u, last_u, walk.grow_x), InsideLanes(d, v, last_v, walk.grow_y)));
    auto value = byte;
    if (base != nullptr) {
      const auto x = hn::Min(hn::Max(u, zero), hn::Set(d, last_u));
      const auto y = hn::Min(hn::Max(v, zero), hn::Set(d, last_v));
      const auto fx = hn::And(hn::ShiftRight<8>(x), byte);
      const auto fy = hn::And(hn::ShiftRight<8>(y), byte);
      const auto column = hn::Add(hn::ShiftLeft<kStep - 1>(hn::ShiftRight<16>(x)), component);
      const auto row = hn::ShiftRight<16>(y);
      const auto below = hn::Min(hn::Add(row, hn::Set(d, 1)), hn::Set(d, walk.height - 1));
      const auto stride = hn::Set(d, walk.stride);
      const auto across = [&](auto at) HWY_ATTR {
        const auto pair = hn::GatherOffset(d, base, hn::Add(hn::Mul(at, stride), column));
        const auto a = hn::And(pair, byte);
        const auto b = hn::And(hn::ShiftRight<8 * kStep>(pair), byte);
        return hn::Add(hn::ShiftLeft<8>(a), hn::Mul(hn::Sub(b, a), fx));
      };
      const auto top = across(row);
      const auto bottom = across(below);
      const auto sum = hn::Add(hn::ShiftLeft<8>(top), hn::Mul(hn::Sub(bottom, top), fy));
      value = hn::ShiftRight<16>(hn::Add(sum, hn::Set(d, 1 << 15)));
    }
    const auto covered = hn::Add(hn::Mul(value, inside), hn::Set(d, 128));
    hn::StoreU(hn::DemoteTo(db, hn::ShiftRight<8>(covered)), db, to + i);
    u = hn::Add(u, hn::Set(d, walk.du * samples));
    v = hn::Add(v, hn::Set(d, walk.dv * samples));
  }
  return i;
}
#endif

void WalkRowLoop(const Walk& walk, std::size_t n, std::uint8_t* HWY_RESTRICT to) {
  std::size_t i = 0;
#if RN_GATHERS
  i = walk.step == 1 ? WalkLanes<1>(walk, n, to) : WalkLanes<2>(walk, n, to);
#endif
  const std::int32_t last_u = (walk.width - 1) * 65536;
  const std::int32_t last_v = (walk.height - 1) * 65536;
  for (; i < n * static_cast<std::size_t>(walk.step); ++i) {
    const auto sample = static_cast<std::int32_t>(i) / walk.step;
    const std::int32_t u = walk.u + sample * walk.du;
    const std::int32_t v = walk.v + sample * walk.dv;
    const std::int32_t inside =
        (Inside(u, last_u, walk.grow_x) * Inside(v, last_v, walk.grow_y)) >> 8;
    std::int32_t value = 255;
    if (walk.plane != nullptr) {
      const std::int32_t x = std::clamp(u, 0, last_u);
      const std::int32_t y = std::clamp(v, 0, last_v);
      const std::int32_t fx = (x >> 8) & 255;
      const std::int32_t fy = (y >> 8) & 255;
      const auto column = std::ptrdiff_t{x >> 16} * walk.step + static_cast<int>(i) % walk.step;
      const auto across = [&](int row) {
        const std::uint8_t* at = walk.plane + std::ptrdiff_t{row} * walk.stride + column;
        return (at[0] << 8) + (at[walk.step] - at[0]) * fx;
      };
      const std::int32_t top = across(y >> 16);
      const std::int32_t bottom = across(std::min((y >> 16) + 1, walk.height - 1));
      value = ((top << 8) + (bottom - top) * fy + (1 << 15)) >> 16;
    }
    to[i] = static_cast<std::uint8_t>((value * inside + 128) >> 8);
  }
}

}  // namespace rn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace rn {

HWY_EXPORT(TapRowsLoop);
HWY_EXPORT(TapColumnsLoop);
HWY_EXPORT(WalkRowLoop);

void TapRows(const std::uint8_t* const (&rows)[kTapsMax],
             const std::uint16_t (&weights)[kTapsMax],
             std::size_t n,
             std::uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(TapRowsLoop)(rows, weights, n, to);
}

void TapColumns(const std::uint8_t* row,
                const ColumnTaps& taps,
                std::size_t first,
                std::size_t n,
                std::uint8_t* to) {
  const std::int32_t* weights[kTapsMax];
  for (int t = 0; t < kTapsMax; ++t) weights[t] = taps.weights[t].data() + first;
  HWY_DYNAMIC_DISPATCH(TapColumnsLoop)
  (row, taps.begins.data() + first, weights, taps.step, n, to);
}

void WalkRow(const Walk& walk, std::size_t n, std::uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(WalkRowLoop)(walk, n, to);
}

}  // namespace rn
#endif  // HWY_ONCE
