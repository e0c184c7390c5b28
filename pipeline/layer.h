// One element's pixels, ready to be laid over a frame.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "pipeline/blend.h"
#include "pipeline/geometry.h"
#include "pipeline/picture.h"
#include "pipeline/placement.h"
#include "pipeline/scene.h"
#include "pipeline/surface.h"

namespace rn {

// Copies share their pixels. At rest it covers `bounds`: frame pixels, even; what it does not fill
// of them is transparent.
class Layer {
 public:
  // What `draw` shows of a text, a caption, a shape, a picture that stands still: at rest, neither
  // masked nor shadowed. Errors as Compositor::Paint has them, without the pointer.
  static absl::StatusOr<Layer> Rasterise(const Element& element, const Draw& draw);
  // `planes` with their corner at (x, y), even.
  Layer(Planes planes, int x, int y);
  explicit Layer(PlacedPlanes placed) : Layer(std::move(placed.planes), placed.x, placed.y) {}

  const IntRect& bounds() const { return bounds_; }
  // What a viewer should know.
  const std::vector<std::string>& warnings() const { return warnings_; }
  std::size_t bytes() const { return planes_->bytes() + pyramid_.bytes(); }
  // Nothing below shows through.
  bool opaque() const { return planes_->opaque; }
  const Planes& planes() const { return *planes_; }
  // What it is scaled from.
  Pyramid& pyramid() { return pyramid_; }

 private:
  std::shared_ptr<const Planes> planes_;
  IntRect bounds_;
  Pyramid pyramid_;  // sees planes_
  std::vector<std::string> warnings_;
};

// A picture under Ken Burns, copies sharing its pixels: kept at the resolution of its largest
// scale, sampled anew each frame.
class MovingPicture {
 public:
  static absl::StatusOr<MovingPicture> Load(const Element& element);

  // The box, on even pixels.
  const IntRect& bounds() const { return box_; }
  bool opaque() const { return planes_->opaque; }
  std::size_t bytes() const { return planes_->bytes(); }
  // Moved by (dx, dy), even.
  void Paint(const Surface& surface,
             const IntRect& rect,
             const SourceWindow& window,
             int dx,
             int dy,
             std::uint8_t opacity) const;

 private:
  IntRect box_;
  int width_ = 0, height_ = 0;  // of the picture in `planes_`
  std::shared_ptr<const Planes> planes_;
};

}  // namespace rn
