// Every loop over pixels of the compositor: BT.709 limited-range planes, premultiplied alpha, SIMD
// through Highway chosen at run time. All targets give the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "hwaccel/frame.h"
#include "pipeline/geometry.h"
#include "pipeline/text.h"  // Raster

namespace rn {

// A colour as a frame holds it.
struct Yuv {
  std::uint8_t y = 16, u = 128, v = 128;
};
Yuv ToYuv(const Rgba& color);  // alpha is ignored

// A picture ready to be laid over NV12: luma at full size, chroma (interleaved U V) at half, each
// with its alpha beside it, values multiplied by it. width and height are even; y and uv have the
// same stride, and every row may be read kPadding bytes beyond its end.
struct Planes {
  static constexpr int kPadding = 32;
  int width = 0, height = 0, stride = 0;
  bool opaque = false;  // then there are no alphas
  std::vector<std::uint8_t> y, uv;
  std::vector<std::uint8_t> y_alpha, uv_alpha;  // uv_alpha: once for U, once for V

  std::size_t bytes() const { return y.size() + uv.size() + y_alpha.size() + uv_alpha.size(); }
};

// The raster with its corner at (left, top), each 0 or 1, in planes that begin at (0, 0): so that
// layers may stand on odd pixels too.
Planes ToPlanes(const Raster& raster, int left, int top);

// `rect` and (x, y) are even. Only pixels inside `rect`, the frame and the planes are touched.
void FillRect(const Nv12View& frame, const IntRect& rect, const Yuv& color);
void BlendPlanes(const Nv12View& frame,
                 const IntRect& rect,
                 const Planes& planes,
                 int x,
                 int y,
                 std::uint8_t opacity);
// frame = frame · (255 − opacity) / 255 + over · opacity / 255, inside `rect`.
void CrossFade(const Nv12View& frame,
               const IntRect& rect,
               const Nv12View& over,
               std::uint8_t opacity);

// Bilinear. `source` is the part of `planes` to be seen, in its pixels; `box` is where it is seen
// in whole: even. Only `rect` of it is painted. At most kShrinkMax source pixels for one of the
// frame's on either axis. Opaque planes are written, others blended.
inline constexpr double kShrinkMax = 1.8;
void SamplePlanes(const Nv12View& frame,
                  const IntRect& rect,
                  const Planes& planes,
                  const Box& source,
                  const IntRect& box,
                  std::uint8_t opacity);

}  // namespace rn
