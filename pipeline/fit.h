// How pictures fill their boxes.
#pragma once

#include "pipeline/scene.h"  // Fit

namespace rn {

// What a picture is scaled by.
struct FitScale {
  double x = 1, y = 1;
};
FitScale ScaleToFit(Fit fit, int width, int height, int box_width, int box_height);

}  // namespace rn
