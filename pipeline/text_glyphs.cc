#include "pipeline/text_glyphs.h"

#include <hb-ot.h>

#include <algorithm>
#include <set>

#include "absl/strings/str_format.h"

namespace rn {

UniqueIterator IteratorOf(PangoLayout* layout) {
  return UniqueIterator(pango_layout_get_iter(layout));
}

std::vector<std::string> MissingGlyphs(PangoLayout* layout) {
  std::set<guint32> missing;
  const UniqueIterator iterator = IteratorOf(layout);
  do {
    const PangoLayoutRun* run = pango_layout_iter_get_run_readonly(iterator.get());
    for (int i = 0; run != nullptr && i < run->glyphs->num_glyphs; ++i) {
      const PangoGlyph glyph = run->glyphs->glyphs[i].glyph;
      if ((glyph & PANGO_GLYPH_UNKNOWN_FLAG) != 0 && glyph != PANGO_GLYPH_EMPTY) {
        missing.insert(glyph & ~PANGO_GLYPH_UNKNOWN_FLAG);
      }
    }
  } while (pango_layout_iter_next_run(iterator.get()) != FALSE);
  std::vector<std::string> names;
  for (const guint32 code_point : missing) {
    names.push_back(absl::StrFormat("U+%04X", code_point));
  }
  return names;
}

bool HasColorGlyphs(PangoFont* font) {
  hb_face_t* face = hb_font_get_face(pango_font_get_hb_font(font));
  return hb_ot_color_has_png(face) != 0 || hb_ot_color_has_layers(face) != 0 ||
         hb_ot_color_has_svg(face) != 0;
}

Box ToBox(const PangoRectangle& rect) {
  constexpr double kScale = PANGO_SCALE;
  return {rect.x / kScale, rect.y / kScale, rect.width / kScale, rect.height / kScale};
}

std::vector<Piece> PiecesOf(PangoLayout* layout, std::size_t begin, std::size_t end) {
  std::vector<Piece> pieces;
  const UniqueIterator iterator = IteratorOf(layout);
  do {
    PangoLayoutLine* line = pango_layout_iter_get_line_readonly(iterator.get());
    const auto line_begin = static_cast<std::size_t>(line->start_index);
    const std::size_t line_end = line_begin + static_cast<std::size_t>(line->length);
    Piece piece{std::max(begin, line_begin), std::min(end, line_end)};
    if (piece.begin >= piece.end) continue;
    PangoRectangle logical;
    pango_layout_iter_get_line_extents(iterator.get(), nullptr, &logical);
    int* edges = nullptr;
    int count = 0;
    pango_layout_line_get_x_ranges(
        line, static_cast<int>(piece.begin), static_cast<int>(piece.end), &edges, &count);
    if (count > 0) {
      const auto [left, right] = std::minmax_element(edges, edges + 2 * std::ptrdiff_t{count});
      logical.x = *left;
      logical.width = *right - *left;
      piece.box = ToBox(logical);
      piece.right_to_left =
          pango_layout_get_direction(layout, static_cast<int>(piece.begin)) == PANGO_DIRECTION_RTL;
      pieces.push_back(piece);
    }
    g_free(edges);
  } while (pango_layout_iter_next_line(iterator.get()) != FALSE);
  return pieces;
}

}  // namespace rn
