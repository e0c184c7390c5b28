#include "template/look_reader.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "template/source_reader.h"

namespace rn {
namespace {

using nlohmann::json;

constexpr Length kNone(0, Length::Unit::kPixels);

// A length that a negative value would make no sense of.
double Extent(const Fields& fields, const char* key, double whole) {
  const double pixels = fields.Pixels(key, whole, kNone);
  if (pixels >= 0) return pixels;
  fields.Report(key, absl::StrCat("is ", pixels, " pixels; it cannot be negative"));
  return 0;
}

Mask ShapeMask(const Fields& fields, const Box& box) {
  Mask mask;
  mask.kind = fields.Choice<Mask::Kind>(
      "shape", {{"rect", Mask::Kind::kRect}, {"ellipse", Mask::Kind::kEllipse}}, Mask::Kind::kRect);
  mask.radius_px = Extent(fields, "border_radius", std::min(box.w, box.h));
  if (mask.kind == Mask::Kind::kEllipse && fields.Has("border_radius")) {
    fields.Report("border_radius", "is for rects; this is an ellipse");
  }
  if (fields.Has("mode")) fields.Report("mode", "is for masks that have a source");
  return mask;
}

Mask PictureMask(const Fields& fields) {
  Mask mask;
  mask.kind = fields.Choice<Mask::Kind>(
      "mode",
      {{"alpha", Mask::Kind::kAlpha}, {"luminance", Mask::Kind::kLuminance}},
      Mask::Kind::kAlpha);
  mask.path = SourceFile(fields, VariableType::kImage);
  for (const char* key : {"shape", "border_radius"}) {
    if (fields.Has(key)) fields.Report(key, "is for masks that have no source");
  }
  return mask;
}

}  // namespace

BlendMode ReadBlendMode(const Fields& fields) {
  return fields.Choice<BlendMode>("blend_mode",
                                  {{"normal", BlendMode::kNormal},
                                   {"multiply", BlendMode::kMultiply},
                                   {"screen", BlendMode::kScreen},
                                   {"overlay", BlendMode::kOverlay},
                                   {"darken", BlendMode::kDarken},
                                   {"lighten", BlendMode::kLighten},
                                   {"color-dodge", BlendMode::kColorDodge},
                                   {"color-burn", BlendMode::kColorBurn},
                                   {"hard-light", BlendMode::kHardLight},
                                   {"soft-light", BlendMode::kSoftLight},
                                   {"difference", BlendMode::kDifference},
                                   {"exclusion", BlendMode::kExclusion}},
                                  BlendMode::kNormal);
}

std::optional<Shadow> ReadShadow(const Fields& fields, const Box& box) {
  bool wanted = false;
  for (const char* key : {"shadow_color", "shadow_x", "shadow_y", "shadow_blur"}) {
    wanted = wanted || fields.Has(key);
  }
  if (!wanted) return std::nullopt;
  Shadow shadow;
  shadow.color = fields.Color("shadow_color").value_or(shadow.color);
  shadow.dx_px = fields.Pixels("shadow_x", box.w, kNone);
  shadow.dy_px = fields.Pixels("shadow_y", box.h, kNone);
  shadow.blur_px = Extent(fields, "shadow_blur", std::min(box.w, box.h));
  const LengthFrame& frame = fields.context().frame;
  const double limit = std::max(frame.width, frame.height);  // Further out nothing of it is left.
  if (shadow.blur_px > limit) {
    fields.Report("shadow_blur", absl::StrCat("is ", shadow.blur_px, " pixels; at most ", limit));
  }
  if (shadow.color.a == 0) return std::nullopt;
  return shadow;
}

std::optional<Mask> ReadMask(const Fields& fields, const Box& box) {
  std::string pointer;
  const json* object = fields.Find("mask", &pointer);
  const json* type = fields.Find("type");
  const bool rounded = fields.Has("border_radius") && type != nullptr && *type != "shape";
  if (object == nullptr || !object->is_object()) {
    if (!rounded) return std::nullopt;
    const double radius = Extent(fields, "border_radius", std::min(box.w, box.h));
    return Mask{.kind = Mask::Kind::kRect, .radius_px = radius, .path = "", .inverted = false};
  }
  if (rounded && fields.LayerOf("mask") == fields.LayerOf("border_radius")) {
    fields.Report("border_radius", "stands beside \"mask\"; give the mask a border_radius");
  }
  const Fields mask_fields(fields.context(), *object, pointer);
  Mask mask = mask_fields.Has("source") ? PictureMask(mask_fields) : ShapeMask(mask_fields, box);
  mask.inverted = mask_fields.Flag("inverted", false);
  return mask;
}

}  // namespace rn
