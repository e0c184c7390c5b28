#include "template/shape_reader.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace rn {
namespace {

using nlohmann::json;

constexpr Length kNone(0, Length::Unit::kPixels);
constexpr Length kWhole(100, Length::Unit::kPercent);

Fill Gradient(const ReadContext& context, const json& gradient, const std::string& pointer) {
  Fill fill;
  const Fields fields(context, gradient, pointer);
  fill.kind = fields.Choice<Fill::Kind>(
      "type", {{"linear", Fill::Kind::kLinear}, {"radial", Fill::Kind::kRadial}}, fill.kind);
  fill.angle_deg = fields.Number("angle", 180, {-360, 360});
  if (fill.kind == Fill::Kind::kRadial && fields.Has("angle")) {
    fields.Report("angle", "is for linear gradients; this is a radial one");
  }
  const auto stops = gradient.find("stops");
  if (stops == gradient.end() || !stops->is_array()) return fill;
  for (std::size_t i = 0; i < stops->size(); ++i) {
    const Fields stop(context, stops->at(i), absl::StrCat(pointer, "/stops/", i));
    const double even =
        stops->size() > 1 ? static_cast<double>(i) / static_cast<double>(stops->size() - 1) : 0;
    const double offset = stop.Number("offset", even, {0, 1});
    Rgba color = stop.Color("color").value_or(Rgba{});
    color.a = static_cast<std::uint8_t>(std::lround(color.a * stop.Number("opacity", 1, {0, 1})));
    if (!fill.stops.empty() && offset < fill.stops.back().offset) {
      stop.Report("offset", "stops stand in order of their offset");
    }
    fill.stops.push_back({offset, color});
  }
  return fill;
}

}  // namespace

std::optional<Fill> ReadFill(const Fields& fields) {
  const std::size_t gradient_layer = fields.LayerOf("fill");
  const std::size_t color_layer = fields.LayerOf("fill_color");
  std::string pointer;
  const json* gradient = fields.Find("fill", &pointer);
  if (gradient != nullptr && gradient_layer == color_layer) {
    fields.Report("fill", "stands beside \"fill_color\"; keep one of them");
  } else if (gradient != nullptr && gradient->is_object() && gradient_layer < color_layer) {
    return Gradient(fields.context(), *gradient, pointer);
  } else if (const auto color = fields.Color("fill_color")) {
    Fill fill;
    fill.stops = {{0, *color}};
    return fill;
  }
  return std::nullopt;
}

double ShorterSide(const Fields& fields) {
  const Box& stage = fields.context().stage;
  return std::min(fields.Pixels("width", stage.w, kWhole),
                  fields.Pixels("height", stage.h, kWhole));
}

std::optional<Stroke> ReadStroke(const Fields& fields) {
  const double width = fields.Pixels("stroke_width", ShorterSide(fields), kNone);
  const auto color = fields.Color("stroke_color");
  if (!(width > 0) || !color) return std::nullopt;
  return Stroke{*color, width};
}

ShapeContent ReadShape(const Fields& fields, const std::string& pointer) {
  ShapeContent shape;
  shape.kind = fields.Choice<ShapeContent::Kind>(
      "shape",
      {{"rect", ShapeContent::Kind::kRect}, {"ellipse", ShapeContent::Kind::kEllipse}},
      ShapeContent::Kind::kRect);
  if (shape.kind == ShapeContent::Kind::kEllipse && fields.Has("border_radius")) {
    fields.Report("border_radius", "is for rects; this is an ellipse");
  }
  shape.radius_px = fields.Pixels("border_radius", ShorterSide(fields), kNone);
  shape.stroke = ReadStroke(fields);
  shape.fill = ReadFill(fields).value_or(Fill());
  if (!fields.Has("fill_color") && !fields.Has("fill")) {
    fields.context().Report(pointer, "a shape needs \"fill_color\" or \"fill\"");
  }
  return shape;
}

}  // namespace rn
