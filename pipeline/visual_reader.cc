#include "pipeline/visual_reader.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace rn {
namespace {

using nlohmann::json;

constexpr Length kWhole(100, Length::Unit::kPercent);
constexpr Length kHalf(50, Length::Unit::kPercent);

Box RestingBox(const Fields& fields) {
  const LengthFrame& frame = fields.context().frame;
  const double w = fields.Pixels("width", frame.width, kWhole);
  const double h = fields.Pixels("height", frame.height, kWhole);
  const double left = fields.Pixels("x", frame.width, kHalf) - fields.Pixels("x_anchor", w, kHalf);
  const double top = fields.Pixels("y", frame.height, kHalf) - fields.Pixels("y_anchor", h, kHalf);
  // Whole pixels: edges stay sharp, and what touches in the template touches on screen.
  const Box box{std::round(left),
                std::round(top),
                std::round(left + w) - std::round(left),
                std::round(top + h) - std::round(top)};
  constexpr double kFramesMax = 4;  // A layer is rasterised whole; memory follows its box.
  if (box.w < 1 || box.w > kFramesMax * frame.width) {
    fields.Report("width", absl::StrCat("is ", box.w, " pixels; valid: 1 to 4 frame widths"));
  }
  if (box.h < 1 || box.h > kFramesMax * frame.height) {
    fields.Report("height", absl::StrCat("is ", box.h, " pixels; valid: 1 to 4 frame heights"));
  }
  if (std::abs(box.x) > kFramesMax * frame.width || std::abs(box.y) > kFramesMax * frame.height) {
    fields.Report("x", "stands more than 4 frames away");
  }
  return box;
}

AnimationModel Animation(const Fields& fields, const Box& box) {
  AnimationModel animation;
  animation.exit = fields.Choice<bool>("time", {{"start", false}, {"end", true}}, false);
  animation.duration = fields.Seconds("duration", absl::Milliseconds(500));
  animation.easing = fields.EasingAt("easing");
  animation.fades = fields.Choice<bool>("type", {{"fade", true}, {"slide", false}}, false);
  if (animation.fades) {
    for (const char* key : {"direction", "distance"}) {
      if (fields.Has(key)) fields.Report(key, "is for slides; this is a fade");
    }
    return animation;
  }
  enum class Way { kUp, kDown, kLeft, kRight };
  const Way way = fields.Choice<Way>(
      "direction",
      {{"up", Way::kUp}, {"down", Way::kDown}, {"left", Way::kLeft}, {"right", Way::kRight}},
      Way::kUp);
  const bool vertical = way == Way::kUp || way == Way::kDown;
  const double distance = fields.Pixels("distance", vertical ? box.h : box.w, kWhole);
  // An entrance comes from behind its way, an exit goes on along it.
  const bool positive = way == Way::kDown || way == Way::kRight;
  const double moved = std::round(distance) * (positive == animation.exit ? 1 : -1);
  (vertical ? animation.dy : animation.dx) = moved;
  return animation;
}

}  // namespace

void ReadVisual(const Fields& fields, ElementModel* element) {
  element->box = RestingBox(fields);
  element->opacity = fields.Number("opacity", 1);
  std::string pointer;
  const json* animations = fields.Find("animations", &pointer);
  if (animations == nullptr || !animations->is_array()) return;
  for (std::size_t i = 0; i < animations->size(); ++i) {
    const Fields animation(fields.context(), animations->at(i), absl::StrCat(pointer, "/", i));
    element->animations.push_back(Animation(animation, element->box));
  }
}

}  // namespace rn
