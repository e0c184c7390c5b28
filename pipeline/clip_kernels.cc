#include "pipeline/clip_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "pipeline/clip_kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace rn::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#undef RN_SIMD
#define RN_SIMD (HWY_TARGET != HWY_SCALAR)

void InterleaveRow(const std::uint8_t* HWY_RESTRICT u,
                   const std::uint8_t* HWY_RESTRICT v,
                   std::size_t n,
                   std::uint8_t* HWY_RESTRICT uv) {
  std::size_t i = 0;
#if RN_SIMD
  const hn::ScalableTag<std::uint8_t> d;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    hn::StoreInterleaved2(hn::LoadU(d, u + i), hn::LoadU(d, v + i), d, uv + 2 * i);
  }
#endif
  for (; i < n; ++i) {
    uv[2 * i] = u[i];
    uv[2 * i + 1] = v[i];
  }
}

HWY_INLINE std::uint8_t Clamped(int value) {
  return static_cast<std::uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

#if RN_SIMD
using Words = hn::ScalableTag<std::int16_t>;

// (a · x + b · y + 128) / 256. Fits: the factors together are below 1.
template <class V>
HWY_INLINE V Weighted(Words d, V x, int a, V y, int b) {
  const auto sum = hn::Add(hn::Mul(x, hn::Set(d, static_cast<std::int16_t>(a))),
                           hn::Mul(y, hn::Set(d, static_cast<std::int16_t>(b))));
  return hn::ShiftRight<8>(hn::Add(sum, hn::Set(d, 128)));
}
#endif

// Two rows of luma over one of chroma, `n` chroma samples.
void ChangeRows(std::uint8_t* HWY_RESTRICT top,
                std::uint8_t* HWY_RESTRICT bottom,
                std::uint8_t* HWY_RESTRICT uv,
                std::size_t n,
                const MatrixChange& change) {
  std::size_t i = 0;
#if RN_SIMD
  const Words d;
  const hn::Rebind<std::uint8_t, Words> bytes;
  const auto middle = hn::Set(d, 128);
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    hn::Vec<decltype(bytes)> u8, v8;
    hn::LoadInterleaved2(bytes, uv + 2 * i, u8, v8);
    const auto u = hn::Sub(hn::PromoteTo(d, u8), middle);
    const auto v = hn::Sub(hn::PromoteTo(d, v8), middle);
    const auto add = Weighted(d, u, change.y_u, v, change.y_v);
    for (std::uint8_t* row : {top, bottom}) {
      hn::Vec<decltype(bytes)> even, odd;
      hn::LoadInterleaved2(bytes, row + 2 * i, even, odd);
      hn::StoreInterleaved2(hn::DemoteTo(bytes, hn::Add(hn::PromoteTo(d, even), add)),
                            hn::DemoteTo(bytes, hn::Add(hn::PromoteTo(d, odd), add)),
                            bytes,
                            row + 2 * i);
    }
    const auto new_u = hn::Add(hn::PromoteTo(d, u8), Weighted(d, u, change.u_u, v, change.u_v));
    const auto new_v = hn::Add(hn::PromoteTo(d, v8), Weighted(d, u, change.v_u, v, change.v_v));
    hn::StoreInterleaved2(
        hn::DemoteTo(bytes, new_u), hn::DemoteTo(bytes, new_v), bytes, uv + 2 * i);
  }
#endif
  for (; i < n; ++i) {
    const int u = uv[2 * i] - 128;
    const int v = uv[2 * i + 1] - 128;
    const int add = (u * change.y_u + v * change.y_v + 128) >> 8;
    for (std::uint8_t* row : {top, bottom}) {
      row[2 * i] = Clamped(row[2 * i] + add);
      row[2 * i + 1] = Clamped(row[2 * i + 1] + add);
    }
    uv[2 * i] = Clamped(u + 128 + ((u * change.u_u + v * change.u_v + 128) >> 8));
    uv[2 * i + 1] = Clamped(v + 128 + ((u * change.v_u + v * change.v_v + 128) >> 8));
  }
}

}  // namespace rn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include <algorithm>
#include <cmath>

namespace rn {

HWY_EXPORT(InterleaveRow);
HWY_EXPORT(ChangeRows);

void InterleaveChroma(const std::uint8_t* u,
                      const std::uint8_t* v,
                      std::size_t n,
                      std::uint8_t* uv) {
  HWY_DYNAMIC_DISPATCH(InterleaveRow)(u, v, n, uv);
}

MatrixChange ToBt709(double kr, double kb) {
  constexpr double kR = 0.2126, kB = 0.0722, kG = 1 - kR - kB;
  // What a unit of Cb or Cr is in R, G, B, without luma …
  const double kg = 1 - kr - kb;
  const double of_u[3] = {0, -2 * kb * (1 - kb) / kg, 2 * (1 - kb)};
  const double of_v[3] = {2 * (1 - kr), -2 * kr * (1 - kr) / kg, 0};
  // … and that in BT.709's.
  const auto luma = [](const double(&rgb)[3]) { return kR * rgb[0] + kG * rgb[1] + kB * rgb[2]; };
  const auto cb = [&](const double(&rgb)[3]) { return (rgb[2] - luma(rgb)) / (2 * (1 - kB)); };
  const auto cr = [&](const double(&rgb)[3]) { return (rgb[0] - luma(rgb)) / (2 * (1 - kR)); };
  const auto fixed = [](double x) { return static_cast<int>(std::lround(256 * x)); };
  constexpr double kLumaPerChroma = 219.0 / 224;  // Luma has 219 steps, chroma 224.
  return {.y_u = fixed(luma(of_u) * kLumaPerChroma),
          .y_v = fixed(luma(of_v) * kLumaPerChroma),
          .u_u = fixed(cb(of_u) - 1),
          .u_v = fixed(cb(of_v)),
          .v_u = fixed(cr(of_u)),
          .v_v = fixed(cr(of_v) - 1)};
}

void ChangeMatrix(const Nv12View& picture, const MatrixChange& change) {
  for (int y = 0; y < picture.height; y += 2) {
    std::uint8_t* top = picture.y + std::ptrdiff_t{y} * picture.y_stride;
    HWY_DYNAMIC_DISPATCH(ChangeRows)
    (top,
     top + picture.y_stride,
     picture.uv + std::ptrdiff_t{y / 2} * picture.uv_stride,
     static_cast<std::size_t>(picture.width / 2),
     change);
  }
}

namespace {

// A plane of `size` bytes a sample, w × h of them once turned. In tiles, so that columns are read
// from the cache.
template <int size>
void TurnPlane(const std::uint8_t* from,
               int from_stride,
               const ClipTurn& turn,
               std::uint8_t* to,
               int to_stride,
               int w,
               int h) {
  constexpr int kTile = 32;
  const std::ptrdiff_t step_x = turn.transposed ? from_stride : size;
  const std::ptrdiff_t step_y = turn.transposed ? size : from_stride;
  for (int tile_y = 0; tile_y < h; tile_y += kTile) {
    for (int tile_x = 0; tile_x < w; tile_x += kTile) {
      for (int y = tile_y; y < std::min(h, tile_y + kTile); ++y) {
        const std::uint8_t* row = from + step_y * (turn.flip_y ? h - 1 - y : y);
        std::uint8_t* out = to + std::ptrdiff_t{y} * to_stride;
        for (int x = tile_x; x < std::min(w, tile_x + kTile); ++x) {
          const std::uint8_t* sample = row + step_x * (turn.flip_x ? w - 1 - x : x);
          for (int i = 0; i < size; ++i) out[x * size + i] = sample[i];
        }
      }
    }
  }
}

}  // namespace

void TurnPicture(const Nv12View& from, const ClipTurn& turn, const Nv12View& to) {
  TurnPlane<1>(from.y, from.y_stride, turn, to.y, to.y_stride, to.width, to.height);
  TurnPlane<2>(from.uv, from.uv_stride, turn, to.uv, to.uv_stride, to.width / 2, to.height / 2);
}

Raster TurnRaster(const Raster& from, const ClipTurn& turn) {
  Raster to{.width = turn.transposed ? from.height : from.width,
            .height = turn.transposed ? from.width : from.height};
  to.stride = 4 * to.width;
  to.pixels.resize(static_cast<std::size_t>(to.stride) * to.height);
  TurnPlane<4>(
      from.pixels.data(), from.stride, turn, to.pixels.data(), to.stride, to.width, to.height);
  return to;
}

bool PremultiplyRow(std::uint8_t* bgra, int width) {
  bool opaque = true;
  for (int x = 0; x < width; ++x, bgra += 4) {
    const unsigned alpha = bgra[3];
    if (alpha == 255) continue;
    opaque = false;
    for (int c = 0; c < 3; ++c) bgra[c] = static_cast<std::uint8_t>((bgra[c] * alpha + 127) / 255);
  }
  return opaque;
}

void Premultiply(Raster& raster) {
  for (int y = 0; y < raster.height; ++y) {
    PremultiplyRow(raster.pixels.data() + std::ptrdiff_t{y} * raster.stride, raster.width);
  }
}

}  // namespace rn
#endif  // HWY_ONCE
