#include "template/visual_reader.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "template/animation_reader.h"
#include "template/look_reader.h"

namespace rn {
namespace {

using nlohmann::json;

constexpr Length kWhole(100, Length::Unit::kPercent);
constexpr Length kHalf(50, Length::Unit::kPercent);
constexpr Moment kStart{0, std::numeric_limits<double>::infinity()};
constexpr NumberRange kScaleRange{0, 10};
constexpr NumberRange kMirroredRange{-10, 10};
constexpr NumberRange kRotationRange{-36'000, 36'000};  // a hundred turns

bool Keyed(const Fields& fields, const char* key) {
  const json* value = fields.Find(key);
  return value != nullptr && value->is_array();
}

// From 0 to all of it is a fair way to change a size: what has none is not seen for that long.
double Side(const Fields& fields, const char* key, double whole, bool* seen) {
  const double side = fields.Pixels(key, whole, kWhole);
  if (side >= 1 || !Keyed(fields, key)) return side;
  *seen = false;
  return 1;
}

void ReadBox(const Fields& fields, ElementModel* element) {
  const LengthFrame& frame = fields.context().frame;
  const Box& stage = fields.context().stage;
  const double w = Side(fields, "width", stage.w, &element->seen);
  const double h = Side(fields, "height", stage.h, &element->seen);
  const Curve x = fields.PixelCurve("x", stage.w, kHalf);
  const Curve y = fields.PixelCurve("y", stage.h, kHalf);
  element->anchor_x = stage.x + x.At(kStart);
  element->anchor_y = stage.y + y.At(kStart);
  element->motion.dx = x.Plus(-x.At(kStart));
  element->motion.dy = y.Plus(-y.At(kStart));
  const double left = element->anchor_x - fields.Pixels("x_anchor", w, kHalf);
  const double top = element->anchor_y - fields.Pixels("y_anchor", h, kHalf);
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
  element->box = box;
}

void ReadMotion(const Fields& fields, Motion* motion) {
  motion->scale = fields.PercentCurve("scale", 1, kScaleRange);
  motion->x_scale = fields.PercentCurve("x_scale", 1, kMirroredRange);
  motion->y_scale = fields.PercentCurve("y_scale", 1, kMirroredRange);
  motion->rotation_deg = fields.NumberCurve("rotation", 0, kRotationRange);
  motion->opacity = fields.PercentCurve("opacity", 1, {0, 1});
}

}  // namespace

void ReadVisual(const Fields& fields, ElementModel* element) {
  ReadBox(fields, element);
  ReadMotion(fields, &element->motion);
  element->blend = ReadBlendMode(fields);
  element->shadow = ReadShadow(fields, element->box);
  element->mask = ReadMask(fields, element->box);
  element->animations = ReadAnimations(fields, element->box);
}

}  // namespace rn
