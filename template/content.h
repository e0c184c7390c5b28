// What elements show, and how they meet what is below them.
#pragma once

#include <optional>
#include <string>

#include "template/box.h"
#include "template/fill.h"
#include "template/rgba.h"
#include "template/text_style.h"

namespace rn {

// kContainBlur: contained, over the same picture covering the box, blurred.
enum class Fit { kCover, kContain, kFill, kNone, kContainBlur };

// Part of a fitted picture, as fractions of it: {0, 0, 1, 1} is all of it.
using SourceWindow = Box;

struct ImageContent {
  std::string path;
  Fit fit = Fit::kCover;
  bool moves = false;    // Ken Burns: the window changes from frame to frame
  double scale_max = 1;  // the largest Ken Burns scale: how much resolution to keep
  bool operator==(const ImageContent&) const = default;
};

struct ShapeContent {
  enum class Kind { kRect, kEllipse } kind = Kind::kRect;
  Fill fill;
  double radius_px = 0;
  std::optional<Stroke> stroke;
  bool operator==(const ShapeContent&) const = default;
};
struct TextContent {
  TextSpec spec;
  bool operator==(const TextContent&) const = default;
};

// CSS's mix-blend-mode, on sRGB values.
enum class BlendMode {
  kNormal,
  kMultiply,
  kScreen,
  kOverlay,
  kDarken,
  kLighten,
  kColorDodge,
  kColorBurn,
  kHardLight,
  kSoftLight,
  kDifference,
  kExclusion
};

// CSS's drop-shadow: the element's own shape, moved, blurred (sigma is half of blur_px), coloured.
struct Shadow {
  Rgba color{0, 0, 0, 128};
  double dx_px = 0, dy_px = 0, blur_px = 0;
  bool operator==(const Shadow&) const = default;
};

// What of the element is seen: the inside of a shape that fills its box, or where a picture, laid
// over the box, is opaque (or bright).
struct Mask {
  enum class Kind { kRect, kEllipse, kAlpha, kLuminance } kind = Kind::kRect;
  double radius_px = 0;  // kRect
  std::string path;      // kAlpha, kLuminance
  bool inverted = false;
  bool operator==(const Mask&) const = default;
};

}  // namespace rn
