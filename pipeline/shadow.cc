#include "pipeline/shadow.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "pipeline/blur.h"
#include "pipeline/surface.h"

namespace rn {
namespace {

double Sigma(const Shadow& shadow) {
  return std::max(0.0, shadow.blur_px) / 2;
}

IntRect Moved(const IntRect& rest, const Shadow& shadow) {
  return {rest.x + Round(shadow.dx_px), rest.y + Round(shadow.dy_px), rest.w, rest.h};
}

}  // namespace

IntRect WithShadowBounds(const IntRect& rest, const Shadow& shadow) {
  const IntRect moved = Moved(rest, shadow);
  const int reach = BlurReach(Sigma(shadow));
  const int x = (moved.x - reach) & ~1;
  const int y = (moved.y - reach) & ~1;
  return Bounds(
      rest,
      {x, y, ((moved.right() + reach + 1) & ~1) - x, ((moved.bottom() + reach + 1) & ~1) - y});
}

Planes PaintShadow(const Planes& planes, const IntRect& rest, const Shadow& shadow) {
  const IntRect bounds = WithShadowBounds(rest, shadow);
  const IntRect moved = Moved(rest, shadow);
  // The shadow as a picture of its own, so that its planes are made as those of any other.
  Raster raster{.width = bounds.w, .height = bounds.h, .stride = 4 * bounds.w};
  std::vector<std::uint8_t> alpha(static_cast<std::size_t>(bounds.w) * bounds.h);
  for (int y = 0; y < planes.height; ++y) {
    std::uint8_t* to =
        alpha.data() + std::ptrdiff_t{moved.y - bounds.y + y} * bounds.w + moved.x - bounds.x;
    if (planes.opaque) {
      std::fill_n(to, planes.width, std::uint8_t{255});
    } else {
      std::copy_n(planes.y_alpha.data() + std::ptrdiff_t{y} * planes.stride, planes.width, to);
    }
  }
  Blur(alpha.data(), bounds.w, bounds.h, bounds.w, 1, Sigma(shadow), Beyond::kNothing);
  raster.pixels.resize(4 * alpha.size());
  const unsigned channels[] = {shadow.color.b, shadow.color.g, shadow.color.r, 255};
  std::uint8_t* to = raster.pixels.data();
  for (const std::uint8_t cover : alpha) {
    const unsigned share = unsigned{cover} * shadow.color.a;
    for (const unsigned channel : channels) {
      *to++ = static_cast<std::uint8_t>((share * channel + 255 * 255 / 2) / (255 * 255));
    }
  }
  Planes shadowed = ToPlanes(raster, 0, 0);
  shadowed.AddAlpha();
  return shadowed;
}

Planes WithShadow(const Planes& planes, const IntRect& rest, const Shadow& shadow) {
  Planes shadowed = PaintShadow(planes, rest, shadow);
  const IntRect bounds = WithShadowBounds(rest, shadow);
  Surface(&shadowed, bounds.x, bounds.y).Blend(bounds, planes, rest.x, rest.y, 255);
  return shadowed;
}

}  // namespace rn
