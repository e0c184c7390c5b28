#include "pipeline/element_reader.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/nearest.h"
#include "pipeline/image_reader.h"
#include "pipeline/shape_reader.h"
#include "pipeline/sound_reader.h"
#include "pipeline/template_document.h"
#include "pipeline/text_reader.h"
#include "pipeline/visual_reader.h"

namespace rn {
namespace {

using nlohmann::json;

ElementSpan ReadSpan(const Fields& fields, absl::string_view type) {
  ElementSpan span;
  span.begin = fields.Seconds("time");
  const bool loops = type == "audio" && fields.Flag("loop", false);
  const bool sound = type == "voice" || (type == "audio" && !loops);
  span.until = sound ? ElementSpan::Until::kMedia : ElementSpan::Until::kEnd;
  const json* duration = fields.Find("duration");
  if (duration == nullptr) return span;
  if (duration->is_number()) {
    if (type == "voice") fields.Report("duration", "a voice is as long as what it says");
    span.until = ElementSpan::Until::kSeconds;
    span.length = absl::Seconds(duration->get<double>());
  } else if (const auto text = fields.Text("duration")) {
    span.until = *text == "media" ? ElementSpan::Until::kMedia : ElementSpan::Until::kEnd;
    if (*text != "media" && *text != "end") {
      fields.Report("duration", UnknownName("duration", *text, {"end", "media"}));
    } else if (*text == "media" && !sound) {
      fields.Report("duration",
                    loops ? "what loops has no length of its own; use \"end\" or seconds"
                          : "\"media\" is for voice and audio; use \"end\" or seconds");
    } else if (*text == "end" && type == "voice") {
      fields.Report("duration", "a voice is as long as what it says");
    }
  }
  return span;
}

ElementModel ReadLayers(const Fields& fields,
                        const std::string& pointer,
                        absl::string_view type,
                        std::vector<VoiceCue>* voices) {
  ElementModel element;
  element.pointer = pointer;
  // A name is how others find it: it is the template's, never a row's.
  if (const json* name = fields.Find("name"); name != nullptr && name->is_string()) {
    element.name = name->get<std::string>();
  }
  const bool heard = type == "voice" || type == "audio";
  if (!heard) ReadVisual(fields, &element);
  if (type == "image") element.kind = ReadImage(fields);
  if (type == "shape") element.kind = ReadShape(fields, pointer);
  if (type == "text") element.kind = ReadText(fields, element.box);
  if (type == "captions") element.kind = ReadCaptions(fields, element.box);
  if (type == "voice") element.kind = ReadVoice(fields, element, voices);
  if (type == "audio") element.kind = ReadAudio(fields);
  element.span = ReadSpan(fields, type);
  return element;
}

// What the chosen variant says about the element, if anything.
const json* VariantLayer(const ReadContext& context,
                         const json& element,
                         const std::string& pointer) {
  const auto variants = element.find("variants");
  if (variants == element.end() || !variants->is_object()) return nullptr;
  const json* chosen = nullptr;
  for (const auto& [name, properties] : variants->items()) {
    const std::string place = absl::StrCat(pointer, "/variants/", PointerStep(name));
    if (std::find(context.variant_names.begin(), context.variant_names.end(), name) ==
        context.variant_names.end()) {
      context.Report(place, UnknownName("variant", name, context.variant_names));
    }
    for (const char* fixed : {"type", "name", "condition", "variants"}) {
      if (properties.is_object() && properties.contains(fixed)) {
        context.Report(absl::StrCat(place, "/", fixed), "is the same in every variant");
      }
    }
    if (name == context.variant) chosen = &properties;
  }
  return chosen;
}

}  // namespace

ElementModel ReadElement(const ReadContext& context,
                         const json& element,
                         const std::string& pointer,
                         const std::vector<FieldLayer>& defaults,
                         std::vector<VoiceCue>* voices) {
  std::string type;
  if (element.is_object() && element.contains("type") && element["type"].is_string()) {
    type = element["type"].get<std::string>();
  }
  std::vector<FieldLayer> layers;
  if (const json* variant =
          element.is_object() ? VariantLayer(context, element, pointer) : nullptr) {
    layers.push_back({variant, absl::StrCat(pointer, "/variants/", PointerStep(context.variant))});
  }
  layers.push_back({&element, pointer});
  for (const FieldLayer& look : defaults) {
    if (!look.object->is_object()) continue;
    const auto of_type = look.object->find(type);
    if (of_type != look.object->end()) {
      layers.push_back({&*of_type, absl::StrCat(look.pointer, "/", type)});
    }
  }
  return ReadLayers(Fields(context, std::move(layers)), pointer, type, voices);
}

}  // namespace rn
