// What of an element is seen, as a picture whose alphas say how much.
#pragma once

#include "absl/status/statusor.h"
#include "pipeline/layer.h"
#include "pipeline/scene.h"

namespace rn {

// Laid over `box`; `mask.inverted` is left to who cuts with it. Errors: DecodeImage's.
absl::StatusOr<Layer> RasteriseMask(const Mask& mask, const Box& box);

}  // namespace rn
