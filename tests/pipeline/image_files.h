// Pictures as files, made in memory: what the decoder is tested with.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "pipeline/geometry.h"

namespace rn {

// A picture in the format of one of FFmpeg's encoders ("mjpeg", "png", "libwebp", "gif", "bmp",
// "tiff"), from straight-alpha colours.
using PixelAt = std::function<Rgba(int x, int y)>;
std::string ImageBytes(const std::string& encoder, int width, int height, const PixelAt& pixel);

// The same JPEG with an EXIF orientation in it.
std::string WithOrientation(const std::string& jpeg, int orientation);

// A PNG of a few bytes that claims to be this large.
std::string PngBomb(std::uint32_t width, std::uint32_t height);

// A JPEG of one colour in four channels (CMYK as Adobe writes it: inverted), 8 × 8 pixels.
std::string CmykJpeg(std::uint8_t c, std::uint8_t m, std::uint8_t y, std::uint8_t k);

}  // namespace rn
