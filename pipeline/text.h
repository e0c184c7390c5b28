// Text to pixels through Pango and Cairo: wrapping, auto-fit, bidi, CJK, colour emoji. Graphemes,
// the characters as a reader counts them, are counted by unicode.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "pipeline/geometry.h"
#include "template/text_style.h"

namespace rn {

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
const std::vector<std::string>& InstalledFontFamilies();  // sorted
// `unknown font family "Intr"; did you mean "Inter"? Valid: …`: the nearest few of what may be
// hundreds, and how many more there are.
std::string UnknownFontFamily(const std::string& family);

}  // namespace rn
