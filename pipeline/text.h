// Text to pixels through Pango and Cairo: wrapping, auto-fit, bidi, CJK, colour emoji. Graphemes,
// the characters as a reader counts them, are counted by unicode.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "pipeline/fill.h"
#include "pipeline/geometry.h"

namespace rn {

// Left and right are the screen's; start and end depend on which way the text runs.
enum class HorizontalAlign { kLeft, kCenter, kRight, kStart, kEnd };
enum class VerticalAlign { kTop, kMiddle, kBottom };

struct Stroke {
  Rgba color;
  double width_px = 0;  // of text: how far it reaches out of the letters
  bool operator==(const Stroke&) const = default;
};
struct TextBackground {
  Rgba color;
  double padding_x_px = 0, padding_y_px = 0, radius_px = 0;
  bool per_line = false;  // a box around each line, all of them one shape; else one around all
  bool operator==(const TextBackground&) const = default;
};

struct TextStyle {
  std::string font_family = "Inter";
  int font_weight = 400;  // CSS 100…900
  bool italic = false;
  double font_size_px = 48;  // ignored when auto_fit
  bool auto_fit = false;     // the largest size in [min, max] at which the text fits its box
  double font_size_min_px = 12;
  double font_size_max_px = 200;
  double line_height = 1.2;  // × font size
  double letter_spacing_px = 0;
  double letter_spacing_em = 0;  // × font size, on top
  std::string language;          // BCP 47, "ja": decides shapes that languages write differently
  Rgba fill{255, 255, 255, 255};
  std::optional<Fill> gradient;  // in place of `fill`, over all lines together
  std::optional<Stroke> stroke;
  std::optional<TextBackground> background;
  bool balanced = false;  // lines of like length, as few as the box's width allows
  HorizontalAlign align = HorizontalAlign::kCenter;
  VerticalAlign vertical_align = VerticalAlign::kMiddle;
  bool operator==(const TextStyle&) const = default;
};

// Bytes [begin, end) of a text in another look; what is not set is as the text's style has it.
struct TextRange {
  std::size_t begin = 0, end = 0;
  std::optional<Rgba> fill;
  std::optional<std::string> font_family;
  std::optional<int> font_weight;
  std::optional<bool> italic;
  double size = 1;  // × the text's own font size
  bool underline = false, strikethrough = false;
  bool operator==(const TextRange&) const = default;
};

struct TextSpec {
  std::string text;  // UTF-8
  TextStyle style;
  double box_w = 0, box_h = 0;    // pixels; the text wraps at box_w
  std::vector<TextRange> ranges;  // in order, none within another
  bool operator==(const TextSpec&) const = default;
};

// Premultiplied BGRA bytes (Cairo's ARGB32 on little-endian), sRGB.
struct Raster {
  int width = 0, height = 0;
  int stride = 0;  // bytes
  std::vector<std::uint8_t> pixels;
};

struct RasterText {
  Raster raster;            // cropped to the ink (and background)
  int x = 0, y = 0;         // of the raster's corner from the box's; may be negative
  double font_size_px = 0;  // the size used
  bool overflows = false;   // did not fit the box even at the smallest size
  std::vector<std::string> missing_glyphs;  // "U+1F9FF", without repeats
};

// The text with its first `characters` graphemes (see GraphemeCount) to be seen, each where it
// stands in the whole text; −1: all. Deterministic for given fonts. InvalidArgument: text that is
// not UTF-8, unknown font family (the message names the nearest installed one). Thread-safe.
absl::StatusOr<RasterText> RasteriseText(const TextSpec& spec, int characters = -1);

// Is a family installed? Aliases of fontconfig count only when they resolve to that family.
bool FontFamilyInstalled(const std::string& family);
std::vector<std::string> InstalledFontFamilies();
// `unknown font family "Intr"; did you mean "Inter"? Valid: …`: the nearest few of what may be
// hundreds, and how many more there are.
std::string UnknownFontFamily(const std::string& family);

}  // namespace rn
