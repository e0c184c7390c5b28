// Gaussian blur of small pictures and of shadows.
#pragma once

#include <cstdint>

namespace rn {

// What lies beyond the picture: nothing at all, or its edge's own colour for ever.
enum class Beyond { kNothing, kEdge };

// In place, each of the interleaved `channels` for itself. Exact for small sigmas, three box blurs
// for larger ones: within 4 % of a Gaussian. Costs the same for every large sigma.
void Blur(std::uint8_t* pixels,
          int width,
          int height,
          int stride,
          int channels,
          double sigma,
          Beyond beyond);

// How far a blur makes a picture reach.
int BlurReach(double sigma);

}  // namespace rn
