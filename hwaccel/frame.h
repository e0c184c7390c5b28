// A picture in memory: NV12, BT.709, limited range; and a part of one.
#pragma once

#include <cstdint>

namespace rn {

struct FrameRate {
  int num = 30, den = 1;
  bool operator==(const FrameRate&) const = default;
};

// Pixels; x right, y down; right and bottom are exclusive ends.
struct IntRect {
  int x = 0, y = 0, w = 0, h = 0;
  bool empty() const { return w <= 0 || h <= 0; }
  int right() const { return x + w; }
  int bottom() const { return y + h; }
  bool operator==(const IntRect&) const = default;
};

// A view; whoever handed it out says how long it lives. width and height are even.
// uv: interleaved U V, half width and half height; strides in bytes.
struct Nv12View {
  std::uint8_t* y = nullptr;
  std::uint8_t* uv = nullptr;
  int y_stride = 0;
  int uv_stride = 0;
  int width = 0;
  int height = 0;
};

}  // namespace rn
