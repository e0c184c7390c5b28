#include "pipeline/blend.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "pipeline/blend.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef RN_BLEND_COEFFICIENTS
#define RN_BLEND_COEFFICIENTS
namespace rn {

// BT.709 limited from full-range RGB, in 16.16; white is 235, grey has no chroma. Of premultiplied
// colours: the offsets are multiplied by alpha as well.
inline constexpr int kShift = 16;
inline constexpr double kScale = 1 << kShift;
inline constexpr double kLuma = 219.0 / 255 * kScale;
inline constexpr double kChroma = 224.0 / 255 / 2 * kScale;
inline constexpr double kR = 0.2126, kG = 0.7152, kB = 0.0722;
constexpr int Fixed(double x) {
  return static_cast<int>(x + (x < 0 ? -0.5 : 0.5));
}
inline constexpr int kYr = Fixed(kLuma * kR), kYg = Fixed(kLuma * kG), kYb = Fixed(kLuma * kB);
inline constexpr int kYa = Fixed(16.0 / 255 * kScale);
inline constexpr int kUr = Fixed(-kChroma * kR / (1 - kB)), kUg = Fixed(-kChroma * kG / (1 - kB));
inline constexpr int kUb = -kUr - kUg;
inline constexpr int kVg = Fixed(-kChroma * kG / (1 - kR)), kVb = Fixed(-kChroma * kB / (1 - kR));
inline constexpr int kVr = -kVg - kVb;
inline constexpr int kCa = Fixed(128.0 / 255 * kScale);

constexpr std::uint8_t Luma(int r, int g, int b, int a) {
  return static_cast<std::uint8_t>((kYr * r + kYg * g + kYb * b + kYa * a + (1 << (kShift - 1))) >>
                                   kShift);
}

}  // namespace rn
#endif  // RN_BLEND_COEFFICIENTS

HWY_BEFORE_NAMESPACE();
namespace rn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Bytes = hn::ScalableTag<std::uint8_t>;
using Words = hn::Repartition<std::uint16_t, Bytes>;
using HalfBytes = hn::Half<Bytes>;

// The baseline of x86-64 has no byte shuffle: there only the loops of single bytes are compiled.
#undef RN_SIMD
#define RN_SIMD (HWY_TARGET != HWY_SCALAR)
// Where vectors have 32 bytes and shuffle them in halves.
#undef RN_TWO_BLOCKS
#define RN_TWO_BLOCKS \
  (HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL)

HWY_INLINE std::uint8_t DivideBy255(unsigned x) {
  const unsigned t = x + 128;
  return static_cast<std::uint8_t>((t + (t >> 8)) >> 8);
}

#if RN_SIMD
// round(x / 255) for x ≤ 255 · 255, exactly.
template <class V>
HWY_INLINE V DivideBy255(Words d, V x) {
  const auto t = hn::Add(x, hn::Set(d, 128));
  return hn::ShiftRight<8>(hn::Add(t, hn::ShiftRight<8>(t)));
}
// Words that are at most 255.
template <class V>
HWY_INLINE auto Narrow(V words) {
  const hn::Repartition<std::int16_t, hn::DFromV<V>> signed_words;
  const hn::Rebind<std::uint8_t, hn::DFromV<V>> bytes;
  return hn::DemoteTo(bytes, hn::BitCast(signed_words, words));
}

template <class V>
HWY_INLINE V ScaleBytes(Bytes d, V bytes, hn::Vec<Words> factor) {
  const Words dw;
  const HalfBytes dh;
  const auto lo = DivideBy255(dw, hn::Mul(hn::PromoteTo(dw, hn::LowerHalf(dh, bytes)), factor));
  const auto hi = DivideBy255(dw, hn::Mul(hn::PromoteTo(dw, hn::UpperHalf(dh, bytes)), factor));
  return hn::Combine(d, Narrow(hi), Narrow(lo));
}

template <class V>
HWY_INLINE V MultiplyBytes(Bytes d, V a, V b) {
  const Words dw;
  const HalfBytes dh;
  const auto lo = DivideBy255(
      dw,
      hn::Mul(hn::PromoteTo(dw, hn::LowerHalf(dh, a)), hn::PromoteTo(dw, hn::LowerHalf(dh, b))));
  const auto hi = DivideBy255(
      dw,
      hn::Mul(hn::PromoteTo(dw, hn::UpperHalf(dh, a)), hn::PromoteTo(dw, hn::UpperHalf(dh, b))));
  return hn::Combine(d, Narrow(hi), Narrow(lo));
}

#endif  // RN_SIMD

// to = src · opacity + to · (1 − alpha · opacity)
void BlendRow(const std::uint8_t* HWY_RESTRICT src,
              const std::uint8_t* HWY_RESTRICT alpha,
              std::uint8_t opacity,
              std::size_t n,
              std::uint8_t* HWY_RESTRICT to) {
  std::size_t i = 0;
#if RN_SIMD
  const Bytes d;
  const Words dw;
  const auto factor = hn::Set(dw, opacity);
  const auto full = hn::Set(d, 255);
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    auto a = hn::LoadU(d, alpha + i);
    if (hn::AllTrue(d, hn::Eq(a, hn::Zero(d)))) {
      continue;  // Most of a line of text.
    }
    auto s = hn::LoadU(d, src + i);
    if (opacity != 255) {
      a = ScaleBytes(d, a, factor);
      s = ScaleBytes(d, s, factor);
    }
    const auto kept = MultiplyBytes(d, hn::LoadU(d, to + i), hn::Sub(full, a));
    hn::StoreU(hn::SaturatedAdd(s, kept), d, to + i);
  }
#endif
  for (; i < n; ++i) {
    const unsigned a = DivideBy255(unsigned{alpha[i]} * opacity);
    const unsigned s = DivideBy255(unsigned{src[i]} * opacity);
    const unsigned sum = s + DivideBy255(to[i] * (255 - a));
    to[i] = static_cast<std::uint8_t>(sum > 255 ? 255 : sum);
  }
}

#if RN_SIMD
// f(a, b) in words, for the bytes of two vectors.
template <class V, class F>
HWY_INLINE V InWords(Bytes d, V a, V b, const F& f) {
  const Words dw;
  const HalfBytes dh;
  const auto lo =
      f(hn::PromoteTo(dw, hn::LowerHalf(dh, a)), hn::PromoteTo(dw, hn::LowerHalf(dh, b)));
  const auto hi =
      f(hn::PromoteTo(dw, hn::UpperHalf(dh, a)), hn::PromoteTo(dw, hn::UpperHalf(dh, b)));
  return hn::Combine(d, Narrow(hi), Narrow(lo));
}
#endif

// to = to · (1 − opacity) + src · opacity
void MixRow(const std::uint8_t* HWY_RESTRICT src,
            std::uint8_t opacity,
            std::size_t n,
            std::uint8_t* HWY_RESTRICT to) {
  std::size_t i = 0;
#if RN_SIMD
  const Bytes d;
  const Words dw;
  const auto k = hn::Set(dw, opacity);
  const auto rest = hn::Set(dw, static_cast<std::uint16_t>(255 - opacity));
  const auto mix = [&](auto a, auto b) HWY_ATTR {
    return DivideBy255(dw, hn::Add(hn::Mul(a, k), hn::Mul(b, rest)));
  };
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    hn::StoreU(InWords(d, hn::LoadU(d, src + i), hn::LoadU(d, to + i), mix), d, to + i);
  }
#endif
  for (; i < n; ++i) {
    to[i] = DivideBy255(unsigned{src[i]} * opacity + unsigned{to[i]} * (255u - opacity));
  }
}

void ScaleRow(const std::uint8_t* HWY_RESTRICT shares,
              std::size_t n,
              std::uint8_t* HWY_RESTRICT values) {
  std::size_t i = 0;
#if RN_SIMD
  const Bytes d;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    hn::StoreU(MultiplyBytes(d, hn::LoadU(d, shares + i), hn::LoadU(d, values + i)), d, values + i);
  }
#endif
  for (; i < n; ++i) values[i] = DivideBy255(unsigned{shares[i]} * values[i]);
}

// to = (top · (256 − weight) + bottom · weight + 128) / 256
void LerpRow(const std::uint8_t* HWY_RESTRICT top,
             const std::uint8_t* HWY_RESTRICT bottom,
             std::uint16_t weight,
             std::size_t n,
             std::uint8_t* HWY_RESTRICT to) {
  std::size_t i = 0;
#if RN_SIMD
  const Bytes d;
  const Words dw;
  const auto k = hn::Set(dw, weight);
  const auto half = hn::Set(dw, 128);
  const auto mix = [&](auto a, auto b) HWY_ATTR {
    // 256 a + (b − a) · weight, modulo 2¹⁶: what comes out fits.
    const auto sum = hn::Add(hn::ShiftLeft<8>(a), hn::Mul(hn::Sub(b, a), k));
    return hn::ShiftRight<8>(hn::Add(sum, half));
  };
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    hn::StoreU(InWords(d, hn::LoadU(d, top + i), hn::LoadU(d, bottom + i), mix), d, to + i);
  }
#endif
  for (; i < n; ++i) {
    to[i] = static_cast<std::uint8_t>((top[i] * (256 - weight) + bottom[i] * weight + 128) >> 8);
  }
}

// Eight result bytes per block. Each comes from two bytes of the sixteen at `begins[block]`:
// `picks` says which (as 16-bit lanes whose upper byte is 0x80, which reads as zero), and its
// neighbour `step` bytes on; `weights` is the neighbour's share of 256.
void StretchRow(const std::uint8_t* HWY_RESTRICT from,
                const std::int32_t* HWY_RESTRICT begins,
                const std::uint8_t* HWY_RESTRICT picks,
                const std::uint16_t* HWY_RESTRICT weights,
                int step,
                std::size_t blocks,
                std::uint8_t* HWY_RESTRICT to) {
  std::size_t block = 0;
#if RN_TWO_BLOCKS
  const hn::FixedTag<std::uint8_t, 32> dd;
  const hn::FixedTag<std::uint16_t, 16> ddw;
  for (; block + 2 <= blocks; block += 2) {
    const auto load = [&](int offset) HWY_ATTR {
      const hn::FixedTag<std::uint8_t, 16> d;
      return hn::Combine(dd,
                         hn::LoadU(d, from + begins[block + 1] + offset),
                         hn::LoadU(d, from + begins[block] + offset));
    };
    const auto pick = hn::LoadU(dd, picks + 16 * block);
    const auto weight = hn::LoadU(ddw, weights + 8 * block);
    const auto a = hn::BitCast(ddw, hn::TableLookupBytesOr0(load(0), pick));
    const auto b = hn::BitCast(ddw, hn::TableLookupBytesOr0(load(step), pick));
    const auto sum = hn::Add(hn::ShiftLeft<8>(a), hn::Mul(hn::Sub(b, a), weight));
    const hn::FixedTag<std::uint8_t, 16> d;
    hn::StoreU(Narrow(hn::ShiftRight<8>(hn::Add(sum, hn::Set(ddw, 128)))), d, to + 8 * block);
  }
#endif
#if RN_SIMD
  const hn::FixedTag<std::uint8_t, 16> d;
  const hn::FixedTag<std::uint16_t, 8> dw;
  const hn::FixedTag<std::uint8_t, 8> dh;
  const auto half = hn::Set(dw, 128);
  for (; block < blocks; ++block) {
    const std::uint8_t* at = from + begins[block];
    const auto pick = hn::LoadU(d, picks + 16 * block);
    const auto weight = hn::LoadU(dw, weights + 8 * block);
    const auto a = hn::BitCast(dw, hn::TableLookupBytesOr0(hn::LoadU(d, at), pick));
    const auto b = hn::BitCast(dw, hn::TableLookupBytesOr0(hn::LoadU(d, at + step), pick));
    const auto sum = hn::Add(hn::ShiftLeft<8>(a), hn::Mul(hn::Sub(b, a), weight));
    hn::StoreU(Narrow(hn::ShiftRight<8>(hn::Add(sum, half))), dh, to + 8 * block);
  }
#else
  for (std::size_t k = 8 * block; k < 8 * blocks; ++k) {
    const std::uint8_t* at = from + begins[k / 8] + picks[2 * k];
    to[k] =
        static_cast<std::uint8_t>((at[0] * (256 - weights[k]) + at[step] * weights[k] + 128) >> 8);
  }
#endif
}

// Luma of premultiplied BGRA.
void LumaRow(const std::uint8_t* HWY_RESTRICT pixels,
             std::size_t n,
             std::uint8_t* HWY_RESTRICT luma) {
  std::size_t i = 0;
#if RN_SIMD
  const Bytes d;
  const hn::Repartition<std::int32_t, Bytes> di;
  const hn::Rebind<std::uint8_t, decltype(di)> dh;
  const auto byte = hn::Set(di, 255);
  const auto half = hn::Set(di, 1 << (kShift - 1));
  for (; i + hn::Lanes(di) <= n; i += hn::Lanes(di)) {
    const auto bgra = hn::BitCast(di, hn::LoadU(d, pixels + 4 * i));
    auto sum = hn::Add(half, hn::Mul(hn::And(bgra, byte), hn::Set(di, kYb)));
    const auto add = [&](auto channel, int factor) HWY_ATTR {
      sum = hn::Add(sum, hn::Mul(hn::And(channel, byte), hn::Set(di, factor)));
    };
    add(hn::ShiftRight<8>(bgra), kYg);
    add(hn::ShiftRight<16>(bgra), kYr);
    add(hn::ShiftRight<24>(bgra), kYa);
    hn::StoreU(hn::DemoteTo(dh, hn::ShiftRight<kShift>(sum)), dh, luma + i);
  }
#endif
  for (; i < n; ++i) {
    const std::uint8_t* pixel = pixels + 4 * i;
    luma[i] = Luma(pixel[2], pixel[1], pixel[0], pixel[3]);
  }
}

}  // namespace rn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include <algorithm>
#include <cmath>
#include <cstring>

namespace rn {

HWY_EXPORT(BlendRow);
HWY_EXPORT(MixRow);
HWY_EXPORT(ScaleRow);
HWY_EXPORT(LerpRow);
HWY_EXPORT(StretchRow);
HWY_EXPORT(LumaRow);

namespace {

constexpr int kBlock = 8;  // Result bytes of one step of StretchRow.

// Sums over the four pixels of a chroma sample.
struct ChromaSums {
  int r, g, b, a;

  std::uint8_t U() const { return Mean(kUr * r + kUg * g + kUb * b); }
  std::uint8_t V() const { return Mean(kVr * r + kVg * g + kVb * b); }

 private:
  std::uint8_t Mean(int weighted) const {
    const int mean = (weighted + kCa * a + (1 << (kShift + 1))) >> (kShift + 2);
    return static_cast<std::uint8_t>(std::clamp(mean, 0, 255));
  }
};

// Even-aligned part of `rect` that is in the frame and in (x, y, w, h).
IntRect Clipped(const Nv12View& frame, const IntRect& rect, const IntRect& area) {
  return Intersect(Intersect(rect, {0, 0, frame.width, frame.height}), area);
}

}  // namespace

Yuv ToYuv(const Rgba& color) {
  const ChromaSums sums{4 * color.r, 4 * color.g, 4 * color.b, 4 * 255};
  return {Luma(color.r, color.g, color.b, 255), sums.U(), sums.V()};
}

namespace {

// Rows of a raster at a corner of (0 or 1, 0 or 1), transparent around it.
class PaddedRows {
 public:
  PaddedRows(const Raster& raster, int left, int top, int width)
      : raster_(raster),
        left_(left),
        top_(top),
        whole_(raster.width == width),
        nothing_(4 * static_cast<std::size_t>(width)),
        padded_{nothing_, nothing_} {}

  // Valid until the call after the next one.
  const std::uint8_t* Row(int y) {
    const int row = y - top_;
    if (row < 0 || row >= raster_.height) return nothing_.data();
    const std::uint8_t* from = raster_.pixels.data() + std::ptrdiff_t{row} * raster_.stride;
    if (whole_) return from;
    std::vector<std::uint8_t>& padded = padded_[static_cast<std::size_t>(y & 1)];
    std::memcpy(padded.data() + std::ptrdiff_t{4} * left_,
                from,
                4 * static_cast<std::size_t>(raster_.width));
    return padded.data();
  }

 private:
  const Raster& raster_;
  const int left_, top_;
  const bool whole_;
  const std::vector<std::uint8_t> nothing_;
  std::vector<std::uint8_t> padded_[2];
};

void AlphaRow(const std::uint8_t* pixels, int n, std::uint8_t* alpha) {
  for (int x = 0; x < n; ++x, pixels += 4) alpha[x] = pixels[3];
}

// `alpha`: null where it is known to be full.
void ChromaRow(const std::uint8_t* top,
               const std::uint8_t* bottom,
               int n,
               std::uint8_t* uv,
               std::uint8_t* alpha) {
  for (int x = 0; x < n; ++x, top += 8, bottom += 8, uv += 2) {
    const ChromaSums sums{top[2] + top[6] + bottom[2] + bottom[6],
                          top[1] + top[5] + bottom[1] + bottom[5],
                          top[0] + top[4] + bottom[0] + bottom[4],
                          top[3] + top[7] + bottom[3] + bottom[7]};
    uv[0] = sums.U();
    uv[1] = sums.V();
    if (alpha != nullptr) {
      alpha[0] = alpha[1] = static_cast<std::uint8_t>((sums.a + 2) / 4);
      alpha += 2;
    }
  }
}

// In whole chroma samples, nothing below shows through.
bool IsOpaque(const Raster& raster, int left, int top) {
  if (left != 0 || top != 0 || raster.width % 2 != 0 || raster.height % 2 != 0) return false;
  for (int y = 0; y < raster.height; ++y) {
    const std::uint8_t* row = raster.pixels.data() + std::ptrdiff_t{y} * raster.stride;
    std::uint8_t all = 255;
    for (int x = 0; x < raster.width; ++x) all &= row[4 * x + 3];
    if (all != 255) return false;
  }
  return true;
}

}  // namespace

void Planes::Reset(int new_width, int new_height, bool new_opaque) {
  width = new_width;
  height = new_height;
  constexpr int kAlignment = 32;  // swscale likes whole vectors.
  stride = (width + kPadding + kAlignment - 1) / kAlignment * kAlignment;
  opaque = new_opaque;
  const std::size_t size = static_cast<std::size_t>(stride) * static_cast<std::size_t>(height);
  y.resize(size + kPadding);
  uv.resize(size / 2 + kPadding);
  y_alpha.resize(opaque ? 0 : y.size());
  uv_alpha.resize(opaque ? 0 : uv.size());
}

void Planes::AddAlpha() {
  if (!opaque) return;
  opaque = false;
  y_alpha.assign(y.size(), 255);
  uv_alpha.assign(uv.size(), 255);
}

Planes ToPlanes(const Raster& raster, int left, int top) {
  Planes planes;
  planes.Reset((left + raster.width + 1) / 2 * 2,
               (top + raster.height + 1) / 2 * 2,
               IsOpaque(raster, left, top));
  PaddedRows rows(raster, left, top, planes.width);
  for (int y = 0; y < planes.height; y += 2) {
    const std::uint8_t* const pair[] = {rows.Row(y), rows.Row(y + 1)};
    for (const int below : {0, 1}) {
      const std::size_t at = static_cast<std::size_t>(y + below) * planes.stride;
      HWY_DYNAMIC_DISPATCH(LumaRow)
      (pair[below], static_cast<std::size_t>(planes.width), planes.y.data() + at);
      if (!planes.opaque) AlphaRow(pair[below], planes.width, planes.y_alpha.data() + at);
    }
    const std::size_t at = static_cast<std::size_t>(y) / 2 * planes.stride;
    ChromaRow(pair[0],
              pair[1],
              planes.width / 2,
              planes.uv.data() + at,
              planes.opaque ? nullptr : planes.uv_alpha.data() + at);
  }
  return planes;
}

void FillRect(const Nv12View& frame, const IntRect& rect, const Yuv& color) {
  const IntRect area = Clipped(frame, rect, rect);
  for (int y = area.y; y < area.bottom(); ++y) {
    std::memset(frame.y + static_cast<std::ptrdiff_t>(y) * frame.y_stride + area.x,
                color.y,
                static_cast<std::size_t>(area.w));
  }
  for (int y = area.y / 2; y < area.bottom() / 2; ++y) {
    std::uint8_t* row = frame.uv + static_cast<std::ptrdiff_t>(y) * frame.uv_stride + area.x;
    for (int x = 0; x < area.w; x += 2) {
      row[x] = color.u;
      row[x + 1] = color.v;
    }
  }
}

void MultiplyRow(const std::uint8_t* shares, std::size_t n, std::uint8_t* values) {
  HWY_DYNAMIC_DISPATCH(ScaleRow)(shares, n, values);
}

void CoverRect(const Nv12View& frame, const IntRect& rect, std::uint8_t opacity) {
  const IntRect area = Clipped(frame, rect, rect);
  if (area.empty()) return;
  const std::vector<std::uint8_t> full(static_cast<std::size_t>(area.w), 255);
  for (int y = area.y; y < area.bottom(); ++y) {
    HWY_DYNAMIC_DISPATCH(MixRow)
    (full.data(), opacity, full.size(), frame.y + std::ptrdiff_t{y} * frame.y_stride + area.x);
  }
  for (int y = area.y / 2; y < area.bottom() / 2; ++y) {
    HWY_DYNAMIC_DISPATCH(MixRow)
    (full.data(), opacity, full.size(), frame.uv + std::ptrdiff_t{y} * frame.uv_stride + area.x);
  }
}

void BlendPlanes(const Nv12View& frame,
                 const IntRect& rect,
                 const PlanesView& planes,
                 int x,
                 int y,
                 std::uint8_t opacity) {
  const IntRect area = Clipped(frame, rect, {x, y, planes.width, planes.height});
  if (area.empty()) return;
  const auto n = static_cast<std::size_t>(area.w);
  const auto plane = [&](std::uint8_t* base,
                         int frame_stride,
                         const std::uint8_t* src,
                         const std::uint8_t* alpha,
                         int stride,
                         int halves) {
    for (int row = area.y / halves; row < area.bottom() / halves; ++row) {
      std::uint8_t* to = base + static_cast<std::ptrdiff_t>(row) * frame_stride + area.x;
      const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(row - y / halves) * stride + area.x - x;
      if (!planes.opaque()) {
        HWY_DYNAMIC_DISPATCH(BlendRow)(src + at, alpha + at, opacity, n, to);
      } else if (opacity == 255) {
        std::memcpy(to, src + at, n);
      } else {
        HWY_DYNAMIC_DISPATCH(MixRow)(src + at, opacity, n, to);
      }
    }
  };
  plane(frame.y, frame.y_stride, planes.y, planes.y_alpha, planes.y_stride, 1);
  plane(frame.uv, frame.uv_stride, planes.uv, planes.uv_alpha, planes.uv_stride, 2);
}

void CrossFade(const Nv12View& frame,
               const IntRect& rect,
               const Nv12View& over,
               std::uint8_t opacity) {
  const IntRect area = Clipped(frame, rect, {0, 0, over.width, over.height});
  const auto n = static_cast<std::size_t>(area.w);
  const auto row =
      [&](const std::uint8_t* src, int src_stride, std::uint8_t* to, int stride, int y) {
        HWY_DYNAMIC_DISPATCH(MixRow)
        (src + static_cast<std::ptrdiff_t>(y) * src_stride + area.x,
         opacity,
         n,
         to + static_cast<std::ptrdiff_t>(y) * stride + area.x);
      };
  for (int y = area.y; y < area.bottom(); ++y)
    row(over.y, over.y_stride, frame.y, frame.y_stride, y);
  for (int y = area.y / 2; y < area.bottom() / 2; ++y) {
    row(over.uv, over.uv_stride, frame.uv, frame.uv_stride, y);
  }
}

namespace {

// One plane of SamplePlanes: which source bytes make which of the frame's, along a row.
class Stretch {
 public:
  // `pixel`: bytes of one (1: luma, alpha; 2: interleaved chroma). `origin` and `ratio`: the source
  // position of the first result pixel's centre, and the source pixels for one of the result.
  Stretch(int pixel, double origin, double ratio, int source_pixels, int result_pixels)
      : pixel_(pixel) {
    const int bytes = result_pixels * pixel;
    blocks_ = static_cast<std::size_t>((bytes + kBlock - 1) / kBlock);
    begins_.resize(blocks_);
    picks_.resize(blocks_ * 2 * kBlock);
    weights_.resize(blocks_ * kBlock);
    for (std::size_t block = 0; block < blocks_; ++block) {
      const int first = static_cast<int>(block) * kBlock / pixel;
      const int begin = Position(origin + first * ratio, source_pixels).at;
      begins_[block] = begin * pixel;
      for (int i = 0; i < kBlock; ++i) {
        const std::size_t k = block * kBlock + static_cast<std::size_t>(i);
        const int x = first + i / pixel;
        const Place place = Position(origin + x * ratio, source_pixels);
        picks_[2 * k] = static_cast<std::uint8_t>((place.at - begin) * pixel + i % pixel);
        picks_[2 * k + 1] = 0x80;
        weights_[k] = place.weight;
      }
    }
  }

  struct Place {
    int at = 0;
    std::uint16_t weight = 0;  // Of the next one, out of 256.
  };
  // Clamped to the edge, so that the last pixel needs no neighbour.
  static Place Position(double position, int size) {
    const auto fixed = static_cast<std::int64_t>(std::floor(position * 256 + 0.5));
    const std::int64_t last = static_cast<std::int64_t>(size - 1) * 256;
    const std::int64_t clamped = std::clamp<std::int64_t>(fixed, 0, last);
    return {static_cast<int>(clamped >> 8), static_cast<std::uint16_t>(clamped & 255)};
  }

  // Whole blocks of result bytes: up to kBlock − 1 more than the row has.
  void Row(const std::uint8_t* from, std::uint8_t* to) {
    HWY_DYNAMIC_DISPATCH(StretchRow)
    (from, begins_.data(), picks_.data(), weights_.data(), pixel_, blocks_, to);
  }

 private:
  const int pixel_;
  std::size_t blocks_ = 0;
  std::vector<std::int32_t> begins_;
  std::vector<std::uint8_t> picks_;
  std::vector<std::uint16_t> weights_;
};

// Rows of a stretched plane, one after the other.
class PlaneSampler {
 public:
  PlaneSampler(const PlanesView& planes, bool chroma, const Box& source, const IntRect& box)
      : width_(planes.width),
        stride_(chroma ? planes.uv_stride : planes.y_stride),
        halves_(chroma ? 2 : 1),
        height_(planes.height / halves_),
        ratio_(source.h / box.h),
        origin_((source.y + ratio_ * halves_ / 2) / halves_ - 0.5),
        stretch_(chroma ? 2 : 1,
                 (source.x + source.w / box.w * halves_ / 2) / halves_ - 0.5,
                 source.w / box.w,
                 planes.width / halves_,
                 box.w / halves_),
        lerped_(static_cast<std::size_t>(width_) + 2 * std::size_t{Planes::kPadding}) {}

  // The box's row `y`, rounded up to whole blocks.
  void Row(const std::uint8_t* plane, int y, std::uint8_t* to) {
    const Stretch::Place place = Stretch::Position(origin_ + y * ratio_, height_);
    const std::uint8_t* top = plane + static_cast<std::ptrdiff_t>(place.at) * stride_;
    if (place.weight == 0) {
      stretch_.Row(top, to);
      return;
    }
    HWY_DYNAMIC_DISPATCH(LerpRow)
    (top,
     top + stride_,
     place.weight,
     static_cast<std::size_t>(width_) + Planes::kPadding,
     lerped_.data());
    stretch_.Row(lerped_.data(), to);
  }

 private:
  const int width_, stride_, halves_, height_;
  const double ratio_, origin_;
  Stretch stretch_;
  std::vector<std::uint8_t> lerped_;
};

}  // namespace

void SamplePlanes(const Nv12View& frame,
                  const IntRect& rect,
                  const PlanesView& planes,
                  const Box& source,
                  const IntRect& box,
                  std::uint8_t opacity) {
  const IntRect area = Clipped(frame, rect, box);
  if (area.empty()) return;
  const auto n = static_cast<std::size_t>(area.w);
  std::vector<std::uint8_t> colors(static_cast<std::size_t>(box.w) + kBlock);
  std::vector<std::uint8_t> alphas(planes.opaque() ? 0 : colors.size());
  const auto left = static_cast<std::size_t>(area.x - box.x);
  const bool written = planes.opaque() && opacity == 255;
  // Then no row needs a detour: it ends where its last block does.
  const bool straight = written && area.w == box.w && box.w % kBlock == 0;
  for (const bool chroma : {false, true}) {
    PlaneSampler sampler(planes, chroma, source, box);
    const int halves = chroma ? 2 : 1;
    std::uint8_t* base = chroma ? frame.uv : frame.y;
    const int stride = chroma ? frame.uv_stride : frame.y_stride;
    for (int y = area.y / halves; y < area.bottom() / halves; ++y) {
      std::uint8_t* to = base + static_cast<std::ptrdiff_t>(y) * stride + area.x;
      const int row = y - box.y / halves;
      sampler.Row(chroma ? planes.uv : planes.y, row, straight ? to : colors.data());
      if (straight) continue;
      if (written) {
        std::memcpy(to, colors.data() + left, n);
      } else if (planes.opaque()) {
        HWY_DYNAMIC_DISPATCH(MixRow)(colors.data() + left, opacity, n, to);
      } else {
        sampler.Row(chroma ? planes.uv_alpha : planes.y_alpha, row, alphas.data());
        HWY_DYNAMIC_DISPATCH(BlendRow)
        (colors.data() + left, alphas.data() + left, opacity, n, to);
      }
    }
  }
}

}  // namespace rn
#endif  // HWY_ONCE
