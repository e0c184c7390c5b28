#include "catalog/template_outline.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace rn {
namespace {

using nlohmann::json;

constexpr int kDepthMax = 24;   // As the template language has it.
constexpr int kPixelsMin = 16;  // As schema.json has them.
constexpr int kPixelsMax = 8192;

const json& Member(const json& object, const char* name) {
  static const json none;
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() ? *found : none;
}

std::string Text(const json& object, const char* name) {
  const json& member = Member(object, name);
  return member.is_string() ? member.get<std::string>() : "";
}

// Of "/output/<side>". Anything else would be a size that nothing can be computed with.
absl::StatusOr<int> Pixels(const json& document, const char* side) {
  const json& pixels = Member(Member(document, "output"), side);
  if (!pixels.is_number_integer() || pixels < kPixelsMin || pixels > kPixelsMax) {
    return absl::InvalidArgumentError(absl::StrCat("/output/",
                                                   side,
                                                   ": must be a whole number of pixels from ",
                                                   kPixelsMin,
                                                   " to ",
                                                   kPixelsMax));
  }
  return pixels.get<int>();
}

std::vector<std::string> Keys(const json& object) {
  std::vector<std::string> keys;
  for (const auto& item : object.items()) {
    keys.push_back(item.key());
  }
  return keys;
}

rendernode::Asset::Kind KindOf(const std::string& type) {
  if (type == "image") return rendernode::Asset::IMAGE;
  if (type == "video") return rendernode::Asset::VIDEO;
  if (type == "audio") return rendernode::Asset::AUDIO;
  if (type == "subtitles") return rendernode::Asset::SUBTITLES;
  return rendernode::Asset::KIND_UNSPECIFIED;
}

void Add(const std::string& name, std::vector<std::string>* names) {
  if (std::find(names->begin(), names->end(), name) == names->end()) {
    names->push_back(name);
  }
}

// Elements stand at any depth: scenes, variants of elements, defaults of a look.
void Walk(const json& value, int depth, TemplateOutline* outline) {
  if (depth > kDepthMax || !value.is_structured()) {
    return;
  }
  const std::string source = Text(value, "source");
  if (absl::StartsWith(source, "music:") || absl::StartsWith(source, "asset:")) {
    Add(source, &outline->sources);
  }
  const std::string voice = Text(value, "voice");
  if (!voice.empty() && !absl::StrContains(voice, "{{")) {
    Add(voice, &outline->voices);
  }
  for (const json& child : value) {
    Walk(child, depth + 1, outline);
  }
}

}  // namespace

absl::StatusOr<TemplateOutline> OutlineTemplate(absl::string_view text) {
  const json document = json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) {
    return absl::InvalidArgumentError("not a JSON object");
  }
  TemplateOutline outline;
  ASSIGN_OR_RETURN(outline.width, Pixels(document, "width"));
  ASSIGN_OR_RETURN(outline.height, Pixels(document, "height"));
  for (const char* table : {"variables", "styles", "color_schemes", "variants"}) {
    if (const json& member = Member(document, table); !member.is_null() && !member.is_object()) {
      return absl::InvalidArgumentError(absl::StrCat("/", table, ": must be an object"));
    }
  }
  for (const auto& item : Member(document, "variables").items()) {
    const std::string type = Text(item.value(), "type");
    const json& value = Member(item.value(), "default");
    const bool has_default = value.is_number() || !Text(item.value(), "default").empty();
    const bool required = Member(item.value(), "required") == true && !has_default;
    outline.variables[item.key()] = {
        .required = required, .voice = type == "voice", .asset = KindOf(type)};
    if (type == "voice" && !Text(item.value(), "default").empty()) {
      Add(Text(item.value(), "default"), &outline.voices);
    }
  }
  outline.styles = Keys(Member(document, "styles"));
  outline.color_schemes = Keys(Member(document, "color_schemes"));
  outline.variants = Keys(Member(document, "variants"));
  Walk(document, 0, &outline);
  return outline;
}

}  // namespace rn
