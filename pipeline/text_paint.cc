#include "pipeline/text_paint.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "pipeline/cairo.h"
#include "pipeline/text_glyphs.h"

namespace rn {
namespace {

constexpr int kRasterSideMax = 16'384;

// ------------------------------------------------------------------- where things are
Box Grown(const Box& box, double dx, double dy) {
  return {box.x - dx, box.y - dy, box.w + 2 * dx, box.h + 2 * dy};
}

using ByteRange = std::pair<std::size_t, std::size_t>;

// Where a painted text stands, relative to its box's corner.
struct Geometry {
  double text_y = 0;  // top of the layout
  Box block;          // of all lines, in the layout, as are:
  std::vector<Box> backgrounds;
  IntRect bounds;  // of everything painted, from the box's corner
};

class Painter {
 public:
  Painter(const SetText& text, absl::Span<const TextPart> parts)
      : layout_(text.layout.get()), style_(text.spec.style), box_h_(text.spec.box_h) {
    for (const TextPart& part : parts) {
      if (part.begin < part.end) parts_.push_back(part);
    }
    stroke_px_ = style_.stroke.has_value() ? style_.stroke->width_px : 0;
    Place();
  }

  const Geometry& geometry() const { return geometry_; }

  // The bytes at rest, whose outline is part of the underlay.
  std::vector<ByteRange> AtRest() const {
    std::vector<ByteRange> ranges;
    for (const TextPart& part : parts_) {
      if (part.scale != 1) continue;
      if (!ranges.empty() && ranges.back().second == part.begin) {
        ranges.back().second = part.end;
      } else {
        ranges.emplace_back(part.begin, part.end);
      }
    }
    return ranges;
  }

  // What lies under the letters: boxes and the outline of what is at rest.
  void PaintUnderlay(cairo_t* cairo) const {
    cairo_save(cairo);
    Enter(cairo);
    PaintBackground(cairo);
    PaintStrokeAtRest(cairo);
    cairo_restore(cairo);
  }

  void PaintLetters(cairo_t* cairo) const {
    Enter(cairo);
    for (const TextPart& part : parts_) {
      if (part.scale != 1) continue;
      if (part.swept.has_value()) {
        PaintSwept(cairo, part);
      } else {
        PaintFill(cairo, part);
      }
    }
    for (const TextPart& part : parts_) {
      if (part.scale != 1) PaintScaled(cairo, part);
    }
  }

 private:
  void Enter(cairo_t* cairo) const {
    cairo_translate(cairo, -geometry_.bounds.x, geometry_.text_y - geometry_.bounds.y);
  }

  void Place() {
    PangoRectangle ink;
    PangoRectangle logical;
    pango_layout_get_extents(layout_, &ink, &logical);
    geometry_.block = ToBox(logical);
    const double free_height = box_h_ - geometry_.block.h;
    switch (style_.vertical_align) {
      case VerticalAlign::kTop:
        break;
      case VerticalAlign::kMiddle:
        geometry_.text_y = free_height / 2;
        break;
      case VerticalAlign::kBottom:
        geometry_.text_y = free_height;
        break;
    }
    // The same for all states of one text: one pixel around for anti-aliasing.
    if (ink.width > 0 && ink.height > 0 && !parts_.empty()) {
      Note(Grown(ToBox(ink), stroke_px_ + 1, stroke_px_ + 1));
    }
    for (const TextPart& part : parts_) {
      if (part.scale == 1) continue;
      for (const Piece& piece : PiecesOf(layout_, part.begin, part.end)) {
        const double room = std::max(part.room, part.scale);
        const double x = (room - 1) * piece.box.w / 2 + room * (stroke_px_ + 1);
        const double y = (room - 1) * piece.box.h / 2 + room * (stroke_px_ + 1);
        // Letters may reach out of their line: by half of it at the most.
        Note(Grown(piece.box, x + piece.box.h / 4, y + piece.box.h / 4));
      }
    }
    PlaceBackgrounds();
  }

  void PlaceBackgrounds() {
    if (!style_.background.has_value() || geometry_.block.w <= 0 || parts_.empty()) return;
    const TextBackground& background = *style_.background;
    if (!background.per_line) {
      geometry_.backgrounds.push_back(
          Grown(geometry_.block, background.padding_x_px, background.padding_y_px));
    } else {
      PlaceLineBackgrounds(background);
    }
    for (const Box& box : geometry_.backgrounds) Note(Grown(box, 1, 1));
  }

  void PlaceLineBackgrounds(const TextBackground& background) {
    const std::size_t end = parts_.back().end;
    const UniqueIterator iterator = IteratorOf(layout_);
    do {
      const PangoLayoutLine* line = pango_layout_iter_get_line_readonly(iterator.get());
      PangoRectangle logical;
      pango_layout_iter_get_line_extents(iterator.get(), nullptr, &logical);
      if (logical.width <= 0 || static_cast<std::size_t>(line->start_index) >= end) continue;
      geometry_.backgrounds.push_back(
          Grown(ToBox(logical), background.padding_x_px, background.padding_y_px));
    } while (pango_layout_iter_next_line(iterator.get()) != FALSE);
  }

  void Note(Box in_layout) {
    in_layout.y += geometry_.text_y;
    geometry_.bounds = Bounds(geometry_.bounds, PixelsAround(in_layout));
  }

  // ----------------------------------------------------------------- sources
  static void AddStop(cairo_pattern_t* pattern, double offset, const Rgba& color) {
    cairo_pattern_add_color_stop_rgba(
        pattern, offset, color.r / 255.0, color.g / 255.0, color.b / 255.0, color.a / 255.0);
  }

  void SetStyleFill(cairo_t* cairo) const {
    if (!style_.gradient.has_value() || style_.gradient->stops.empty()) {
      SetColor(cairo, style_.fill);
      return;
    }
    const Fill& fill = *style_.gradient;
    const Box& box = geometry_.block;
    const double cx = box.x + box.w / 2;
    const double cy = box.y + box.h / 2;
    UniquePattern pattern;
    if (fill.kind == Fill::Kind::kRadial) {
      pattern.reset(
          cairo_pattern_create_radial(cx, cy, 0, cx, cy, std::hypot(box.w / 2, box.h / 2)));
    } else {
      // CSS: the line through the centre, as long as the box is wide in that direction.
      const double angle = fill.angle_deg * std::numbers::pi / 180;
      const double dx = std::sin(angle);
      const double dy = -std::cos(angle);
      const double half = (std::abs(box.w * dx) + std::abs(box.h * dy)) / 2;
      pattern.reset(cairo_pattern_create_linear(
          cx - half * dx, cy - half * dy, cx + half * dx, cy + half * dy));
    }
    for (const GradientStop& stop : fill.stops) AddStop(pattern.get(), stop.offset, stop.color);
    cairo_set_source(cairo, pattern.get());
  }

  void SetPartFill(cairo_t* cairo, const TextPart& part) const {
    if (part.fill.has_value()) {
      SetColor(cairo, *part.fill);
    } else {
      SetStyleFill(cairo);
    }
  }

  // ----------------------------------------------------------------- paints
  void PaintBackground(cairo_t* cairo) const {
    if (geometry_.backgrounds.empty()) return;
    cairo_new_path(cairo);
    for (const Box& box : geometry_.backgrounds) {
      AddRoundedRect(cairo, box, style_.background->radius_px);
    }
    SetColor(cairo, style_.background->color);
    cairo_fill(cairo);  // Where two overlap, one shape: no darker seam.
  }

  // The outline around what the layout shows now; translucent letters do not show it through.
  void PaintStroke(cairo_t* cairo) const {
    if (stroke_px_ <= 0) return;
    // Pictures have no outline to follow.
    const GlyphsOf outlines(layout_,
                            [](PangoFont* font, std::size_t) { return !HasColorGlyphs(font); });
    const bool solid = style_.fill.a == 255 && !style_.gradient.has_value();
    if (!solid) cairo_push_group(cairo);
    cairo_new_path(cairo);
    pango_cairo_layout_path(cairo, layout_);
    SetColor(cairo, style_.stroke->color);
    cairo_set_line_width(cairo, 2 * stroke_px_);
    cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
    cairo_stroke_preserve(cairo);
    if (!solid) {
      cairo_set_operator(cairo, CAIRO_OPERATOR_DEST_OUT);
      cairo_fill(cairo);
      cairo_pop_group_to_source(cairo);
      cairo_paint(cairo);
    }
    cairo_new_path(cairo);
  }

  void PaintStrokeAtRest(cairo_t* cairo) const {
    const std::vector<ByteRange> ranges = AtRest();
    const GlyphsOf at_rest(layout_, [&](PangoFont*, std::size_t byte) {
      return std::any_of(ranges.begin(), ranges.end(), [&](const ByteRange& range) {
        return byte >= range.first && byte < range.second;
      });
    });
    PaintStroke(cairo);
  }

  // What of the layout lies in these bytes, from the source that is set.
  void Show(cairo_t* cairo, std::size_t begin, std::size_t end) const {
    const GlyphsOf shown(layout_,
                         [&](PangoFont*, std::size_t byte) { return byte >= begin && byte < end; });
    cairo_move_to(cairo, 0, 0);
    pango_cairo_show_layout(cairo, layout_);
  }

  void PaintFill(cairo_t* cairo, const TextPart& part) const {
    SetPartFill(cairo, part);
    Show(cairo, part.begin, part.end);
  }

  void PaintSwept(cairo_t* cairo, const TextPart& part) const {
    const std::vector<Piece> pieces = PiecesOf(layout_, part.begin, part.end);
    double whole = 0;
    for (const Piece& piece : pieces) whole += piece.box.w;
    double swept = part.sweep * whole;
    for (const Piece& piece : pieces) {
      const double here = std::clamp(swept, 0.0, piece.box.w);
      swept -= here;
      // The colours meet over one pixel, as glyphs' own edges do.
      const double edge =
          piece.right_to_left ? piece.box.x + piece.box.w - here : piece.box.x + here;
      const UniquePattern pattern(cairo_pattern_create_linear(edge - 0.5, 0, edge + 0.5, 0));
      const Rgba fill = part.fill.value_or(style_.fill);
      AddStop(pattern.get(), 0, piece.right_to_left ? fill : *part.swept);
      AddStop(pattern.get(), 1, piece.right_to_left ? *part.swept : fill);
      cairo_set_source(cairo, pattern.get());
      Show(cairo, piece.begin, piece.end);
    }
  }

  void PaintScaled(cairo_t* cairo, const TextPart& part) const {
    for (const Piece& piece : PiecesOf(layout_, part.begin, part.end)) {
      const double cx = piece.box.x + piece.box.w / 2;
      const double cy = piece.box.y + piece.box.h / 2;
      cairo_save(cairo);
      cairo_translate(cairo, cx, cy);
      cairo_scale(cairo, part.scale, part.scale);
      cairo_translate(cairo, -cx, -cy);
      {
        const GlyphsOf shown(layout_, [&](PangoFont*, std::size_t byte) {
          return byte >= piece.begin && byte < piece.end;
        });
        PaintStroke(cairo);
      }
      SetPartFill(cairo, part);
      Show(cairo, piece.begin, piece.end);
      cairo_restore(cairo);
    }
  }

  PangoLayout* const layout_;
  const TextStyle& style_;  // Outlives us, with the text.
  const double box_h_;
  std::vector<TextPart> parts_;
  double stroke_px_ = 0;
  Geometry geometry_;
};

absl::Status CheckSize(const IntRect& bounds) {
  if (bounds.w <= kRasterSideMax && bounds.h <= kRasterSideMax) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "text of ", bounds.w, "x", bounds.h, " pixels; the limit is ", kRasterSideMax, " a side"));
}

// The last underlay of a text in several parts: an outline costs more than all that changes on top
// of it from frame to frame.
struct Underlay {
  std::uint64_t text = 0;
  std::vector<ByteRange> at_rest;
  IntRect bounds;
  std::vector<std::uint8_t> pixels;
};

void PaintUnderlay(const SetText& text,
                   const Painter& painter,
                   bool keep,
                   cairo_surface_t* surface,
                   cairo_t* cairo,
                   std::vector<std::uint8_t>* pixels) {
  thread_local Underlay kept;
  const std::vector<ByteRange> at_rest = painter.AtRest();
  const IntRect& bounds = painter.geometry().bounds;
  if (kept.text == text.id && kept.bounds == bounds && kept.at_rest == at_rest) {
    std::copy(kept.pixels.begin(), kept.pixels.end(), pixels->begin());
    cairo_surface_mark_dirty(surface);
    return;
  }
  painter.PaintUnderlay(cairo);
  if (!keep || !text.spec.style.stroke.has_value()) return;
  cairo_surface_flush(surface);
  kept = {text.id, at_rest, bounds, *pixels};
}

}  // namespace

absl::StatusOr<RasterText> PaintText(const SetText& text, absl::Span<const TextPart> parts) {
  PangoLayout* const layout = text.layout.get();
  RasterText result;
  result.font_size_px = text.font_size_px;
  result.missing_glyphs = MissingGlyphs(layout);
  int width = 0;
  int height = 0;
  pango_layout_get_size(layout, &width, &height);
  // At the end of a line Pango takes back the spacing after its last letter and its blank, which it
  // had counted on when it broke the line.
  const TextStyle& style = text.spec.style;
  const double spacing = style.letter_spacing_px + style.letter_spacing_em * text.font_size_px;
  const double widest = text.spec.box_w + 2 * std::abs(spacing);
  result.overflows = width > widest * PANGO_SCALE || height > text.spec.box_h * PANGO_SCALE;
  const Painter painter(text, parts);
  const IntRect& bounds = painter.geometry().bounds;
  result.x = bounds.x + text.shift_px;
  result.y = bounds.y;
  if (bounds.empty()) return result;
  RETURN_IF_ERROR(CheckSize(bounds));
  Raster& raster = result.raster;
  raster = Blank(bounds.w, bounds.h);
  const UniqueSurface surface = SurfaceOf(raster);
  const UniqueCairo cairo(cairo_create(surface.get()));
  PaintUnderlay(
      text, painter, /*keep=*/parts.size() > 1, surface.get(), cairo.get(), &raster.pixels);
  painter.PaintLetters(cairo.get());
  RETURN_IF_ERROR(Finish(cairo.get(), surface.get()));
  return result;
}

}  // namespace rn
