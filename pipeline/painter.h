// Paints lists of draws as NV12, touching only what changed: what Compositor does, frame by frame.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "hwaccel/frame.h"
#include "pipeline/geometry.h"
#include "pipeline/layer_cache.h"
#include "pipeline/scene.h"

namespace rn {

// No pixel loops here: order, clipping and damage only. One thread.
class Painter {
 public:
  // `elements`, which the draws index, and `shared` (may be null) outlive the painter. Even sides.
  Painter(const std::vector<Element>& elements, int width, int height, SharedWork* shared = nullptr)
      : whole_{0, 0, width, height}, layers_(elements, whole_, shared) {}

  // Makes `frame` show `wanted`, and returns where it was painted: Damage(*holds, wanted).
  // `holds`: what it shows now; nullptr: anything. Errors: Compositor::Paint's.
  absl::StatusOr<std::vector<IntRect>> Paint(const DrawList& wanted,
                                             const Nv12View& frame,
                                             const DrawList* holds);

  // Where they may differ; even-aligned, disjoint, inside the frame. Empty: nowhere.
  absl::StatusOr<std::vector<IntRect>> Damage(const DrawList& a, const DrawList& b);

  const std::vector<std::string>& warnings() const { return layers_.warnings(); }

 private:
  absl::StatusOr<std::vector<IntRect>> Between(const DrawList& a, const DrawList& b);
  DrawList Flattened(const DrawList& groups) const;
  void Flatten(const Draw& draw, std::vector<Draw>* draws) const;
  absl::Status PaintRect(const DrawList& groups, const Surface& frame, const IntRect& rect);
  absl::Status PaintGroup(const DrawGroup& group, const Surface& frame, const IntRect& rect);
  absl::Status PaintDraws(const DrawGroup& group, const Surface& surface, const IntRect& rect);

  const IntRect whole_;
  LayerCache layers_;
  // A frame's worth of memory each, for groups that fade or move; only where one does.
  Planes group_, placed_;
};

}  // namespace rn
