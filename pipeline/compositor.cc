#include "pipeline/compositor.h"

#include <utility>

#include "pipeline/painter.h"

namespace rn {
namespace {

class SceneCompositor final : public Compositor {
 public:
  SceneCompositor(const Scene& scene, SharedWork* shared)
      : scene_(scene), painter_(scene.elements(), scene.width(), scene.height(), shared) {}

  absl::StatusOr<std::vector<IntRect>> Paint(std::int64_t n,
                                             const Nv12View& frame,
                                             std::optional<std::int64_t> holds) override {
    if (!holds) return painter_.Paint(scene_.DrawListAt(n), frame, nullptr);
    const DrawList held = scene_.DrawListAt(*holds);
    return painter_.Paint(scene_.DrawListAt(n), frame, &held);
  }

  absl::StatusOr<std::vector<IntRect>> Damage(std::int64_t a, std::int64_t b) override {
    return painter_.Damage(scene_.DrawListAt(a), scene_.DrawListAt(b));
  }

  const std::vector<std::string>& warnings() const override { return painter_.warnings(); }

 private:
  const Scene& scene_;  // Outlives us.
  Painter painter_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Compositor>> Compositor::Create(const Scene& scene,
                                                               SharedWork* shared) {
  return std::make_unique<SceneCompositor>(scene, shared);
}

}  // namespace rn
