// Frames as they looked when a person last looked at them: golden/*.png. After a change that is
// meant to be seen, run with RN_WRITE_GOLDEN=1 and look at every picture before committing it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pipeline/cairo.h"
#include "pipeline/compositor.h"
#include "tests/pipeline/golden_scenes.h"
#include "tests/pipeline/silent_scene.h"
#include "tests/pipeline/tools.h"

namespace rn {
namespace {

// Another version of a font or of a rasteriser stays above it; anything that a viewer would notice
// does not.
constexpr double kPsnrMinDb = 40;

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

// A second of the photograph, seen through a window that moves over it.
void MakeClip(const SceneAssets& assets) {
  RunTool("ffmpeg",
          {"-v",
           "error",
           "-y",
           "-loop",
           "1",
           "-framerate",
           "25",
           "-f",
           "image2",
           "-i",
           assets.Path("photo"),
           "-t",
           "1",
           "-vf",
           "crop=200:160:n*4:n*3,format=yuv420p",
           "-c:v",
           "libx264",
           "-qp",
           "4",
           "-f",
           "matroska",
           assets.Path("clip")});
}

class GoldenTest : public testing::TestWithParam<Golden> {};
INSTANTIATE_TEST_SUITE_P(Frames, GoldenTest, testing::ValuesIn(Goldens()), [](const auto& golden) {
  return std::string(golden.param.name);
});

TEST_P(GoldenTest, LooksAsItDid) {
  const SceneAssets assets;
  const Golden& wanted = GetParam();
  if (wanted.body.find("asset:clip") != std::string::npos) MakeClip(assets);
  const Scene scene = assets.Resolve(
      absl::StrCat(R"("output": {"width": 320, "height": 180, "fps": 30},)", wanted.body),
      wanted.aspect,
      {},
      wanted.looks);
  const auto compositor = Compositor::Create(scene);
  ASSERT_TRUE(compositor.ok()) << compositor.status();
  FrameBuffer frame(scene, 1);
  const absl::Status painted =
      (*compositor)->Paint(wanted.frame, frame.view(), std::nullopt).status();
  ASSERT_TRUE(painted.ok()) << painted;
  const std::string golden =
      absl::StrCat(RN_SOURCE_DIR, "/tests/pipeline/golden/", wanted.name, ".png");
  if (std::getenv("RN_WRITE_GOLDEN") != nullptr) {
    WritePng(golden, ToRgb(frame.view()));
  }
  const Picture actual = ToRgb(frame.view());
  if (PsnrDb(actual, ReadPng(golden)) >= kPsnrMinDb) return;
  const std::string shown = absl::StrCat(testing::TempDir(), wanted.name, ".png");
  WritePng(shown, actual);
  ADD_FAILURE() << PsnrDb(actual, ReadPng(golden)) << " dB; compare " << shown << " with "
                << golden;
}

}  // namespace
}  // namespace rn
