// A text and what it looks like, laid out in a box.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "template/fill.h"
#include "template/rgba.h"

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

}  // namespace rn
