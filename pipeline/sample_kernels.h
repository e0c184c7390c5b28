// The loops over pixels behind placement.h: rows of planes, filtered. SIMD through Highway chosen
// at run time, in whole numbers: all instruction sets give the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rn {

// Samples of the source that may make one of the result, along one axis.
inline constexpr int kTapsMax = 4;
// 1 in the weights of taps. Those of one result add up to it, or to less where it is cut by an
// edge.
inline constexpr int kTapUnit = 256;

// to[i] = (Σ rows[t][i] · weights[t]) / kTapUnit, rounded.
void TapRows(const std::uint8_t* const (&rows)[kTapsMax],
             const std::uint16_t (&weights)[kTapsMax],
             std::size_t n,
             std::uint8_t* to);

// Which bytes of a row make which of the result: byte `k` is made of the bytes begins[k] + t · step
// with the weights weights[t][k].
struct ColumnTaps {
  int step = 1;  // 2: interleaved chroma
  std::vector<std::int32_t> begins;
  std::vector<std::int32_t> weights[kTapsMax];
};
// Bytes [first, first + n) of the result. `row` may be read 8 bytes beyond its last tap.
void TapColumns(const std::uint8_t* row,
                const ColumnTaps& taps,
                std::size_t first,
                std::size_t n,
                std::uint8_t* to);

// A straight walk across a plane. Positions are in samples, in 16.16: 0 is the centre of the first.
struct Walk {
  const std::uint8_t* plane = nullptr;  // nullptr: 255 everywhere
  int width = 0, height = 0, stride = 0;
  int step = 1;                         // bytes of a sample; 2: interleaved chroma
  std::int32_t u = 0, v = 0;            // where the first result is
  std::int32_t du = 0, dv = 0;          // from one result to the next
  std::int32_t grow_x = 0, grow_y = 0;  // results for one sample, in 24.8
};
// `n` samples, bilinear; beyond the plane's edges nothing, and on them as much as a result covers.
void WalkRow(const Walk& walk, std::size_t n, std::uint8_t* to);

}  // namespace rn
