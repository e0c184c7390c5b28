#include "pipeline/element_reader.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/nearest.h"
#include "pipeline/template_document.h"

namespace rn {
namespace {

using nlohmann::json;
using Unit = Length::Unit;

constexpr Length kNone(0, Unit::kPixels);
constexpr Length kWhole(100, Unit::kPercent);
constexpr Length kHalf(50, Unit::kPercent);

// Names of handed-in files that start like `source`: "music:…".
std::vector<std::string> SourcesLike(const ReadContext& context, absl::string_view source) {
  const absl::string_view scheme = source.substr(0, source.find(':') + 1);
  std::vector<std::string> names;
  for (const auto& [name, path] : context.input->asset_paths) {
    if (absl::StartsWith(name, scheme)) names.push_back(name);
  }
  return names;
}

const char* NameOf(VariableType type) {
  switch (type) {
    case VariableType::kString:
      return "string";
    case VariableType::kNumber:
      return "number";
    case VariableType::kColor:
      return "color";
    case VariableType::kImage:
      return "image";
    case VariableType::kVideo:
      return "video";
    case VariableType::kAudio:
      return "audio";
    case VariableType::kVoice:
      return "voice";
  }
  return "";
}

class ElementReader {
 public:
  ElementReader(const ReadContext& context, Fields fields, std::string pointer)
      : context_(context), fields_(std::move(fields)), pointer_(std::move(pointer)) {}

  ElementModel Read(absl::string_view type, std::vector<VoiceCue>* voices) {
    ElementModel element;
    element.pointer = pointer_;
    // A name is how others find it: it is the template's, never a row's.
    if (const json* name = fields_.Find("name"); name != nullptr && name->is_string()) {
      element.name = name->get<std::string>();
    }
    const bool heard = type == "voice" || type == "audio";
    if (!heard) ReadVisual(&element);
    if (type == "image") element.kind = Image();
    if (type == "shape") element.kind = Shape();
    if (type == "text") element.kind = Text(element.box);
    if (type == "captions") element.kind = Captions(element.box);
    if (type == "voice") element.kind = Voice(element, voices);
    if (type == "audio") element.kind = Audio();
    element.span = Span(type);
    return element;
  }

 private:
  // --------------------------------------------------------------- what every element has
  ElementSpan Span(absl::string_view type) {
    ElementSpan span;
    span.begin = fields_.Seconds("time");
    const bool loops = type == "audio" && fields_.Flag("loop", false);
    const bool sound = type == "voice" || (type == "audio" && !loops);
    span.until = sound ? ElementSpan::Until::kMedia : ElementSpan::Until::kEnd;
    const json* duration = fields_.Find("duration");
    if (duration == nullptr) return span;
    if (duration->is_number()) {
      if (type == "voice") fields_.Report("duration", "a voice is as long as what it says");
      span.until = ElementSpan::Until::kSeconds;
      span.length = absl::Seconds(duration->get<double>());
    } else if (const auto text = fields_.Text("duration")) {
      span.until = *text == "media" ? ElementSpan::Until::kMedia : ElementSpan::Until::kEnd;
      if (*text != "media" && *text != "end") {
        fields_.Report("duration", UnknownName("duration", *text, {"end", "media"}));
      } else if (*text == "media" && !sound) {
        fields_.Report("duration",
                       loops ? "what loops has no length of its own; use \"end\" or seconds"
                             : "\"media\" is for voice and audio; use \"end\" or seconds");
      } else if (*text == "end" && type == "voice") {
        fields_.Report("duration", "a voice is as long as what it says");
      }
    }
    return span;
  }

  void ReadVisual(ElementModel* element) {
    element->box = RestingBox();
    element->opacity = fields_.Number("opacity", 1);
    std::string pointer;
    const json* animations = fields_.Find("animations", &pointer);
    if (animations == nullptr || !animations->is_array()) return;
    for (std::size_t i = 0; i < animations->size(); ++i) {
      const Fields fields(context_, animations->at(i), absl::StrCat(pointer, "/", i));
      element->animations.push_back(Animation(fields, element->box));
    }
  }

  Box RestingBox() {
    const LengthFrame& frame = context_.frame;
    const double w = fields_.Pixels("width", frame.width, kWhole);
    const double h = fields_.Pixels("height", frame.height, kWhole);
    const double left =
        fields_.Pixels("x", frame.width, kHalf) - fields_.Pixels("x_anchor", w, kHalf);
    const double top =
        fields_.Pixels("y", frame.height, kHalf) - fields_.Pixels("y_anchor", h, kHalf);
    // Whole pixels: edges stay sharp, and what touches in the template touches on screen.
    const Box box{std::round(left),
                  std::round(top),
                  std::round(left + w) - std::round(left),
                  std::round(top + h) - std::round(top)};
    constexpr double kFramesMax = 4;  // A layer is rasterised whole; memory follows its box.
    if (box.w < 1 || box.w > kFramesMax * frame.width) {
      fields_.Report("width", absl::StrCat("is ", box.w, " pixels; valid: 1 to 4 frame widths"));
    }
    if (box.h < 1 || box.h > kFramesMax * frame.height) {
      fields_.Report("height", absl::StrCat("is ", box.h, " pixels; valid: 1 to 4 frame heights"));
    }
    if (std::abs(box.x) > kFramesMax * frame.width || std::abs(box.y) > kFramesMax * frame.height) {
      fields_.Report("x", "stands more than 4 frames away");
    }
    return box;
  }

  static AnimationModel Animation(const Fields& fields, const Box& box) {
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

  // --------------------------------------------------------------- files
  // The local file of "source"; empty when it is wrong or only the template is being checked.
  std::string SourceFile(VariableType wanted) {
    std::string pointer;
    const json* source = fields_.Find("source", &pointer);
    if (source == nullptr || !source->is_string()) return "";
    const auto expression = Expression::Parse(source->get_ref<const std::string&>());
    const std::string variable = expression.ok() ? expression->lone_variable() : "";
    if (const auto info = context_.variables.find(variable); info != context_.variables.end()) {
      return VariableFile(info->first, info->second.type, wanted);
    }
    const auto name = fields_.Text("source");
    return name ? NamedFile(*name) : "";
  }

  std::string VariableFile(const std::string& name, VariableType type, VariableType wanted) {
    if (type != wanted) {
      fields_.Report("source",
                     absl::StrCat("variable \"",
                                  name,
                                  "\" is of type ",
                                  NameOf(type),
                                  "; this takes ",
                                  NameOf(wanted)));
      return "";
    }
    if (context_.checking_only()) return "";
    const auto& paths = context_.input->asset_paths;
    if (const auto path = paths.find(name); path != paths.end()) return path->second;
    const std::string& value = context_.values->at(name);
    if (value.empty()) {
      fields_.Report("source",
                     absl::StrCat("variable \"",
                                  name,
                                  "\" is empty; give it a value, or this element the condition ",
                                  "\"{{",
                                  name,
                                  " != ''}}\""));
      return "";
    }
    return NamedFile(value);
  }

  std::string NamedFile(std::string name) {
    if (absl::StartsWith(name, "music:") && !context_.music.empty()) name = context_.music;
    if (!absl::StartsWith(name, "music:") && !absl::StartsWith(name, "asset:")) {
      fields_.Report("source",
                     absl::StrCat("\"",
                                  name,
                                  "\" is not a source. Valid: \"{{variable}}\" of type image or ",
                                  "audio, \"asset:name\", \"music:name\""));
      return "";
    }
    if (context_.checking_only()) return "";
    const auto& paths = context_.input->asset_paths;
    const auto path = paths.find(name);
    if (path != paths.end()) return path->second;
    const absl::string_view kind = absl::StartsWith(name, "music:") ? "music" : "asset";
    fields_.Report("source", UnknownName(kind, name, SourcesLike(context_, name)));
    return "";
  }

  // --------------------------------------------------------------- pictures and shapes
  ImageModel Image() {
    ImageModel image;
    image.content.path = SourceFile(VariableType::kImage);
    image.content.fit = fields_.Choice<Fit>("fit",
                                            {{"cover", Fit::kCover},
                                             {"contain", Fit::kContain},
                                             {"fill", Fit::kFill},
                                             {"none", Fit::kNone}},
                                            Fit::kCover);
    std::string pointer;
    const json* ken_burns = fields_.Find("ken_burns", &pointer);
    if (ken_burns == nullptr || !ken_burns->is_object()) return image;
    const Fields fields(context_, *ken_burns, pointer);
    KenBurns move{
        Window(fields, "from", &image), Window(fields, "to", &image), fields.EasingAt("easing")};
    image.content.moves = !(move.from == move.to);
    image.ken_burns = move;
    return image;
  }

  SourceWindow Window(const Fields& ken_burns, const char* key, ImageModel* image) {
    std::string pointer;
    const json* point = ken_burns.Find(key, &pointer);
    if (point == nullptr || !point->is_object()) return {0, 0, 1, 1};
    const Fields fields(context_, *point, pointer);
    const double scale = fields.Number("scale", 1);
    image->content.scale_max = std::max(image->content.scale_max, scale);
    const double size = scale >= 1 ? 1 / scale : 1;
    const auto corner = [size](double middle) {
      return std::clamp(middle - size / 2, 0.0, 1 - size);
    };
    return {corner(fields.Percent("x", 0.5)), corner(fields.Percent("y", 0.5)), size, size};
  }

  ShapeContent Shape() {
    ShapeContent shape;
    shape.kind = fields_.Choice<ShapeContent::Kind>(
        "shape",
        {{"rect", ShapeContent::Kind::kRect}, {"ellipse", ShapeContent::Kind::kEllipse}},
        ShapeContent::Kind::kRect);
    if (shape.kind == ShapeContent::Kind::kEllipse && fields_.Has("border_radius")) {
      fields_.Report("border_radius", "is for rects; this is an ellipse");
    }
    shape.radius_px = fields_.Pixels("border_radius", ShorterSide(), kNone);
    shape.stroke = StrokeOf();
    ReadFill(&shape);
    return shape;
  }

  // Of "fill" and "fill_color" the one nearer to the element counts: either may be a default.
  void ReadFill(ShapeContent* shape) {
    const std::size_t gradient_layer = fields_.LayerOf("fill");
    const std::size_t color_layer = fields_.LayerOf("fill_color");
    std::string pointer;
    const json* gradient = fields_.Find("fill", &pointer);
    if (gradient != nullptr && gradient_layer == color_layer) {
      fields_.Report("fill", "stands beside \"fill_color\"; keep one of them");
    } else if (gradient != nullptr && gradient->is_object() && gradient_layer < color_layer) {
      shape->fill = Gradient(*gradient, pointer);
    } else if (const auto color = fields_.Color("fill_color")) {
      shape->fill.stops = {{0, *color}};
    } else if (!fields_.Has("fill_color")) {
      context_.Report(pointer_, "a shape needs \"fill_color\" or \"fill\"");
    }
  }

  double ShorterSide() {
    return std::min(fields_.Pixels("width", context_.frame.width, kWhole),
                    fields_.Pixels("height", context_.frame.height, kWhole));
  }

  std::optional<Stroke> StrokeOf() {
    const double width = fields_.Pixels("stroke_width", ShorterSide(), kNone);
    const auto color = fields_.Color("stroke_color");
    if (!(width > 0) || !color) return std::nullopt;
    return Stroke{*color, width};
  }

  Fill Gradient(const json& gradient, const std::string& pointer) {
    Fill fill;
    fill.angle_deg = Fields(context_, gradient, pointer).Number("angle", 180);
    const auto stops = gradient.find("stops");
    if (stops == gradient.end() || !stops->is_array()) return fill;
    for (std::size_t i = 0; i < stops->size(); ++i) {
      const Fields stop(context_, stops->at(i), absl::StrCat(pointer, "/stops/", i));
      const double even = stops->size() > 1 ? static_cast<double>(i) / (stops->size() - 1) : 0;
      const double offset = stop.Number("offset", even);
      Rgba color = stop.Color("color").value_or(Rgba{});
      color.a = static_cast<std::uint8_t>(std::lround(color.a * stop.Number("opacity", 1)));
      if (!fill.stops.empty() && offset < fill.stops.back().offset) {
        stop.Report("offset", "stops stand in order of their offset");
      }
      fill.stops.push_back({offset, color});
    }
    return fill;
  }

  // --------------------------------------------------------------- text and captions
  TextStyle Style(const Box& box) {
    TextStyle style;
    if (const auto family = fields_.Text("font_family")) {
      const auto font = context_.palette.Font(*family);
      if (font.ok()) {
        style.font_family = *font;
      } else {
        fields_.Report("font_family", font.status().message());
      }
    }
    style.font_weight = static_cast<int>(fields_.Number("font_weight", 400));
    style.italic = fields_.Choice<bool>("font_style", {{"normal", false}, {"italic", true}}, false);
    ReadSizes(box, &style);
    style.line_height = fields_.Number("line_height", 1.2);
    style.letter_spacing_px = fields_.Pixels("letter_spacing", 0, kNone);
    style.fill = fields_.Color("fill_color").value_or(style.fill);
    style.stroke = StrokeOf();
    if (const auto color = fields_.Color("background_color"); color && color->a > 0) {
      style.background =
          TextBackground{*color,
                         fields_.Pixels("background_x_padding", box.w, Length(0.6, Unit::kVmin)),
                         fields_.Pixels("background_y_padding", box.h, Length(0.3, Unit::kVmin)),
                         fields_.Pixels("background_border_radius", ShorterSide(), kNone)};
    }
    style.align = fields_.Choice<HorizontalAlign>("text_align",
                                                  {{"left", HorizontalAlign::kLeft},
                                                   {"center", HorizontalAlign::kCenter},
                                                   {"right", HorizontalAlign::kRight},
                                                   {"start", HorizontalAlign::kStart},
                                                   {"end", HorizontalAlign::kEnd}},
                                                  HorizontalAlign::kCenter);
    style.vertical_align = fields_.Choice<VerticalAlign>("vertical_align",
                                                         {{"top", VerticalAlign::kTop},
                                                          {"middle", VerticalAlign::kMiddle},
                                                          {"bottom", VerticalAlign::kBottom}},
                                                         VerticalAlign::kMiddle);
    return style;
  }

  void ReadSizes(const Box& box, TextStyle* style) {
    const json* size = fields_.Find("font_size");
    style->auto_fit = size == nullptr || size->is_null();
    style->font_size_px = fields_.Pixels("font_size", box.h, Length(5, Unit::kVmin));
    style->font_size_min_px = fields_.Pixels("font_size_minimum", box.h, Length(2, Unit::kVmin));
    style->font_size_max_px = fields_.Pixels("font_size_maximum", box.h, Length(12, Unit::kVmin));
    const double limit = context_.frame.height * 2;
    if (!style->auto_fit && (style->font_size_px < 1 || style->font_size_px > limit)) {
      fields_.Report("font_size",
                     absl::StrCat("is ", style->font_size_px, " pixels; valid: 1 to ", limit));
    }
    if (style->auto_fit && (style->font_size_min_px < 1 || style->font_size_max_px > limit ||
                            style->font_size_min_px > style->font_size_max_px)) {
      fields_.Report("font_size_minimum",
                     absl::StrCat("sizes from ",
                                  style->font_size_min_px,
                                  " to ",
                                  style->font_size_max_px,
                                  " pixels; valid: 1 to ",
                                  limit,
                                  ", in this order"));
    }
  }

  TextContent Text(const Box& box) {
    TextStyle style = Style(box);
    style.balanced = fields_.Choice<bool>("text_wrap", {{"wrap", false}, {"balance", true}}, false);
    return {{fields_.Text("text").value_or(""), std::move(style), box.w, box.h}};
  }

  CaptionsModel Captions(const Box& box) {
    CaptionsModel captions;
    captions.spec.style = Style(box);
    captions.spec.effect = fields_.Choice<CaptionEffect>(
        "effect",
        {{"none", CaptionEffect::kNone}, {"highlight", CaptionEffect::kHighlight}},
        CaptionEffect::kNone);
    captions.spec.active = fields_.Color("color").value_or(captions.spec.style.fill);
    captions.spec.max_lines = static_cast<int>(fields_.Number("max_lines", 2));
    captions.spec.box_w = box.w;
    captions.spec.box_h = box.h;
    if (fields_.Has("color") && captions.spec.effect == CaptionEffect::kNone &&
        fields_.LayerOf("color") <= fields_.LayerOf("effect")) {
      fields_.Report("color", "is the highlighted word's; the effect is \"none\"");
    }
    const auto source = fields_.Text("source");
    if (source && absl::StartsWith(*source, "@")) {
      captions.voice = source->substr(1);
    } else if (source) {
      fields_.Report("source", "captions take \"@name\" of a voice element");
    }
    return captions;
  }

  // --------------------------------------------------------------- sounds
  VoiceModel Voice(const ElementModel& element, std::vector<VoiceCue>* voices) {
    VoiceCue cue;
    cue.id = element.name.empty() ? pointer_ : element.name;
    cue.pointer = pointer_;
    cue.text = fields_.Text("text").value_or("");
    cue.voice = fields_.Text("voice").value_or("");
    if (!context_.checking_only()) {
      if (fields_.Has("text") && absl::StripAsciiWhitespace(cue.text).empty()) {
        fields_.Report("text", "there is nothing to say; give a text, or the element a condition");
      }
      if (fields_.Has("voice") && context_.input->job.voices().count(cue.voice) == 0) {
        std::vector<std::string> valid;
        for (const auto& [name, voice] : context_.input->job.voices()) valid.push_back(name);
        std::sort(valid.begin(), valid.end());
        fields_.Report("voice", UnknownName("voice", cue.voice, valid));
      }
    }
    voices->push_back(cue);
    return {cue.id, fields_.Percent("volume", 1)};
  }

  AudioModel Audio() {
    AudioModel audio;
    audio.file = SourceFile(VariableType::kAudio);
    audio.gain = fields_.Percent("volume", 1);
    audio.loop = fields_.Flag("loop", false);
    audio.trim_start = fields_.Seconds("trim_start");
    audio.fade_in = fields_.Seconds("fade_in");
    audio.fade_out = fields_.Seconds("fade_out");
    audio.loop_crossfade = fields_.Seconds("loop_crossfade");
    if (!audio.loop && fields_.Has("loop_crossfade")) {
      fields_.Report("loop_crossfade", "is for what loops; \"loop\" is false");
    }
    std::string pointer;
    const json* duck = fields_.Find("duck", &pointer);
    if (duck != nullptr && duck->is_object()) audio.duck = DuckOf(*duck, pointer);
    return audio;
  }

  Duck DuckOf(const json& object, const std::string& pointer) {
    const Fields fields(context_, object, pointer);
    Duck duck;
    duck.depth_db = fields.Number("depth_db", duck.depth_db);
    duck.attack = fields.Seconds("attack", duck.attack);
    duck.hold = fields.Seconds("hold", duck.hold);
    duck.release = fields.Seconds("release", duck.release);
    const json* under = fields.Find("under");
    if (under != nullptr && under->is_array()) {
      for (const json& name : *under) {
        if (name.is_string()) duck.under.push_back(name.get<std::string>());
      }
    } else if (const auto name = fields.Text("under")) {
      duck.under = {*name};
    }
    return duck;
  }

  const ReadContext& context_;
  const Fields fields_;
  const std::string pointer_;
};

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
  return ElementReader(context, Fields(context, layers), pointer).Read(type, voices);
}

}  // namespace rn
