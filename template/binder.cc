#include "template/binder.h"

#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/nearest.h"
#include "template/animation_reader.h"
#include "template/element_reader.h"
#include "template/fields.h"
#include "template/output_reader.h"
#include "template/template_document.h"

namespace rn {
namespace {

using nlohmann::json;

constexpr NumberRange kSceneSeconds{0.04, 14'400};

// A member that is an object, or an empty one.
const json& ObjectAt(const json& owner, const std::string& key) {
  static const json* const empty = new json(json::object());
  if (!owner.is_object()) return *empty;
  const auto found = owner.find(key);
  return found != owner.end() && found->is_object() ? *found : *empty;
}

class Binder {
 public:
  Binder(const json& document, const Selection& selection, ReadContext context)
      : document_(document), selection_(selection), context_(std::move(context)) {}

  std::shared_ptr<const Composition::Model> Read() {
    ReadFrame();
    ReadOutputSettings(context_, ObjectAt(document_, "output"), model_.get());
    ReadLook();
    const auto scenes = document_.find("scenes");
    for (std::size_t i = 0; scenes != document_.end() && scenes->is_array() && i < scenes->size();
         ++i) {
      ReadScene(scenes->at(i), absl::StrCat("/scenes/", i));
    }
    if (model_->scenes.empty() && !context_.checking_only()) {
      context_.Report("/scenes", "no scene is left: every condition is false");
    }
    ReadRootElements();
    // Who was not read could not be found.
    if (!context_.full()) CheckReferences();
    return model_;
  }

 private:
  void ReadFrame() {
    const json& own = ObjectAt(document_, "output");
    const json& size = selection_.variant.empty()
                           ? own
                           : ObjectAt(ObjectAt(document_, "variants"), selection_.variant);
    const std::string pointer = selection_.variant.empty()
                                    ? "/output"
                                    : absl::StrCat("/variants/", PointerStep(selection_.variant));
    const Fields fields(context_, size, pointer);
    OutputSettings& output = model_->output;
    for (const char* side : {"width", "height"}) {
      const int pixels = static_cast<int>(fields.Number(side, 0, {16, 8192}));
      if (pixels % 2 != 0) fields.Report(side, "must be even");
      (side[0] == 'w' ? output.width : output.height) = pixels;
    }
    const double template_height = std::max(output.height, 1);
    if (selection_.width > 0) {
      output.width = selection_.width;
      output.height = selection_.height;
    }
    context_.frame = {static_cast<double>(std::max(output.width, 1)),
                      static_cast<double>(std::max(output.height, 1)),
                      output.height / template_height};
    context_.stage = {0, 0, context_.frame.width, context_.frame.height};
  }

  // --------------------------------------------------------------- theme, style, colours
  void ReadLook() {
    const json& theme = ObjectAt(document_, "theme");
    ReadColors(ObjectAt(theme, "colors"), "/theme/colors", true);
    ReadFonts(ObjectAt(theme, "fonts"), "/theme/fonts", true);
    if (!selection_.style.empty()) {
      const json& style = ObjectAt(ObjectAt(document_, "styles"), selection_.style);
      const std::string pointer = absl::StrCat("/styles/", PointerStep(selection_.style));
      ReadColors(ObjectAt(style, "colors"), absl::StrCat(pointer, "/colors"), false);
      ReadFonts(ObjectAt(style, "fonts"), absl::StrCat(pointer, "/fonts"), false);
      defaults_.push_back({&ObjectAt(style, "defaults"), absl::StrCat(pointer, "/defaults")});
    }
    defaults_.push_back({&ObjectAt(theme, "defaults"), "/theme/defaults"});
    if (!selection_.color_scheme.empty()) {
      ReadColors(ObjectAt(ObjectAt(document_, "color_schemes"), selection_.color_scheme),
                 absl::StrCat("/color_schemes/", PointerStep(selection_.color_scheme)),
                 false);
    }
  }

  // `defines`: names may be new; otherwise they must be the theme's.
  void ReadColors(const json& colors, const std::string& pointer, bool defines) {
    for (const auto& [name, value] : colors.items()) {
      if (!value.is_string()) continue;
      const std::string place = absl::StrCat(pointer, "/", PointerStep(name));
      if (!MayBeSet("colour", name, context_.palette.colors, defines, place)) continue;
      Rgba& color = context_.palette.colors[name];
      const auto text = context_.Substitute(value.get<std::string>(), place);
      if (!text) continue;
      const auto parsed = ParseColor(*text);
      if (parsed.ok()) {
        color = *parsed;
      } else {
        context_.Report(place, parsed.status().message());
      }
    }
  }

  void ReadFonts(const json& fonts, const std::string& pointer, bool defines) {
    for (const auto& [name, value] : fonts.items()) {
      if (!value.is_string()) continue;
      const std::string place = absl::StrCat(pointer, "/", PointerStep(name));
      if (!MayBeSet("font name", name, context_.palette.fonts, defines, place)) continue;
      std::string& font = context_.palette.fonts[name];
      const auto text = context_.Substitute(value.get<std::string>(), place);
      if (!text) continue;
      font = *text;
      const auto installed = context_.palette.Font(*text);
      if (!installed.ok()) context_.Report(place, installed.status().message());
    }
  }

  template <typename T>
  bool MayBeSet(absl::string_view kind,
                const std::string& name,
                const std::map<std::string, T>& known,
                bool defines,
                const std::string& place) {
    if (defines || known.count(name) > 0) return true;
    std::vector<std::string> valid;
    for (const auto& [key, value] : known) valid.push_back(key);
    context_.Report(place, UnknownName(kind, name, valid));
    return false;
  }

  // --------------------------------------------------------------- scenes and elements
  void ReadScene(const json& scene, const std::string& pointer) {
    if (!scene.is_object() || !context_.Holds(scene, pointer)) return;
    const Fields fields(context_, scene, pointer);
    SceneModel read;
    read.pointer = pointer;
    if (const auto id = fields.Text("id")) CheckUnique("id", *id, pointer, &scene_ids_);
    ReadLength(fields, &read);
    read.tail = fields.Seconds("tail");
    if (const json& transition = ObjectAt(scene, "transition"); !transition.empty()) {
      read.transition =
          ReadTransition(Fields(context_, transition, absl::StrCat(pointer, "/transition")));
    }
    read.background = fields.Color("background_color").value_or(read.background);
    if (read.background.a != 255) {
      fields.Report("background_color", "must be opaque: it is what a scene is painted on");
    }
    ReadElementsOf(scene, pointer, &read.elements);
    model_->scenes.push_back(std::move(read));
  }

  static void ReadLength(const Fields& fields, SceneModel* scene) {
    const json* duration = fields.Find("duration");
    double seconds = 0;
    const auto text = fields.Text("duration");
    if ((duration != nullptr && duration->is_number()) ||
        (text && absl::SimpleAtod(*text, &seconds))) {
      scene->length = SceneModel::Length::kSeconds;
      scene->seconds = absl::Seconds(fields.Number("duration", 0, kSceneSeconds));
      if (fields.Has("tail")) fields.Report("tail", "is for automatic durations");
    } else if (text) {
      scene->length = *text == "media" ? SceneModel::Length::kMedia : SceneModel::Length::kAuto;
      if (*text != "auto" && *text != "media") {
        fields.Report("duration", UnknownName("duration", *text, {"auto", "media"}));
      }
    }
  }

  void ReadElementsOf(const json& owner,
                      const std::string& pointer,
                      std::vector<ElementModel>* elements) {
    const auto found = owner.find("elements");
    if (found == owner.end() || !found->is_array()) return;
    *elements = ReadElements(
        context_, *found, absl::StrCat(pointer, "/elements"), defaults_, &model_->voices);
    ForEachOf(*elements, [this](const ElementModel& element) {
      if (!element.name.empty()) CheckUnique("name", element.name, element.pointer, &names_);
    });
  }

  // The music override replaces the bed: what sounds over all scenes.
  void ReadRootElements() {
    context_.music = selection_.music;
    ReadElementsOf(document_, "", &model_->elements);
    if (selection_.music.empty() || context_.checking_only()) return;
    const auto is_bed = [](const json& element) {
      return element.is_object() && element.value("type", json()) == "audio" &&
             absl::StartsWith(element.value("source", ""), "music:");
    };
    const auto found = document_.find("elements");
    if (found == document_.end() || std::none_of(found->begin(), found->end(), is_bed)) {
      context_.Report("overrides/background_music", "this template has no background music");
    }
  }

  void CheckUnique(const char* key,
                   const std::string& name,
                   const std::string& pointer,
                   std::map<std::string, std::string>* seen) {
    const auto [first, added] = seen->emplace(name, pointer);
    if (!added) {
      context_.Report(absl::StrCat(pointer, "/", key),
                      absl::StrCat("\"", name, "\" is already at ", first->second));
    }
  }

  // --------------------------------------------------------------- who refers to whom
  void CheckReferences() {
    std::set<std::string> voices;
    std::set<std::string> sounds;
    const auto collect = [&](const ElementModel& element) {
      const bool voice = std::holds_alternative<VoiceModel>(element.kind);
      if (element.name.empty()) return;
      if (voice) voices.insert(element.name);
      if (voice || std::holds_alternative<AudioModel>(element.kind)) sounds.insert(element.name);
    };
    ForEachElement(collect);
    ForEachElement([&](const ElementModel& element) {
      if (const auto* captions = std::get_if<CaptionsModel>(&element.kind)) {
        CheckCaptions(element, captions->voice, voices);
      }
      const auto* audio = std::get_if<AudioModel>(&element.kind);
      if (audio == nullptr || !audio->duck || !context_.checking_only()) return;
      for (const std::string& under : audio->duck->under) {
        if (sounds.count(under) > 0) continue;
        context_.Report(absl::StrCat(element.pointer, "/duck/under"),
                        UnknownName("sound", under, {sounds.begin(), sounds.end()}));
      }
    });
  }

  void CheckCaptions(const ElementModel& element,
                     const std::string& voice,
                     const std::set<std::string>& voices) {
    if (voice.empty() || voices.count(voice) > 0) return;
    // The template was checked as a whole: what is missing now was left out by a condition.
    context_.Report(absl::StrCat(element.pointer, "/source"),
                    context_.checking_only()
                        ? UnknownName("voice element", voice, {voices.begin(), voices.end()})
                        : absl::StrCat("the voice \"",
                                       voice,
                                       "\" is left out by its condition; give the captions the ",
                                       "same condition"));
  }

  template <typename Visit>
  static void ForEachOf(const std::vector<ElementModel>& elements, const Visit& visit) {
    for (const ElementModel& element : elements) {
      visit(element);
      ForEachOf(element.children, visit);
    }
  }

  template <typename Visit>
  void ForEachElement(const Visit& visit) const {
    for (const SceneModel& scene : model_->scenes) ForEachOf(scene.elements, visit);
    ForEachOf(model_->elements, visit);
  }

  const json& document_;
  const Selection& selection_;
  ReadContext context_;
  std::vector<FieldLayer> defaults_;
  std::map<std::string, std::string> names_, scene_ids_;  // -> where first
  std::shared_ptr<Composition::Model> model_ = std::make_shared<Composition::Model>();
};

}  // namespace

std::shared_ptr<const Composition::Model> ReadModel(const ModelSource& source,
                                                    const Selection& selection,
                                                    const VariableValues* values,
                                                    const BindInput* input,
                                                    std::vector<Problem>* problems) {
  std::vector<std::string> variant_names;
  for (const auto& [name, size] : ObjectAt(source.document, "variants").items()) {
    variant_names.push_back(name);
  }
  return Binder(source.document,
                selection,
                ReadContext{.variables = source.variables,
                            .values = values,
                            .input = input,
                            .palette = {.colors = {}, .fonts = {}, .installed = source.fonts},
                            .variant = selection.variant,
                            .variant_names = std::move(variant_names),
                            .problems = problems})
      .Read();
}

}  // namespace rn
