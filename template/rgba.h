// A colour.
#pragma once

#include <cstdint>

namespace rn {

// sRGB, straight alpha.
struct Rgba {
  std::uint8_t r = 0, g = 0, b = 0, a = 255;
  bool operator==(const Rgba&) const = default;
};

}  // namespace rn
