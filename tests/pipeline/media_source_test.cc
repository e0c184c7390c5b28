#include "pipeline/media_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

#include "base/file.h"
#include "hwaccel/ffmpeg.h"
#include "proto/item_error.h"
#include "tests/pipeline/image_files.h"

namespace rn {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Four colours in four quarters: any turn, mirror or swapped channel shows.
Rgba Quarters(int x, int y) {
  if (y < 16) return x < 24 ? Rgba{200, 40, 30} : Rgba{30, 180, 50};
  return x < 24 ? Rgba{20, 40, 210} : Rgba{230, 220, 40};
}

class MediaSourceTest : public ::testing::Test {
 protected:
  // Damaged on purpose: the decoders' complaints are no news.
  static void SetUpTestSuite() { av_log_set_level(AV_LOG_QUIET); }

  std::string Write(const std::string& name, const std::string& bytes) {
    const std::filesystem::path path = folder_.path() / name;
    EXPECT_TRUE(WriteFileDurably(path, bytes).ok());
    return path.string();
  }
  absl::StatusOr<DecodedImage> Decoded(const std::string& bytes, int max_w = 0, int max_h = 0) {
    return DecodeImage(Write("image", bytes), {}, max_w, max_h);
  }
  // Refused as what the template's author can do something about.
  void ExpectRefused(const std::string& name,
                     const std::string& bytes,
                     const std::string& why,
                     const ImageLimits& limits = {}) {
    const auto image = DecodeImage(Write(name, bytes), limits, 0, 0);
    ASSERT_FALSE(image.ok()) << name;
    EXPECT_EQ(ItemErrorOf(image.status()), rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR);
    EXPECT_EQ(image.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(image.status().message()), AllOf(HasSubstr(name), HasSubstr(why)));
  }

  TempDir folder_ = *TempDir::Create("media_source_test");
};

// B, G, R, A.
const std::uint8_t* PixelOf(const Raster& raster, int x, int y) {
  return raster.pixels.data() + static_cast<std::ptrdiff_t>(y) * raster.stride + x * 4;
}

void ExpectColor(const Raster& raster, int x, int y, const Rgba& color, int tolerance) {
  const std::uint8_t* pixel = PixelOf(raster, x, y);
  const int off = std::max({std::abs(pixel[0] - color.b),
                            std::abs(pixel[1] - color.g),
                            std::abs(pixel[2] - color.r),
                            std::abs(pixel[3] - color.a)});
  EXPECT_LE(off, tolerance) << "at " << x << "," << y << ": " << int{pixel[2]} << " "
                            << int{pixel[1]} << " " << int{pixel[0]} << " " << int{pixel[3]};
}

void ExpectQuarters(const DecodedImage& image, int tolerance) {
  EXPECT_EQ(image.raster.width, 48);
  EXPECT_EQ(image.raster.height, 32);
  for (const int x : {4, 40}) {
    for (const int y : {4, 28}) ExpectColor(image.raster, x, y, Quarters(x, y), tolerance);
  }
}

TEST_F(MediaSourceTest, EveryFormatKeepsItsColours) {
  // GIF here has a palette of 3-3-2 bits and dithers: off by up to a step of blue.
  const std::pair<const char*, int> formats[] = {
      {"mjpeg", 3}, {"png", 0}, {"libwebp", 0}, {"bmp", 0}, {"tiff", 0}, {"gif", 85}};
  for (const auto& [encoder, tolerance] : formats) {
    SCOPED_TRACE(encoder);
    const auto image = Decoded(ImageBytes(encoder, 48, 32, Quarters));
    ASSERT_TRUE(image.ok()) << image.status();
    ExpectQuarters(*image, tolerance);
    EXPECT_TRUE(image->opaque);
  }
}

TEST_F(MediaSourceTest, JpegBlackAndWhiteUseTheFullRange) {
  const auto half = [](int x, int) { return x < 16 ? Rgba{0, 0, 0} : Rgba{255, 255, 255}; };
  const auto image = Decoded(ImageBytes("mjpeg", 32, 16, half));
  ASSERT_TRUE(image.ok()) << image.status();
  ExpectColor(image->raster, 4, 8, {0, 0, 0}, 1);
  ExpectColor(image->raster, 28, 8, {255, 255, 255}, 1);
}

TEST_F(MediaSourceTest, PrintersCmykJpegComesOutInTheRightColours) {
  const auto red = Decoded(CmykJpeg(0, 255, 255, 0));
  ASSERT_TRUE(red.ok()) << red.status();
  ExpectColor(red->raster, 3, 3, {255, 0, 0}, 3);
  const auto dark_blue = Decoded(CmykJpeg(255, 255, 0, 128));
  ASSERT_TRUE(dark_blue.ok()) << dark_blue.status();
  ExpectColor(dark_blue->raster, 3, 3, {0, 0, 127}, 3);
}

TEST_F(MediaSourceTest, TransparencyIsPremultipliedAndTold) {
  const auto veil = [](int x, int) { return x < 8 ? Rgba{200, 100, 50, 128} : Rgba{9, 9, 9, 0}; };
  for (const char* encoder : {"png", "libwebp"}) {
    SCOPED_TRACE(encoder);
    const auto image = Decoded(ImageBytes(encoder, 16, 16, veil));
    ASSERT_TRUE(image.ok()) << image.status();
    EXPECT_FALSE(image->opaque);
    ExpectColor(image->raster, 4, 4, {100, 50, 25, 128}, 1);
    ExpectColor(image->raster, 12, 4, {0, 0, 0, 0}, 0);
  }
}

TEST_F(MediaSourceTest, PhotographsStandUprightWhicheverWayTheCameraWasHeld) {
  const std::string jpeg = ImageBytes("mjpeg", 48, 32, Quarters);
  // Where the stored picture's top-left quarter is seen.
  const std::pair<bool, bool> right_bottom[] = {{false, false},
                                                {true, false},
                                                {true, true},
                                                {false, true},
                                                {false, false},
                                                {true, false},
                                                {true, true},
                                                {false, true}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    SCOPED_TRACE(orientation);
    const auto image = Decoded(WithOrientation(jpeg, orientation));
    ASSERT_TRUE(image.ok()) << image.status();
    const bool upright = orientation < 5;
    EXPECT_EQ(image->raster.width, upright ? 48 : 32);
    EXPECT_EQ(image->raster.height, upright ? 32 : 48);
    const auto& [right, bottom] = right_bottom[orientation - 1];
    const int x = right ? image->raster.width - 5 : 4;
    const int y = bottom ? image->raster.height - 5 : 4;
    ExpectColor(image->raster, x, y, Quarters(0, 0), 3);
  }
}

TEST_F(MediaSourceTest, LargePicturesShrinkToWhatIsNeededAndKeepTheirAspect) {
  const auto ramp = [](int x, int y) {
    return Rgba{static_cast<std::uint8_t>(x / 5), static_cast<std::uint8_t>(y / 4), 90};
  };
  for (const char* encoder : {"png", "mjpeg"}) {
    SCOPED_TRACE(encoder);
    const auto image = Decoded(ImageBytes(encoder, 1200, 900, ramp), 200, 200);
    ASSERT_TRUE(image.ok()) << image.status();
    EXPECT_EQ(image->raster.width, 200);
    EXPECT_EQ(image->raster.height, 150);
    ExpectColor(image->raster, 100, 75, {120, 113, 90}, 3);
    ExpectColor(image->raster, 199, 149, {239, 224, 90}, 3);
  }
}

TEST_F(MediaSourceTest, ShrinkingAveragesEveryPixelOfAFinePattern) {
  const auto checks = [](int x, int y) {
    return (x + y) % 2 == 0 ? Rgba{255, 255, 255} : Rgba{0, 0, 0};
  };
  const auto image = Decoded(ImageBytes("png", 300, 300, checks), 100, 100);
  ASSERT_TRUE(image.ok()) << image.status();
  for (const int at : {0, 1, 50, 99}) ExpectColor(image->raster, at, at, {128, 128, 128}, 15);
}

TEST_F(MediaSourceTest, SmallPicturesAreNotEnlarged) {
  const auto image = Decoded(ImageBytes("png", 48, 32, Quarters), 1920, 1080);
  ASSERT_TRUE(image.ok()) << image.status();
  ExpectQuarters(*image, 0);
}

TEST_F(MediaSourceTest, TallPicturesHaveNoSeamsWhereBandsMeet) {
  const auto ramp = [](int, int y) { return Rgba{static_cast<std::uint8_t>(y / 2), 60, 120}; };
  const auto image = Decoded(ImageBytes("mjpeg", 64, 500, ramp));
  ASSERT_TRUE(image.ok()) << image.status();
  for (int y = 2; y < 498; ++y) ExpectColor(image->raster, 30, y, ramp(0, y), 4);
}

TEST_F(MediaSourceTest, TruncatedPicturesAreRefusedInEveryFormat) {
  const auto noise = [](int x, int y) {
    return Rgba{static_cast<std::uint8_t>(x * 37 + y * 91), static_cast<std::uint8_t>(x * y), 7};
  };
  for (const char* encoder : {"mjpeg", "png", "libwebp", "bmp", "tiff", "gif"}) {
    const std::string bytes = ImageBytes(encoder, 160, 120, noise);
    for (const std::size_t kept : {bytes.size() / 3, bytes.size() * 9 / 10, bytes.size() - 3}) {
      SCOPED_TRACE(kept);
      ExpectRefused(std::string("photo.") + encoder, bytes.substr(0, kept), "truncated");
    }
  }
}

TEST_F(MediaSourceTest, DamageInTheMiddleIsRefused) {
  std::string bytes = ImageBytes("png", 200, 200, [](int x, int y) {
    return Rgba{static_cast<std::uint8_t>(x ^ y), static_cast<std::uint8_t>(x * y), 7};
  });
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x5A);
  ExpectRefused("photo.png", bytes, "damaged");
}

TEST_F(MediaSourceTest, ImageBombIsRefusedFromItsHeader) {
  ExpectRefused("bomb.png", PngBomb(30'000, 30'000), "30000x30000 pixels; at most 20000 a side");
  ExpectRefused("wide.png", PngBomb(20'000, 5'001), "100 megapixels");
  // Its picture is missing too, but its size is what the reader should know.
  ExpectRefused("stub.png", PngBomb(30'000, 30'000).substr(0, 33), "30000x30000");
  ExpectRefused("huge.png", PngBomb(4'000'000'000, 4'000'000'000), "at most 20000 a side");
}

TEST_F(MediaSourceTest, FilesBeyondTheLimitOfBytesAreNotRead) {
  ImageLimits limits;
  limits.bytes_max = 1 << 20;
  ExpectRefused("big.jpg", std::string(2 << 20, 'x'), "2.0 MiB; at most 1.0 MiB", limits);
}

TEST_F(MediaSourceTest, WhatIsNotAnImageIsNamed) {
  ExpectRefused("empty.jpg", "", "empty (0 bytes); valid are JPEG, PNG");
  ExpectRefused("page.jpg", "\n<!DOCTYPE html><html><body>Not found</body>", "a web page");
  ExpectRefused("drawing.png", "<?xml version=\"1.0\"?><svg xmlns=\"x\"/>", "SVG");
  ExpectRefused("photo.heic",
                std::string("\0\0\0\x18"
                            "ftypheic\0\0\0\0",
                            16),
                "HEIC");
  ExpectRefused("list.m3u8", "#EXTM3U\nfile:///etc/passwd\n", "not an image");
  ExpectRefused("tiny.jpg", "\xFF\xD8\xFF", "truncated");
  ExpectRefused("riff.webp", "RIFF", "not an image");
}

TEST_F(MediaSourceTest, FormatIsToldByTheBytesNotTheName) {
  const auto image = DecodeImage(Write("photo.jpg", ImageBytes("png", 48, 32, Quarters)), {}, 0, 0);
  ASSERT_TRUE(image.ok()) << image.status();
  ExpectQuarters(*image, 0);
}

TEST_F(MediaSourceTest, AbsentFileIsNamed) {
  const auto image = DecodeImage("/nonexistent/photo.jpg", {}, 0, 0);
  EXPECT_THAT(std::string(image.status().message()), HasSubstr("/nonexistent/photo.jpg"));
  EXPECT_EQ(ItemErrorOf(image.status()), rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR);
}

// Whatever bytes come, the answer is a status.
TEST_F(MediaSourceTest, CutsAndFlippedBytesNeverCrash) {
  for (const char* encoder : {"mjpeg", "png", "libwebp", "bmp", "tiff", "gif"}) {
    const std::string bytes = ImageBytes(encoder, 48, 32, Quarters);
    for (std::size_t i = 0; i < 96 && i < bytes.size(); ++i) {
      std::string flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ 0xFF);
      ImageLimits limits;
      limits.pixels_max = 1 << 20;
      (void)DecodeImage(Write("flipped", flipped), limits, 32, 32);
      (void)DecodeImage(Write("cut", bytes.substr(0, i)), limits, 0, 0);
    }
  }
}

}  // namespace
}  // namespace rn
