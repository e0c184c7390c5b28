// One element's pixels, ready to be laid over a frame.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "pipeline/blend.h"
#include "pipeline/geometry.h"
#include "pipeline/scene.h"

namespace rn {

// At rest it covers `bounds` (in frame pixels, any parity).
class Layer {
 public:
  // A text or a caption page (`page`, `active_word`: as in Draw), a shape, a picture that stands
  // still: everything but Ken Burns. Errors as Compositor::Paint has them, without the pointer.
  static absl::StatusOr<Layer> Rasterise(const Element& element, int page, int active_word);

  const IntRect& bounds() const { return bounds_; }
  // What a viewer should know.
  const std::vector<std::string>& warnings() const { return warnings_; }
  std::size_t bytes() const { return planes_.bytes() + raster_.pixels.size(); }

  // Where the layer is when moved.
  IntRect BoundsAt(int dx, int dy) const {
    return {bounds_.x + dx, bounds_.y + dy, bounds_.w, bounds_.h};
  }
  // Nothing below shows through, at rest or moved by even steps; on odd ones a rim may.
  bool opaque() const { return opaque_; }

  // Paints the part inside `rect` (even). Cheap while the parity of (dx, dy) stays the same.
  void Paint(const Nv12View& frame, const IntRect& rect, int dx, int dy, std::uint8_t opacity);

 private:
  Raster raster_;
  IntRect bounds_;
  std::vector<std::string> warnings_;
  int left_ = -1, top_ = -1;  // of the planes: which parity they were made for
  Planes planes_;
  bool opaque_ = false;
};

// A picture under Ken Burns: kept at the resolution of its largest scale, sampled anew each frame.
class MovingPicture {
 public:
  static absl::StatusOr<MovingPicture> Load(const Element& element);

  // The box, on even pixels, when moved.
  IntRect BoundsAt(int dx, int dy) const;
  bool opaque() const { return planes_.opaque; }
  std::size_t bytes() const { return planes_.bytes(); }
  void Paint(const Nv12View& frame,
             const IntRect& rect,
             const SourceWindow& window,
             int dx,
             int dy,
             std::uint8_t opacity) const;

 private:
  IntRect box_;
  int width_ = 0, height_ = 0;  // of the picture in `planes_`
  Planes planes_;
};

}  // namespace rn
