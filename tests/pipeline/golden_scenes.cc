#include "tests/pipeline/golden_scenes.h"

#include "absl/strings/str_cat.h"

namespace rn {
namespace {

std::string OneScene(const std::string& elements) {
  return absl::StrCat(R"("scenes": [{"duration": 2, "background_color": "#305070", "elements": [)",
                      elements,
                      "]}]");
}

std::string Photo(const char* fit, int column) {
  return absl::StrCat(R"({"type": "image", "source": "asset:photo", "y": 90, "height": 160,
                          "width": 70, "x": )",
                      45 + 77 * column,
                      R"(, "fit": ")",
                      fit,
                      R"("})");
}

std::string Captions(const std::string& properties) {
  return absl::StrCat(R"("scenes": [{"background_color": "#305070", "elements": [
        {"type": "voice", "name": "n", "voice": "narrator",
         "text": "The lake is calm today, and nobody is out on it yet."},
        {"type": "captions", "source": "@n", "fill_color": "#fff", "font_size": 26, "width": "86%",
         "font_weight": 700, )",
                      properties,
                      "}]}]");
}

std::vector<Golden> Basics() {
  return {
      {"fit_modes",
       0,
       OneScene(absl::StrCat(Photo("cover", 0),
                             ",",
                             Photo("contain", 1),
                             ",",
                             Photo("fill", 2),
                             ",",
                             Photo("none", 3)))},
      {"ken_burns", 30, OneScene(R"(
        {"type": "image", "source": "asset:photo", "width": 240, "height": 140,
         "ken_burns": {"from": {"scale": 1}, "to": {"scale": 2, "x": "80%", "y": "30%"}}})")},
      {"transparency", 0, OneScene(R"(
        {"type": "image", "source": "asset:photo"},
        {"type": "image", "source": "asset:logo", "fit": "contain", "x": "27%"},
        {"type": "image", "source": "asset:logo", "fit": "contain", "x": "73%",
         "opacity": 0.5})")},
      {"shapes", 0, OneScene(R"(
        {"type": "shape", "fill": {"angle": 90, "stops": [{"color": "#102040"},
          {"color": "#e0a030", "offset": 0.7}, {"color": "#ffffff"}]}},
        {"type": "shape", "fill_color": "#c02020", "border_radius": 20, "x": "25%", "y": "30%",
         "width": 100, "height": 70},
        {"type": "shape", "shape": "ellipse", "fill_color": "#20c06080", "x": "70%", "y": "30%",
         "width": 120, "height": 70},
        {"type": "shape", "fill": {"angle": 180, "stops": [{"color": "#fff"},
          {"color": "#fff", "opacity": 0}]}, "stroke_color": "#000", "stroke_width": 4,
         "border_radius": 8, "x": "25%", "y": "75%", "width": 100, "height": 60},
        {"type": "shape", "shape": "ellipse", "fill_color": "transparent",
         "stroke_color": "#fff", "stroke_width": 6, "x": "70%", "y": "75%", "width": 120,
         "height": 60})")},
      {"text_wrap", 0, OneScene(R"(
        {"type": "text", "text": "Text wraps at the side of its box", "font_size": 20,
         "x": 80, "width": 140, "text_align": "left", "vertical_align": "top"},
        {"type": "text", "text": "or stands at its right and bottom", "font_size": 20,
         "font_weight": 700, "x": 240, "width": 140, "text_align": "right",
         "vertical_align": "bottom", "line_height": 1.5, "letter_spacing": 1})")},
      {"text_auto_fit", 0, OneScene(R"(
        {"type": "text", "text": "Short", "y": "25%", "height": "40%", "width": "90%",
         "font_size_maximum": "60vmin"},
        {"type": "text", "y": "75%", "height": "40%", "width": "90%",
         "text": "A good deal longer, and so it has to be set much smaller to fit its box"})")},
      {"text_box_and_stroke", 0, OneScene(R"(
        {"type": "image", "source": "asset:photo"},
        {"type": "text", "text": "in a box", "font_size": 40, "y": "30%",
         "background_color": "#000000b0", "background_x_padding": 14, "background_y_padding": 6,
         "background_border_radius": 12},
        {"type": "text", "text": "outlined", "font_size": 48, "font_weight": 800, "y": "70%",
         "fill_color": "#ffd020", "stroke_color": "#401060", "stroke_width": 4})")},
      {"text_markup", 0, OneScene(R"(
        {"type": "text", "font_size": 30, "width": "96%", "markup": true, "y": "30%",
         "text": "<b>Bold</b>, <i>italic</i>, <u>under</u>, <s>through</s>, <color=#ffd020>gold</color>"},
        {"type": "text", "font_size": 30, "markup": true, "y": "75%", "text_transform": "uppercase",
         "text": "only <span size='170%' weight='800' color='#80ff80'>€9</span> each"})")},
      {"text_lines_in_boxes", 0, OneScene(R"(
        {"type": "text", "text": "a box around each line, as long as it is", "font_size": 28,
         "width": 240, "background_color": "#000a", "background_mode": "line",
         "background_x_padding": 8, "background_y_padding": 2, "background_border_radius": 6})")},
      {"text_gradient", 0, OneScene(R"(
        {"type": "text", "text": "Gradient", "font_size": 60, "font_weight": 800, "y": "30%",
         "fill": {"angle": 90, "stops": [{"color": "#ffe040"}, {"color": "#ff2080"}]}},
        {"type": "text", "text": "spaced", "font_size": 40, "y": "75%", "letter_spacing": "30%",
         "fill_color": "#fff8", "stroke_color": "#102030", "stroke_width": 3})")},
      {"text_typed", 15, OneScene(R"(
        {"type": "text", "text": "Typed, and it 👩‍🌾 never moves", "font_size": 32, "width": "80%",
         "text_align": "left", "stroke_color": "#000", "stroke_width": 2,
         "animations": [{"type": "typewriter", "duration": 1}]})")},
      {"text_bidi", 0, OneScene(R"(
        {"type": "text", "text": "שלום world, 2024", "font_size": 32, "y": "25%"},
        {"type": "text", "text": "مرحبا (one) بالعالم", "font_size": 32, "y": "50%",
         "text_align": "right", "width": "90%"},
        {"type": "text", "text": "English עברית English", "font_size": 24, "y": "75%",
         "text_align": "left", "width": "90%"})")},
      {"text_cjk", 0, OneScene(R"(
        {"type": "text", "text": "高山湖泊，清晨的光。", "font_size": 28, "y": "20%"},
        {"type": "text", "text": "桜が咲く春の庭園", "font_size": 28, "y": "50%"},
        {"type": "text", "text": "봄의 정원을 걷다", "font_size": 28, "y": "80%"})")},
      {"text_emoji", 0, OneScene(R"(
        {"type": "text", "text": "Sale 🎉🚀 now 👩‍🌾🇫🇷", "font_size": 36})")},
      {"captions_karaoke",
       32,
       Captions(R"("effect": "karaoke", "color": "#ffb400", "stroke_color": "#000",
        "stroke_width": 2)")},
      {"captions_pop", 29, Captions(R"("effect": "pop", "color": "#ffb400", "stroke_color": "#000",
        "stroke_width": 2)")},
      {"captions_typewriter", 32, Captions(R"("effect": "typewriter", "background_color": "#000c",
        "background_border_radius": 4)")},
      {"captions_highlight", 32, absl::StrCat(R"("scenes": [{"elements": [
        {"type": "image", "source": "asset:photo"},
        {"type": "voice", "name": "n", "voice": "narrator",
         "text": "The lake is calm today, and nobody is out on it yet."},
        {"type": "captions", "source": "@n", "effect": "highlight", "color": "#ffb400",
         "font_size": 26, "font_weight": 700, "y": "78%", "width": "80%", "height": "35%",
         "stroke_color": "#000", "stroke_width": 2}]}])")},
      {"slide_and_fade_entrance", 7, OneScene(R"(
        {"type": "text", "text": "from below", "font_size": 40, "y": "30%", "height": 60,
         "animations": [{"type": "slide", "direction": "up", "duration": 0.5}]},
        {"type": "text", "text": "in its place", "font_size": 40, "y": "30%", "height": 60,
         "opacity": 0.2},
        {"type": "text", "text": "from nothing", "font_size": 40, "y": "75%", "height": 60,
         "animations": [{"type": "fade", "duration": 0.5}]})")},
      {"fade_transition", 37, R"("scenes": [
        {"duration": 1.5, "elements": [{"type": "image", "source": "asset:photo"}]},
        {"duration": 1, "background_color": "#c03020",
         "transition": {"type": "fade", "duration": 0.5}, "elements": [
           {"type": "text", "text": "the next scene", "font_size": 36}]}],
        "elements": [{"type": "text", "text": "over both", "font_size": 20, "y": "90%"}])"},
  };
}

// ------------------------------------------------------------------- pictures and clips
std::vector<Golden> Clips() {
  return {
      {"video_fits", 12, OneScene(R"(
        {"type": "video", "source": "asset:clip", "x": "18%", "width": "30%", "fit": "cover"},
        {"type": "video", "source": "asset:clip", "x": "50%", "width": "30%", "fit": "contain"},
        {"type": "video", "source": "asset:clip", "x": "82%", "width": "30%", "fit": "fill"})")},
      {"video_in_looks", 20, OneScene(R"(
        {"type": "video", "source": "asset:clip", "duration": 2, "x": "27%", "width": "44%",
         "height": "80%", "mask": {"shape": "ellipse"}, "rotation": 20},
        {"type": "video", "source": "asset:clip", "duration": 2, "x": "75%", "width": "40%",
         "height": "60%", "border_radius": 12, "shadow_blur": 16, "shadow_y": 6,
         "trim_start": 0.2, "speed": 0.5})")},
      {"contain_blur", 0, OneScene(R"(
        {"type": "image", "source": "asset:photo", "fit": "contain-blur"})")},
      {"rounded_pictures", 0, OneScene(R"(
        {"type": "image", "source": "asset:photo", "x": "27%", "width": "40%", "height": "76%",
         "border_radius": 20},
        {"type": "image", "source": "asset:photo", "x": "73%", "width": 110, "height": 110,
         "border_radius": "50%", "rotation": 30})")},
  };
}

// ------------------------------------------------------------------- looks
constexpr const char* kBlendModes[] = {"normal",
                                       "multiply",
                                       "screen",
                                       "overlay",
                                       "darken",
                                       "lighten",
                                       "color-dodge",
                                       "color-burn",
                                       "hard-light",
                                       "soft-light",
                                       "difference",
                                       "exclusion"};

// Four columns and three rows of the photograph under a bar of white, colours and black, and a disc
// that is half transparent.
std::string EveryBlendMode() {
  std::string elements;
  int at = 0;
  for (const char* mode : kBlendModes) {
    const std::string place = absl::StrCat(R"("x": )", 40 + 80 * (at % 4), R"(, "y": )");
    const int top = 60 * (at / 4);
    absl::StrAppend(&elements,
                    R"({"type": "image", "source": "asset:photo", "width": 76, "height": 56, )",
                    place,
                    top + 30,
                    R"(}, {"type": "shape", "width": 70, "height": 24, )",
                    place,
                    top + 18,
                    R"(, "fill": {"angle": 90, "stops": [{"color": "#fff"}, {"color": "#ff3020"},
            {"color": "#20c040"}, {"color": "#2040ff"}, {"color": "#000"}]}, "blend_mode": ")",
                    mode,
                    R"("}, {"type": "shape", "shape": "ellipse", "width": 44, "height": 22,
            "fill_color": "#ffb40080", )",
                    place,
                    top + 44,
                    R"(, "blend_mode": ")",
                    mode,
                    R"("},)");
    ++at;
  }
  elements.pop_back();
  return OneScene(elements);
}

std::vector<Golden> Looks() {
  return {
      {"blend_modes", 0, EveryBlendMode()},
      {"gradients", 0, OneScene(R"(
        {"type": "shape", "x": "25%", "y": "27%", "width": "44%", "height": "44%",
         "fill": {"angle": 45, "stops": [{"color": "#ff2060"}, {"color": "#ffe060", "offset": 0.3},
           {"color": "#20a0ff"}]}},
        {"type": "shape", "x": "75%", "y": "27%", "width": "44%", "height": "44%",
         "border_radius": 16, "fill": {"type": "radial", "stops": [{"color": "#fff"},
           {"color": "#7fb2ff", "offset": 0.5}, {"color": "#102050"}]}},
        {"type": "image", "source": "asset:photo", "y": "75%", "height": "40%", "width": "94%"},
        {"type": "shape", "y": "75%", "height": "40%", "width": "94%",
         "fill": {"angle": 90, "stops": [{"color": "#000"}, {"color": "#000", "opacity": 0}]}},
        {"type": "shape", "shape": "ellipse", "x": "72%", "y": "75%", "width": 110, "height": 50,
         "stroke_color": "#fff", "stroke_width": 3,
         "fill": {"angle": 180, "stops": [{"color": "#f00", "offset": 0.5},
           {"color": "#00f", "offset": 0.5}]}})")},
      {"masks", 0, OneScene(R"(
        {"type": "image", "source": "asset:photo", "x": "17%", "y": "27%", "width": "30%",
         "height": "44%", "mask": {"shape": "rect", "border_radius": 14}},
        {"type": "image", "source": "asset:photo", "x": "50%", "y": "27%", "width": "30%",
         "height": "44%", "mask": {"shape": "ellipse"}},
        {"type": "image", "source": "asset:photo", "x": "83%", "y": "27%", "width": "30%",
         "height": "44%", "mask": {"shape": "ellipse", "inverted": true}},
        {"type": "image", "source": "asset:photo", "x": "17%", "y": "75%", "width": "30%",
         "height": "44%", "mask": {"source": "asset:logo"}},
        {"type": "shape", "fill_color": "#ffd040", "x": "50%", "y": "75%", "width": "30%",
         "height": "44%", "mask": {"source": "asset:photo", "mode": "luminance"}},
        {"type": "text", "text": "masked", "font_size": 36, "font_weight": 800, "x": "83%",
         "y": "75%", "width": "32%", "height": "44%",
         "mask": {"source": "asset:logo", "inverted": true}})")},
      {"shadows",
       0,
       R"("scenes": [{"duration": 1, "background_color": "#e8e4dc", "elements": [
        {"type": "shape", "fill_color": "#ffb400", "border_radius": 12, "x": "20%", "y": "27%",
         "width": 90, "height": 50, "shadow_y": 6, "shadow_blur": 14},
        {"type": "image", "source": "asset:logo", "x": "50%", "y": "27%", "width": 70,
         "height": 70, "shadow_x": 8, "shadow_y": 8, "shadow_color": "#2040a0a0"},
        {"type": "image", "source": "asset:photo", "x": "80%", "y": "27%", "width": 80,
         "height": 56, "shadow_color": "#000", "shadow_blur": 6},
        {"type": "text", "text": "Shadow", "font_size": 40, "font_weight": 800, "x": "28%",
         "y": "75%", "fill_color": "#fff", "shadow_color": "#000a", "shadow_x": 3, "shadow_y": 3,
         "shadow_blur": 4},
        {"type": "group", "x": "75%", "y": "75%", "width": 120, "height": 60, "rotation": -8,
         "shadow_color": "#c02020", "shadow_blur": 10, "elements": [
           {"type": "shape", "fill_color": "#204060", "x": "30%", "width": "50%"},
           {"type": "shape", "shape": "ellipse", "fill_color": "#80c0ff", "x": "70%",
            "width": "50%"}]}]}])"},
      {"rotation_and_scale", 0, OneScene(R"(
        {"type": "shape", "fill_color": "#ffd040", "x": "18%", "y": "30%", "width": 80,
         "height": 50, "rotation": 12},
        {"type": "image", "source": "asset:photo", "x": "50%", "y": "30%", "width": 90,
         "height": 60, "rotation": -30, "scale": 0.8},
        {"type": "text", "text": "Turned", "font_size": 30, "x": "82%", "y": "30%", "width": 110,
         "height": 40, "rotation": 90},
        {"type": "image", "source": "asset:photo", "x": "18%", "y": "75%", "width": 90,
         "height": 60, "x_scale": -1},
        {"type": "text", "text": "stretched", "font_size": 18, "x": "50%", "y": "75%",
         "width": 100, "height": 30, "y_scale": "180%"},
        {"type": "shape", "shape": "ellipse", "fill_color": "#80ffa0", "stroke_color": "#fff",
         "stroke_width": 3, "x": "82%", "y": "75%", "width": 80, "height": 30, "rotation": 45})")},
      {"groups", 0, OneScene(R"(
        {"type": "group", "x": "27%", "y": "50%", "width": "46%", "height": "80%",
         "opacity": 0.6, "elements": [
           {"type": "shape", "fill_color": "#f04030", "x": "40%", "y": "40%", "width": "60%",
            "height": "60%"},
           {"type": "shape", "fill_color": "#30a0f0", "x": "60%", "y": "60%", "width": "60%",
            "height": "60%"}]},
        {"type": "group", "x": "75%", "y": "50%", "width": "42%", "height": "80%",
         "rotation": 15, "border_radius": 18, "elements": [
           {"type": "image", "source": "asset:photo"},
           {"type": "group", "y": "80%", "height": "40%", "elements": [
             {"type": "shape", "fill_color": "#000a"},
             {"type": "text", "text": "one whole", "font_size": 20}]}]})")},
  };
}

// ------------------------------------------------------------------- motion
std::vector<Golden> Motion() {
  return {
      {"keyframes", 20, OneScene(R"(
        {"type": "shape", "fill_color": "#ffd040", "y": "25%", "width": 50, "height": 50,
         "x": [{"time": 0, "value": "10%"}, {"time": "end", "value": "90%"}],
         "rotation": [{"time": 0, "value": 0}, {"time": "end", "value": 180}]},
        {"type": "shape", "fill_color": "#80ffa0", "x": "30%", "y": "70%", "height": 60,
         "width": [{"time": 0, "value": 20}, {"time": 1, "value": 140, "easing": "cubic-out"}],
         "border_radius": [{"time": 0, "value": 0}, {"time": 1, "value": 30}]},
        {"type": "text", "text": "fading", "font_size": 30, "x": "78%", "y": "70%",
         "opacity": [{"time": 0, "value": 0, "easing": "sinusoid-in-out"},
                     {"time": "100%", "value": 1}]})")},
      {"wipe_and_scale_entrance", 8, OneScene(R"(
        {"type": "image", "source": "asset:photo", "x": "27%", "width": "44%", "height": "80%",
         "animations": [{"type": "wipe", "direction": "right", "duration": 0.5}]},
        {"type": "image", "source": "asset:photo", "x": "75%", "width": "44%", "height": "80%",
         "animations": [{"type": "scale", "start_scale": "40%", "duration": 0.5,
           "easing": "back-out"}]})")},
      {"exits", 53, OneScene(R"(
        {"type": "text", "text": "fades", "font_size": 30, "x": "25%", "y": "25%", "height": 40,
         "animations": [{"type": "fade", "time": "end", "duration": 0.5}]},
        {"type": "text", "text": "slides", "font_size": 30, "x": "75%", "y": "25%", "height": 40,
         "width": 120, "animations": [{"type": "slide", "direction": "right", "time": "end",
           "duration": 0.5}]},
        {"type": "shape", "fill_color": "#ffd040", "x": "25%", "y": "70%", "width": 100,
         "height": 60, "animations": [{"type": "scale", "time": "end", "duration": 0.5}]},
        {"type": "image", "source": "asset:photo", "x": "75%", "y": "70%", "width": 100,
         "height": 60, "animations": [{"type": "wipe", "direction": "down", "time": "end",
           "duration": 0.5}]})")},
  };
}

// A little before the middle of the way from the photograph to a disc on red.
Golden Transition(const std::string& name, const std::string& properties) {
  return {absl::StrCat(name, "_transition"),
          36,
          absl::StrCat(R"("scenes": [
        {"duration": 1.5, "elements": [{"type": "image", "source": "asset:photo"}]},
        {"duration": 1, "background_color": "#c03020", "transition": {"duration": 0.5, )",
                       properties,
                       R"(},
         "elements": [{"type": "shape", "shape": "ellipse", "fill_color": "#fff", "width": 120,
           "height": 120}]}])")};
}

std::vector<Golden> Transitions() {
  return {Transition("wipe_left", R"("type": "wipe", "direction": "left")"),
          Transition("wipe_right", R"("type": "wipe", "direction": "right")"),
          Transition("wipe_up", R"("type": "wipe", "direction": "up")"),
          Transition("wipe_down", R"("type": "wipe", "direction": "down")"),
          Transition("slide", R"("type": "slide", "direction": "left")"),
          Transition("push", R"("type": "push", "direction": "up", "easing": "cubic-in-out")"),
          Transition("circle", R"("type": "circle")"),
          Transition("zoom", R"("type": "zoom")")};
}

// ------------------------------------------------------------------- choices
// One template in its looks and shapes.
Golden Choice(const std::string& name,
              const std::string& aspect,
              const std::map<std::string, std::string>& looks) {
  return {
      name,
      0,
      R"("variants": {"9x16": {"width": 180, "height": 320}, "1x1": {"width": 240, "height": 240}},
        "theme": {"colors": {"ink": "#101418", "paper": "#f4f1ea", "accent": "#ffb400"},
          "defaults": {"text": {"fill_color": "$paper", "font_weight": 700}}},
        "styles": {"plain": {}, "light": {"colors": {"ink": "#f4f1ea", "paper": "#203040"},
          "defaults": {"text": {"font_weight": 400}}}},
        "color_schemes": {"ruby": {"accent": "#e02050"}},
        "scenes": [{"duration": 1, "background_color": "$ink", "elements": [
          {"type": "image", "source": "asset:photo", "x": "75%", "width": "50%",
           "variants": {"9x16": {"x": "50%", "y": "25%", "width": "100%", "height": "50%"}}},
          {"type": "shape", "fill_color": "$accent", "x": "25%", "y": "72%", "width": "30%",
           "height": 8, "variants": {"9x16": {"x": "50%"}}},
          {"type": "text", "text": "The same in every shape", "font_size": "9vmin", "x": "25%",
           "width": "44%", "variants": {"9x16": {"x": "50%", "y": "62%", "width": "90%"}}},
          {"type": "text", "text": "not seen", "condition": "{{'a' == 'b'}}"},
          {"type": "shape", "shape": "ellipse", "fill_color": "$accent", "x": "25%", "y": "88%",
           "width": 20, "height": 20, "condition": "{{'a' != 'b'}}"}]}])",
      aspect,
      looks};
}

std::vector<Golden> Choices() {
  return {Choice("variant_16x9", "16:9", {}),
          Choice("variant_9x16", "9:16", {}),
          Choice("variant_1x1", "1:1", {}),
          Choice("style", "16:9", {{"style", "light"}}),
          Choice("color_scheme", "16:9", {{"color_scheme", "ruby"}})};
}

// ------------------------------------------------------------------- texts
std::vector<Golden> Texts() {
  return {
      {"letter_spacing", 0, OneScene(R"(
        {"type": "text", "text": "as it is", "font_size": 26, "y": "20%"},
        {"type": "text", "text": "six pixels", "font_size": 26, "y": "50%", "letter_spacing": 6},
        {"type": "text", "text": "fi office closer", "font_size": 26, "y": "80%",
         "letter_spacing": "-6%"})")},
      {"missing_glyph", 0, OneScene(R"(
        {"type": "text", "text": "here \uDB7F\uDFFD it lacks", "font_size": 32})")},
      {"captions_plain", 32, Captions(R"("background_color": "#000c")")},
      {"captions_of_subtitles", 20, R"("scenes": [{"duration": 3, "elements": [
        {"type": "image", "source": "asset:photo"},
        {"type": "captions", "source": "asset:subtitles.srt", "effect": "highlight",
         "color": "#ffb400", "fill_color": "#fff", "font_size": 26, "font_weight": 700,
         "y": "82%", "width": "86%", "stroke_color": "#000", "stroke_width": 2}]}])"},
  };
}

}  // namespace

std::vector<Golden> Goldens() {
  std::vector<Golden> all;
  for (const auto& some :
       {Basics(), Clips(), Looks(), Motion(), Transitions(), Choices(), Texts()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

}  // namespace rn
