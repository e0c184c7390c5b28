// Paints a Scene's frames as NV12 into memory that the encoder owns, touching only what changed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "hwaccel/frame.h"
#include "pipeline/geometry.h"
#include "pipeline/scene.h"

namespace rn {

class SharedWork;

// No pixel loops here: order, clipping and damage only; blend.h moves the pixels. One thread.
class Compositor {
 public:
  // `scene` and `shared` must outlive the compositor. Layers are rasterised at first use, or are
  // those of earlier items that `shared` (may be null) has; memory is bounded.
  static absl::StatusOr<std::unique_ptr<Compositor>> Create(const Scene& scene,
                                                            SharedWork* shared = nullptr);
  virtual ~Compositor() = default;

  // Makes `frame` show frame `n`. `holds`: the frame of this scene that it shows now (nothing:
  // unknown content): only the difference is painted, and returned: Damage(*holds, n). Errors: an
  // undecodable picture, a text that cannot be set; they name the element's pointer and carry
  // TEMPLATE_RENDER_ERROR.
  virtual absl::StatusOr<std::vector<IntRect>> Paint(std::int64_t n,
                                                     const Nv12View& frame,
                                                     std::optional<std::int64_t> holds) = 0;

  // Where frames `a` and `b` may differ; even-aligned, disjoint, inside the frame. Empty: the same.
  // May rasterise layers to see how far they reach; errors as Paint.
  virtual absl::StatusOr<std::vector<IntRect>> Damage(std::int64_t a, std::int64_t b) = 0;

  // What a viewer should know: "missing glyph U+1F9FF in /scenes/0/elements/2".
  virtual const std::vector<std::string>& warnings() const = 0;
};

}  // namespace rn
