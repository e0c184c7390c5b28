// Loops over the pixels of clips and photos: from a decoder's planes to NV12, BT.709, limited
// range. SIMD through Highway chosen at run time; all targets give the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "hwaccel/frame.h"
#include "pipeline/clip_index.h"  // ClipTurn
#include "pipeline/text.h"        // Raster

namespace rn {

// uv = u0 v0 u1 v1 …, `n` of each.
void InterleaveChroma(const std::uint8_t* u,
                      const std::uint8_t* v,
                      std::size_t n,
                      std::uint8_t* uv);

// From one matrix of colours to another, both limited range: what of chroma is added to each, in
// 256ths.
struct MatrixChange {
  int y_u = 0, y_v = 0;
  int u_u = 0, u_v = 0;
  int v_u = 0, v_v = 0;
  bool none() const { return y_u == 0 && y_v == 0 && u_v == 0 && v_u == 0; }
};
// From Y'CbCr with these shares of red and blue in luma to BT.709.
MatrixChange ToBt709(double kr, double kb);
// In place. A luma sample takes its own chroma sample as it is.
void ChangeMatrix(const Nv12View& picture, const MatrixChange& change);

// `to` has the turned size.
void TurnPicture(const Nv12View& from, const ClipTurn& turn, const Nv12View& to);
Raster TurnRaster(const Raster& from, const ClipTurn& turn);

// Straight alpha to premultiplied, in place; of a row, whether every pixel is opaque.
bool PremultiplyRow(std::uint8_t* bgra, int width);
void Premultiply(Raster& raster);

}  // namespace rn
