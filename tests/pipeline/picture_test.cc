#include "pipeline/picture.h"

#include <gtest/gtest.h>
#include <lcms2.h>

#include <cmath>

#include "base/file.h"
#include "pipeline/media_source.h"
#include "tests/pipeline/image_files.h"

namespace rn {
namespace {

constexpr int kWidth = 96, kHeight = 64;

std::uint8_t Level(double x) {
  return static_cast<std::uint8_t>(std::lround(127.5 + 110 * std::sin(x)));
}
Rgba Soft(int x, int y) {
  return {Level(x * 0.05), Level(y * 0.06 + 1), Level((x + y) * 0.03 + 2), 255};
}

struct Off {
  double mean = 0, most = 0;
};
Off Between(const Planes& a, const Planes& b) {
  Off off;
  for (int y = 0; y < a.height; ++y) {
    for (int x = 0; x < a.width; ++x) {
      const double luma = std::abs(a.y[y * a.stride + x] - b.y[y * b.stride + x]);
      const double chroma = std::abs(a.uv[y / 2 * a.stride + x] - b.uv[y / 2 * b.stride + x]);
      off.mean += (luma + chroma / 2) / (1.5 * a.width * a.height);
      off.most = std::max({off.most, luma, chroma});
    }
  }
  return off;
}

class PictureTest : public testing::Test {
 protected:
  PictureTest() : folder_(*TempDir::Create("picture")) {}

  ImageContent File(const std::string& bytes, Fit fit) {
    const auto path = folder_.path() / std::to_string(++files_);
    EXPECT_TRUE(WriteFileDurably(path, bytes).ok());
    ImageContent image;
    image.path = path.string();
    image.fit = fit;
    return image;
  }

  static Planes Painted(const ImageContent& image, const IntRect& box) {
    auto placed = PaintPicturePlanes(image, box);
    EXPECT_TRUE(placed.ok()) << placed.status();
    return std::move(placed->planes);
  }

  TempDir folder_;
  int files_ = 0;
};

// The exact colours of Soft() in BT.709.
Planes Exact(const PixelAt& pixel) {
  Planes planes;
  planes.Reset(kWidth, kHeight, true);
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      planes.y[y * planes.stride + x] = ToYuv(pixel(x, y)).y;
      const Yuv chroma = ToYuv(pixel(x & ~1, y & ~1));
      planes.uv[y / 2 * planes.stride + x] = x % 2 == 0 ? chroma.u : chroma.v;
    }
  }
  return planes;
}

TEST_F(PictureTest, PhotographsKeepTheirColorsOnTheWayFromFullRangeBt601) {
  const ImageContent image = File(ImageBytes("mjpeg", kWidth, kHeight, Soft), Fit::kFill);
  const Off off = Between(Painted(image, {0, 0, kWidth, kHeight}), Exact(Soft));
  EXPECT_LT(off.mean, 1.2);
  EXPECT_LT(off.most, 8);
}

TEST_F(PictureTest, EveryFormatShowsTheSameColors) {
  for (const char* encoder : {"png", "libwebp", "bmp", "tiff"}) {
    const ImageContent image = File(ImageBytes(encoder, kWidth, kHeight, Soft), Fit::kFill);
    const Off off = Between(Painted(image, {0, 0, kWidth, kHeight}), Exact(Soft));
    EXPECT_LT(off.mean, 1) << encoder;
  }
}

TEST_F(PictureTest, PhotographsFitAndTurnAsOtherPicturesDo) {
  const std::string jpeg = ImageBytes("mjpeg", kWidth, kHeight, Soft);
  for (int orientation = 1; orientation <= 8; ++orientation) {
    for (const Fit fit : {Fit::kFill, Fit::kCover}) {
      const ImageContent image = File(WithOrientation(jpeg, orientation), fit);
      const auto raster = PaintPicture(image, 60, 50);
      ASSERT_TRUE(raster.ok()) << raster.status();
      const Off off = Between(Painted(image, {0, 0, 60, 50}), ToPlanes(*raster, 0, 0));
      EXPECT_LT(off.mean, 2) << orientation;
    }
  }
}

TEST_F(PictureTest, ContainedPhotographsLeaveTheRestOfTheBoxFree) {
  const ImageContent image = File(ImageBytes("mjpeg", kWidth, kHeight, Soft), Fit::kContain);
  const auto placed = PaintPicturePlanes(image, {10, 20, 48, 60});
  ASSERT_TRUE(placed.ok());
  EXPECT_EQ(placed->x, 10);
  EXPECT_EQ(placed->planes.width, 48);
  EXPECT_EQ(placed->planes.height, 32);
  EXPECT_EQ(placed->y, 34);
}

TEST_F(PictureTest, ContainBlurFillsTheRestWithThePictureItself) {
  const auto halves = [](int x, int) {
    return x < kWidth / 2 ? Rgba{200, 30, 30, 255} : Rgba{30, 30, 200, 255};
  };
  const ImageContent image = File(ImageBytes("png", kWidth, kHeight, halves), Fit::kContainBlur);
  const auto raster = PaintPicture(image, 120, 160);
  ASSERT_TRUE(raster.ok()) << raster.status();
  const auto pixel = [&](int x, int y) {
    return raster->pixels.data() + y * raster->stride + 4 * x;
  };
  for (int y = 0; y < 160; y += 7) {
    for (int x = 0; x < 120; x += 7) ASSERT_EQ(pixel(x, y)[3], 255) << x << "," << y;
  }
  EXPECT_GT(pixel(2, 5)[2], pixel(2, 5)[0] + 80);      // left: red
  EXPECT_GT(pixel(117, 5)[0], pixel(117, 5)[2] + 80);  // right: blue
  // The picture is sharp, what is behind it is not.
  const auto step = [&](int y) { return pixel(57, y)[2] - pixel(62, y)[2]; };
  EXPECT_GT(step(80), 140);
  EXPECT_LT(step(5), 60);
}

std::string WithProfile(const std::string& jpeg, const std::string& icc) {
  const std::string body = std::string("ICC_PROFILE\0\x01\x01", 14) + icc;
  const auto size = static_cast<unsigned>(body.size() + 2);
  const std::string segment =
      std::string("\xFF\xE2") + static_cast<char>(size >> 8) + static_cast<char>(size & 255) + body;
  return jpeg.substr(0, 2) + segment + jpeg.substr(2);
}

std::string WideGamut() {
  cmsCIExyY white;
  cmsWhitePointFromTemp(&white, 6504);
  const cmsCIExyYTRIPLE primaries = {{0.64, 0.33, 1}, {0.21, 0.71, 1}, {0.15, 0.06, 1}};
  cmsToneCurve* gamma = cmsBuildGamma(nullptr, 2.2);
  cmsToneCurve* const curves[] = {gamma, gamma, gamma};
  cmsHPROFILE profile = cmsCreateRGBProfile(&white, &primaries, curves);
  cmsUInt32Number size = 0;
  cmsSaveProfileToMem(profile, nullptr, &size);
  std::string bytes(size, '\0');
  cmsSaveProfileToMem(profile, bytes.data(), &size);
  cmsCloseProfile(profile);
  cmsFreeToneCurve(gamma);
  return bytes;
}

TEST_F(PictureTest, EmbeddedProfilesAreApplied) {
  const auto green = [](int, int) { return Rgba{100, 150, 80, 255}; };
  const std::string jpeg = ImageBytes("mjpeg", kWidth, kHeight, green);
  const IntRect box{0, 0, kWidth, kHeight};
  const Planes wide = Painted(File(WithProfile(jpeg, WideGamut()), Fit::kFill), box);
  const Yuv expected = ToYuv({71, 151, 72, 255});
  EXPECT_NEAR(wide.y[5], expected.y, 3);
  EXPECT_NEAR(wide.uv[0], expected.u, 3);
  EXPECT_NEAR(wide.uv[1], expected.v, 4);
}

}  // namespace
}  // namespace rn
