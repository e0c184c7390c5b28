// Frames as they looked when a person last looked at them: golden/*.png. After a change that is
// meant to be seen, run with RN_WRITE_GOLDEN=1 and look at every picture before committing it.
#include <cairo.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pipeline/compositor.h"
#include "tests/pipeline/silent_scene.h"

namespace rn {
namespace {

// Another version of a font or of a rasteriser stays above it; anything that a viewer would notice
// does not.
constexpr double kPsnrMinDb = 40;

struct Golden {
  const char* name;
  std::int64_t frame;
  std::string body;  // of the template, after "output"
};

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

std::vector<Golden> Goldens() {
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

// Rows of b g r x, as Cairo has them.
struct Picture {
  int width = 0, height = 0;
  std::vector<std::uint8_t> pixels;
};

std::uint8_t Byte(double value) {
  return static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
}

// BT.709, limited range, to full-range RGB.
Picture ToRgb(const Nv12View& view) {
  Picture picture{view.width, view.height, {}};
  for (int row = 0; row < view.height; ++row) {
    for (int x = 0; x < view.width; ++x) {
      const std::uint8_t* uv =
          view.uv + std::ptrdiff_t{row / 2} * view.uv_stride + std::ptrdiff_t{x / 2} * 2;
      const double y = (view.y[std::ptrdiff_t{row} * view.y_stride + x] - 16) * 255.0 / 219;
      const double cb = (uv[0] - 128) * 255.0 / 224;
      const double cr = (uv[1] - 128) * 255.0 / 224;
      const double b = y + 1.8556 * cb;
      const double r = y + 1.5748 * cr;
      const double g = (y - 0.2126 * r - 0.0722 * b) / 0.7152;
      picture.pixels.insert(picture.pixels.end(), {Byte(b), Byte(g), Byte(r), 255});
    }
  }
  return picture;
}

struct SurfaceDeleter {
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
};
using UniqueSurface = std::unique_ptr<cairo_surface_t, SurfaceDeleter>;

void WritePng(const std::string& path, Picture picture) {
  const UniqueSurface surface(cairo_image_surface_create_for_data(
      picture.pixels.data(), CAIRO_FORMAT_RGB24, picture.width, picture.height, 4 * picture.width));
  ASSERT_EQ(cairo_surface_write_to_png(surface.get(), path.c_str()), CAIRO_STATUS_SUCCESS) << path;
}

Picture ReadPng(const std::string& path) {
  const UniqueSurface surface(cairo_image_surface_create_from_png(path.c_str()));
  EXPECT_EQ(cairo_surface_status(surface.get()), CAIRO_STATUS_SUCCESS) << path;
  Picture picture{cairo_image_surface_get_width(surface.get()),
                  cairo_image_surface_get_height(surface.get()),
                  {}};
  const std::uint8_t* rows = cairo_image_surface_get_data(surface.get());
  const int stride = cairo_image_surface_get_stride(surface.get());
  for (int y = 0; y < picture.height; ++y) {
    const std::uint8_t* row = rows + std::ptrdiff_t{y} * stride;
    picture.pixels.insert(picture.pixels.end(), row, row + std::ptrdiff_t{4} * picture.width);
  }
  return picture;
}

double PsnrDb(const Picture& a, const Picture& b) {
  if (a.width != b.width || a.height != b.height) return 0;
  double sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) {
    if (i % 4 == 3) continue;
    const double difference = a.pixels[i] - b.pixels[i];
    sum += difference * difference;
  }
  if (sum == 0) return std::numeric_limits<double>::infinity();
  const double mean = sum / (static_cast<double>(a.pixels.size()) * 3 / 4);
  return 10 * std::log10(255 * 255 / mean);
}

class GoldenTest : public testing::TestWithParam<Golden> {};
INSTANTIATE_TEST_SUITE_P(Frames, GoldenTest, testing::ValuesIn(Goldens()), [](const auto& golden) {
  return std::string(golden.param.name);
});

TEST_P(GoldenTest, LooksAsItDid) {
  const SceneAssets assets;
  const Scene scene = assets.Resolve(
      absl::StrCat(R"("output": {"width": 320, "height": 180, "fps": 30},)", GetParam().body));
  const auto compositor = Compositor::Create(scene);
  ASSERT_TRUE(compositor.ok()) << compositor.status();
  FrameBuffer frame(scene, 1);
  const absl::Status painted =
      (*compositor)->Paint(GetParam().frame, frame.view(), std::nullopt).status();
  ASSERT_TRUE(painted.ok()) << painted;
  const std::string golden =
      absl::StrCat(RN_SOURCE_DIR, "/tests/pipeline/golden/", GetParam().name, ".png");
  if (std::getenv("RN_WRITE_GOLDEN") != nullptr) {
    WritePng(golden, ToRgb(frame.view()));
  }
  const Picture actual = ToRgb(frame.view());
  if (PsnrDb(actual, ReadPng(golden)) >= kPsnrMinDb) return;
  const std::string shown = absl::StrCat(testing::TempDir(), GetParam().name, ".png");
  WritePng(shown, actual);
  ADD_FAILURE() << PsnrDb(actual, ReadPng(golden)) << " dB; compare " << shown << " with "
                << golden;
}

}  // namespace
}  // namespace rn
