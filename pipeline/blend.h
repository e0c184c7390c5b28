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

  // Of this size, with no particular content; memory is kept where it is large enough.
  void Reset(int new_width, int new_height, bool new_opaque);
  // Full alphas where there are none.
  void AddAlpha();
  // To be painted on, colours and alphas each by themselves.
  Nv12View view() { return {y.data(), uv.data(), stride, stride, width, height}; }
  Nv12View alpha_view() { return {y_alpha.data(), uv_alpha.data(), stride, stride, width, height}; }
  std::size_t bytes() const { return y.size() + uv.size() + y_alpha.size() + uv_alpha.size(); }
};

// Planes in memory of someone else, who outlives the view. Opaque: no alphas.
struct PlanesView {
  PlanesView() = default;
  PlanesView(const Planes& planes)  // NOLINT(google-explicit-constructor): the same thing, seen
      : width(planes.width),
        height(planes.height),
        y_stride(planes.stride),
        uv_stride(planes.stride),
        y(planes.y.data()),
        uv(planes.uv.data()),
        y_alpha(planes.opaque ? nullptr : planes.y_alpha.data()),
        uv_alpha(planes.opaque ? nullptr : planes.uv_alpha.data()) {}
  bool opaque() const { return y_alpha == nullptr; }

  int width = 0, height = 0;
  int y_stride = 0, uv_stride = 0;  // of the alphas too
  const std::uint8_t *y = nullptr, *uv = nullptr;
  const std::uint8_t *y_alpha = nullptr, *uv_alpha = nullptr;
};

// The raster with its corner at (left, top), each 0 or 1, in planes that begin at (0, 0): so that
// layers may stand on odd pixels too.
Planes ToPlanes(const Raster& raster, int left, int top);

// `rect` and (x, y) are even. Only pixels inside `rect`, the frame and the planes are touched.
void FillRect(const Nv12View& frame, const IntRect& rect, const Yuv& color);
// frame = frame · (255 − opacity) / 255 + opacity: what a full alpha makes of the alphas below it.
void CoverRect(const Nv12View& frame, const IntRect& rect, std::uint8_t opacity);
void BlendPlanes(const Nv12View& frame,
                 const IntRect& rect,
                 const PlanesView& planes,
                 int x,
                 int y,
                 std::uint8_t opacity);
// frame = frame · (255 − opacity) / 255 + over · opacity / 255, inside `rect`.
void CrossFade(const Nv12View& frame,
               const IntRect& rect,
               const Nv12View& over,
               std::uint8_t opacity);

// values[i] = values[i] · shares[i] / 255
void MultiplyRow(const std::uint8_t* shares, std::size_t n, std::uint8_t* values);

// Bilinear. `source` is the part of `planes` to be seen, in its pixels; `box` is where it is seen
// in whole: even. Only `rect` of it is painted. At most kShrinkMax source pixels for one of the
// frame's on either axis. Opaque planes are written, others blended.
inline constexpr double kShrinkMax = 1.8;
void SamplePlanes(const Nv12View& frame,
                  const IntRect& rect,
                  const PlanesView& planes,
                  const Box& source,
                  const IntRect& box,
                  std::uint8_t opacity);

}  // namespace rn
