#include "template/image_reader.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "template/source_reader.h"

namespace rn {
namespace {

using nlohmann::json;

SourceWindow Window(const Fields& ken_burns, const char* key, ImageModel* image) {
  std::string pointer;
  const json* point = ken_burns.Find(key, &pointer);
  if (point == nullptr || !point->is_object()) return {0, 0, 1, 1};
  const Fields fields(ken_burns.context(), *point, pointer);
  const double scale = fields.Number("scale", 1);
  image->content.scale_max = std::max(image->content.scale_max, scale);
  const double size = scale >= 1 ? 1 / scale : 1;
  const auto corner = [size](double middle) {
    return std::clamp(middle - size / 2, 0.0, 1 - size);
  };
  return {corner(fields.Percent("x", 0.5)), corner(fields.Percent("y", 0.5)), size, size};
}

}  // namespace

ImageModel ReadImage(const Fields& fields) {
  ImageModel image;
  image.content.path = SourceFile(fields, VariableType::kImage);
  image.content.fit = ReadFit(fields);
  std::string pointer;
  const json* ken_burns = fields.Find("ken_burns", &pointer);
  if (ken_burns == nullptr || !ken_burns->is_object()) return image;
  const Fields move_fields(fields.context(), *ken_burns, pointer);
  KenBurns move{Window(move_fields, "from", &image),
                Window(move_fields, "to", &image),
                move_fields.EasingAt("easing")};
  image.content.moves = !(move.from == move.to);
  image.ken_burns = move;
  return image;
}

}  // namespace rn
