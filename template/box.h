// A rectangle of the output frame.
#pragma once

namespace rn {

// Pixels; x right, y down.
struct Box {
  double x = 0, y = 0, w = 0, h = 0;
  bool operator==(const Box&) const = default;
};

}  // namespace rn
