// Templates and rows: what is accepted draws something that can be painted, on every frame.
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "base/status.h"
#include "tests/fuzz/scene_input.h"

namespace rn {
namespace {

bool Finite(std::initializer_list<double> numbers) {
  for (const double number : numbers) {
    if (!std::isfinite(number)) return false;
  }
  return true;
}

bool Finite(const Box& box) {
  return Finite({box.x, box.y, box.w, box.h});
}

void CheckDraw(const Scene& scene, const Draw& draw) {
  CHECK(draw.element >= 0 && static_cast<std::size_t>(draw.element) < scene.elements().size());
  CHECK(draw.opacity >= 0 && draw.opacity <= 1);
  CHECK(Finite({draw.dx, draw.dy, draw.scale_x, draw.scale_y, draw.rotation_deg, draw.word_phase}));
  CHECK(Finite(draw.window) && Finite(draw.reveal));
  CHECK(std::isfinite(draw.media_s) && draw.media_s >= 0);
  const Element& element = scene.elements()[static_cast<std::size_t>(draw.element)];
  if (const auto* captions = std::get_if<CaptionContent>(&element.content)) {
    CHECK(draw.page < static_cast<int>(captions->pages.size()));
  }
  for (const Draw& child : draw.children) CheckDraw(scene, child);
}

void CheckFrame(const Scene& scene, std::int64_t n) {
  for (const DrawGroup& group : scene.DrawListAt(n)) {
    CHECK(group.opacity >= 0 && group.opacity <= 1);
    CHECK(Finite({group.dx, group.dy, group.scale}));
    CHECK(!group.clip || Finite(*group.clip));
    for (const Draw& draw : group.draws) CheckDraw(scene, draw);
  }
}

void CheckScene(const Scene& scene) {
  CHECK(scene.width() > 0 && scene.height() > 0 && scene.frame_count() > 0);
  CHECK(scene.poster_frame() >= 0 && scene.poster_frame() < scene.frame_count());
  for (const Element& element : scene.elements()) {
    CHECK(Finite(element.box) && Finite({element.anchor_x, element.anchor_y}));
    CHECK(element.box.w >= 0 && element.box.h >= 0);
  }
  for (const std::int64_t n : SomeFrames(scene)) CheckFrame(scene, n);
}

}  // namespace
}  // namespace rn

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (const auto scene = rn::SceneOf(data, size)) rn::CheckScene(*scene);
  return 0;
}
