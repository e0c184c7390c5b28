// The glyphs and lines of a text that is set: which of them stand where, and hiding some of them.
#pragma once

#include <pango/pangocairo.h>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/geometry.h"

namespace rn {

struct IteratorDeleter {
  void operator()(PangoLayoutIter* iterator) const { pango_layout_iter_free(iterator); }
};
using UniqueIterator = std::unique_ptr<PangoLayoutIter, IteratorDeleter>;

// At the first run and line.
UniqueIterator IteratorOf(PangoLayout* layout);

// "U+1F9FF", in order, without repeats.
std::vector<std::string> MissingGlyphs(PangoLayout* layout);

// Its glyphs are pictures: they have no outline and take no colour.
bool HasColorGlyphs(PangoFont* font);

// While it lives, the layout has no glyphs but those that `keeps` wants: nothing moves, and neither
// joined letters nor the order of two directions change.
class GlyphsOf {
 public:
  // keeps(font, byte): of the glyph whose characters begin at `byte`.
  template <class Keeps>
  GlyphsOf(PangoLayout* layout, const Keeps& keeps) {
    // The lines are ours to change: layouts are kept by the thread that paints them.
    for (GSList* at = pango_layout_get_lines(layout); at != nullptr; at = at->next) {
      const auto* line = static_cast<const PangoLayoutLine*>(at->data);
      for (GSList* run = line->runs; run != nullptr; run = run->next) {
        const auto* item = static_cast<const PangoLayoutRun*>(run->data);
        for (int i = 0; i < item->glyphs->num_glyphs; ++i) {
          const auto byte = static_cast<std::size_t>(item->item->offset) +
                            static_cast<std::size_t>(item->glyphs->log_clusters[i]);
          PangoGlyph& glyph = item->glyphs->glyphs[i].glyph;
          if (glyph == PANGO_GLYPH_EMPTY || keeps(item->item->analysis.font, byte)) continue;
          hidden_.emplace_back(&glyph, glyph);
          glyph = PANGO_GLYPH_EMPTY;
        }
      }
    }
  }
  GlyphsOf(const GlyphsOf&) = delete;
  GlyphsOf& operator=(const GlyphsOf&) = delete;
  ~GlyphsOf() {
    for (const auto& [place, glyph] : hidden_) *place = glyph;
  }

 private:
  std::vector<std::pair<PangoGlyph*, PangoGlyph>> hidden_;
};

// Pango's units as pixels.
Box ToBox(const PangoRectangle& rect);

// What of some bytes of the text stands in one line.
struct Piece {
  std::size_t begin = 0, end = 0;  // bytes
  Box box;                         // as high as the line
  bool right_to_left = false;
};

std::vector<Piece> PiecesOf(PangoLayout* layout, std::size_t begin, std::size_t end);

}  // namespace rn
