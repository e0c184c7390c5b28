#include "pipeline/compositor.h"

#include <cmath>
#include <utility>

#include "base/status.h"
#include "pipeline/blend.h"
#include "pipeline/damage.h"
#include "pipeline/layer_cache.h"

namespace rn {
namespace {

class SceneCompositor final : public Compositor {
 public:
  explicit SceneCompositor(const Scene& scene) : scene_(scene), layers_(scene) {}

  absl::StatusOr<std::vector<IntRect>> Paint(std::int64_t n,
                                             const Nv12View& frame,
                                             std::optional<std::int64_t> holds) override {
    layers_.BeginFrame();
    const DrawList wanted = scene_.DrawListAt(n);
    std::vector<IntRect> rects = {Whole()};
    if (holds.has_value()) {
      ASSIGN_OR_RETURN(rects, Between(scene_.DrawListAt(*holds), wanted));
    }
    for (const IntRect& rect : rects) {
      RETURN_IF_ERROR(PaintRect(wanted, frame, rect));
    }
    return rects;
  }

  absl::StatusOr<std::vector<IntRect>> Damage(std::int64_t a, std::int64_t b) override {
    layers_.BeginFrame();
    return Between(scene_.DrawListAt(a), scene_.DrawListAt(b));
  }

  const std::vector<std::string>& warnings() const override { return layers_.warnings(); }

 private:
  IntRect Whole() const { return {0, 0, scene_.width(), scene_.height()}; }

  absl::StatusOr<std::vector<IntRect>> Between(const DrawList& a, const DrawList& b) {
    return DamageBetween(a, b, Whole(), [&](const Draw& draw) { return layers_.BoundsOf(draw); });
  }

  // Groups from the last one that covers everything on: what is below it is never seen.
  absl::Status PaintRect(const DrawList& groups, const Nv12View& frame, const IntRect& rect) {
    std::size_t first = groups.size();
    while (first > 0 && !(groups[first - 1].background && groups[first - 1].opacity >= 1)) {
      --first;
    }
    if (first == 0) {
      FillRect(frame, rect, ToYuv({0, 0, 0, 255}));
    }
    for (std::size_t g = first == 0 ? 0 : first - 1; g < groups.size(); ++g) {
      const DrawGroup& group = groups[g];
      if (group.opacity >= 1) {
        RETURN_IF_ERROR(PaintGroup(group, frame, rect));
      } else {
        const Nv12View scratch = Scratch();
        RETURN_IF_ERROR(PaintGroup(group, scratch, rect));
        CrossFade(
            frame, rect, scratch, static_cast<std::uint8_t>(std::lround(group.opacity * 255)));
      }
    }
    return absl::OkStatus();
  }

  absl::Status PaintGroup(const DrawGroup& group, const Nv12View& frame, const IntRect& rect) {
    std::size_t first = group.draws.size();
    bool hidden = false;  // the background
    while (first > 0 && !hidden) {
      ASSIGN_OR_RETURN(hidden, layers_.Hides(group.draws[--first], rect));
    }
    if (!hidden && group.background) {
      FillRect(frame, rect, ToYuv(*group.background));
    }
    for (std::size_t i = first; i < group.draws.size(); ++i) {
      RETURN_IF_ERROR(layers_.Paint(group.draws[i], frame, rect));
    }
    return absl::OkStatus();
  }

  // A frame's worth of memory for groups that fade; only where something fades.
  Nv12View Scratch() {
    const int w = scene_.width();
    const int h = scene_.height();
    scratch_.resize(static_cast<std::size_t>(w) * h * 3 / 2);
    return {scratch_.data(), scratch_.data() + static_cast<std::ptrdiff_t>(w) * h, w, w, w, h};
  }

  const Scene& scene_;  // Outlives us.
  LayerCache layers_;
  std::vector<std::uint8_t> scratch_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Compositor>> Compositor::Create(const Scene& scene) {
  return std::make_unique<SceneCompositor>(scene);
}

}  // namespace rn
