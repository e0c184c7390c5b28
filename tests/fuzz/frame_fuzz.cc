// The pixels of what a template says: painted, or refused with a reason.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/status.h"
#include "pipeline/compositor.h"
#include "tests/fuzz/scene_input.h"

namespace rn {
namespace {

constexpr int kPixelsMax = 128 * 128;  // of a frame: more is slow and finds no more

void Paint(const Scene& scene) {
  if (scene.width() * scene.height() > kPixelsMax) return;
  const auto compositor = Compositor::Create(scene);
  CHECK(compositor.ok());
  const int w = scene.width();
  // On the heap and no larger than it is: a pixel beyond it is a finding.
  std::vector<std::uint8_t> y(static_cast<std::size_t>(w) * scene.height());
  std::vector<std::uint8_t> uv(y.size() / 2);
  const Nv12View frame{y.data(), uv.data(), w, w, w, scene.height()};
  std::optional<std::int64_t> holds;
  for (const std::int64_t n : SomeFrames(scene)) {
    const auto painted = (*compositor)->Paint(n, frame, holds);
    CHECK(painted.ok() || !painted.status().message().empty());
    if (!painted.ok()) return;
    holds = n;
  }
}

}  // namespace
}  // namespace rn

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (const auto scene = rn::SceneOf(data, size)) rn::Paint(*scene);
  return 0;
}
