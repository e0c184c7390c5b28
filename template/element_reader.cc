#include "template/element_reader.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/nearest.h"
#include "template/image_reader.h"
#include "template/shape_reader.h"
#include "template/sound_reader.h"
#include "template/template_document.h"
#include "template/text_reader.h"
#include "template/video_reader.h"
#include "template/visual_reader.h"

namespace rn {
namespace {

using nlohmann::json;

ElementSpan ReadSpan(const Fields& fields, absl::string_view type) {
  ElementSpan span;
  span.begin = fields.Seconds("time");
  const bool file = type == "audio" || type == "video";
  const bool loops = file && fields.Flag("loop", false);
  const bool sound = type == "voice" || (file && !loops);
  span.until = sound ? ElementSpan::Until::kMedia : ElementSpan::Until::kEnd;
  const json* duration = fields.Find("duration");
  if (duration == nullptr) return span;
  double seconds = 0;
  const auto text = fields.Text("duration");
  if (duration->is_number() || (text && absl::SimpleAtod(*text, &seconds))) {
    if (type == "voice") fields.Report("duration", "a voice is as long as what it says");
    span.until = ElementSpan::Until::kSeconds;
    span.length = absl::Seconds(fields.Number("duration", 0, {0.01, kSecondsRange.high}));
  } else if (text) {
    span.until = *text == "media" ? ElementSpan::Until::kMedia : ElementSpan::Until::kEnd;
    if (*text != "media" && *text != "end") {
      fields.Report("duration", UnknownName("duration", *text, {"end", "media"}));
    } else if (*text == "media" && !sound) {
      fields.Report("duration",
                    loops ? "what loops has no length of its own; use \"end\" or seconds"
                          : "\"media\" is for voice, audio and video; use \"end\" or seconds");
    } else if (*text == "end" && type == "voice") {
      fields.Report("duration", "a voice is as long as what it says");
    }
  }
  return span;
}

// Everything but a group's children and what else is there only once in an element's life.
ElementModel ReadLook(const Fields& fields, const std::string& pointer, const std::string& type) {
  ElementModel element;
  element.pointer = pointer;
  ReadVisual(fields, &element);
  if (type == "image") element.kind = ReadImage(fields);
  if (type == "video") element.kind = ReadVideo(fields);
  if (type == "shape") element.kind = ReadShape(fields, pointer);
  if (type == "text") element.kind = ReadText(fields, element.box);
  if (type == "captions") element.kind = ReadCaptions(fields, element.box);
  if (type == "group") element.kind = GroupModel{};
  return element;
}

// What reading an element again needs once its template and its row are gone.
class KeptElement {
 public:
  KeptElement(const ReadContext& context,
              const std::vector<FieldLayer>& layers,
              std::string pointer,
              std::string type)
      : variables_(context.variables),
        values_(*context.values),
        paths_(context.input->asset_paths),
        palette_(context.palette),
        frame_(context.frame),
        stage_(context.stage),
        pointer_(std::move(pointer)),
        type_(std::move(type)) {
    for (const FieldLayer& layer : layers) {
      objects_.push_back(*layer.object);
      pointers_.push_back(layer.pointer);
    }
  }

  ElementModel At(const Moment& moment, std::vector<Problem>* problems) const {
    // Voices are of the job; nothing that is seen looks for them.
    static const rendernode::JobSpec* const job = new rendernode::JobSpec;
    static const rendernode::ItemSpec* const item = new rendernode::ItemSpec;
    const BindInput input{*job, *item, paths_};
    const ReadContext context{.variables = variables_,
                              .values = &values_,
                              .input = &input,
                              .palette = palette_,
                              .frame = frame_,
                              .stage = stage_,
                              .moment = moment,
                              .problems = problems};
    std::vector<FieldLayer> layers;
    for (std::size_t i = 0; i < objects_.size(); ++i)
      layers.push_back({&objects_[i], pointers_[i]});
    return ReadLook(Fields(context, std::move(layers)), pointer_, type_);
  }

 private:
  const VariableMap variables_;
  const VariableValues values_;
  const std::map<std::string, std::string> paths_;
  const Palette palette_;
  const LengthFrame frame_;
  const Box stage_;
  const std::string pointer_, type_;
  std::vector<json> objects_;
  std::vector<std::string> pointers_;
};

// What others are laid out by holds still.
void CheckKeyed(const ReadContext& context,
                const std::vector<KeyedProperty>& properties,
                const std::string& type) {
  const std::vector<absl::string_view> of_groups = {"width", "height", "x_anchor", "y_anchor"};
  const std::vector<absl::string_view> of_captions = {"width",
                                                      "height",
                                                      "font_size",
                                                      "font_size_minimum",
                                                      "font_size_maximum",
                                                      "line_height",
                                                      "letter_spacing"};
  for (const KeyedProperty& property : properties) {
    const auto& fixed = type == "group" ? of_groups : of_captions;
    const bool held = std::find(fixed.begin(), fixed.end(), property.key) != fixed.end();
    if (held && type == "group") {
      context.Report(property.pointer,
                     "cannot be keyframes: a group's elements are laid out in its box; use "
                     "x_scale and y_scale, or keyframes of the elements");
    } else if (held && type == "captions") {
      context.Report(property.pointer,
                     "cannot be keyframes: pages of captions are broken by it; use scale");
    }
  }
}

struct ElementPlace {
  std::string pointer, type;
  const std::vector<FieldLayer>& defaults;
  std::vector<VoiceCue>* voices;
  std::size_t own_layers = 1;  // what the element itself says, before any defaults
};

void ReadChildren(const Fields& fields, const ElementPlace& place, ElementModel* group) {
  const ReadContext& context = fields.context();
  std::string pointer;
  const json* children = fields.Find("elements", &pointer);
  if (children == nullptr || !children->is_array()) return;
  // A group by default full of groups would never end.
  if (fields.LayerOf("elements") >= place.own_layers) {
    context.Report(pointer, "are a group's own; they cannot be a default");
    return;
  }
  if (context.groups_around >= kGroupNestingMax) {
    context.Report(place.pointer,
                   absl::StrCat("groups within more than ", kGroupNestingMax, " groups"));
    return;
  }
  ReadContext inside = context;
  inside.stage = group->box;
  ++inside.groups_around;
  group->children = ReadElements(inside, *children, pointer, place.defaults, place.voices);
}

ElementModel ReadLayers(const ReadContext& outer,
                        const std::vector<FieldLayer>& layers,
                        const ElementPlace& place) {
  const std::string& type = place.type;
  std::vector<KeyedProperty> keyed;
  ReadContext context = outer;
  context.keyed = &keyed;
  const Fields fields(context, layers);
  ElementModel element;
  element.pointer = place.pointer;
  if (type == "voice") element.kind = ReadVoice(fields, place.pointer, place.voices);
  if (type == "audio") element.kind = ReadAudio(fields);
  if (type != "voice" && type != "audio") {
    element = ReadLook(fields, place.pointer, type);
    CheckKeyed(context, keyed, type);
    if (!keyed.empty() && !context.checking_only()) {
      const auto kept = std::make_shared<KeptElement>(context, layers, place.pointer, type);
      element.changes = std::make_shared<Changes>(
          Changes{keyed, [kept](const Moment& moment, std::vector<Problem>* problems) {
                    return kept->At(moment, problems);
                  }});
    }
  }
  // A name is how others find it: it is the template's, never a row's.
  if (const json* name = fields.Find("name"); name != nullptr && name->is_string()) {
    element.name = name->get<std::string>();
  }
  element.span = ReadSpan(fields, type);
  if (type == "group") ReadChildren(fields, place, &element);
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

ElementModel ReadElement(const ReadContext& context,
                         const json& element,
                         const std::string& pointer,
                         const std::vector<FieldLayer>& defaults,
                         std::vector<VoiceCue>* voices) {
  std::string type;
  if (element.contains("type") && element["type"].is_string()) {
    type = element["type"].get<std::string>();
  }
  std::vector<FieldLayer> layers;
  if (const json* variant = VariantLayer(context, element, pointer)) {
    layers.push_back({variant, absl::StrCat(pointer, "/variants/", PointerStep(context.variant))});
  }
  layers.push_back({&element, pointer});
  const std::size_t own_layers = layers.size();
  for (const FieldLayer& look : defaults) {
    if (!look.object->is_object()) continue;
    const auto of_type = look.object->find(type);
    if (of_type != look.object->end()) {
      layers.push_back({&*of_type, absl::StrCat(look.pointer, "/", type)});
    }
  }
  return ReadLayers(context, layers, {pointer, type, defaults, voices, own_layers});
}

}  // namespace

std::vector<ElementModel> ReadElements(const ReadContext& context,
                                       const json& elements,
                                       const std::string& pointer,
                                       const std::vector<FieldLayer>& defaults,
                                       std::vector<VoiceCue>* voices) {
  std::vector<ElementModel> read;
  for (std::size_t i = 0; i < elements.size() && !context.full(); ++i) {
    const json& element = elements.at(i);
    const std::string place = absl::StrCat(pointer, "/", i);
    if (!element.is_object() || !context.Holds(element, place)) continue;
    read.push_back(ReadElement(context, element, place, defaults, voices));
  }
  return read;
}

}  // namespace rn
