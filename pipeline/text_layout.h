// Pango behind RAII: what text.cc and captions.cc share. Includes Pango's headers: nobody else
// does.
#pragma once

#include <pango/pangocairo.h>

#include <cstddef>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "pipeline/text.h"

namespace rn {

struct GObjectDeleter {
  void operator()(void* object) const { g_object_unref(object); }
};
using UniqueLayout = std::unique_ptr<PangoLayout, GObjectDeleter>;

// Bytes [begin, end) of the text in another fill.
struct ColoredRange {
  std::size_t begin = 0, end = 0;
  Rgba color;
};

// Valid UTF-8, a known family, a bounded length; else InvalidArgument.
absl::Status CheckText(const TextSpec& spec);

// The text laid out in its box at one size. kWholeWords lets a long word stick out of the box
// instead of breaking it.
enum class Breaking { kWholeWords, kAnywhere };
UniqueLayout LayOut(const TextSpec& spec,
                    double font_size_px,
                    Breaking breaking,
                    const std::optional<ColoredRange>& colored = std::nullopt);

// How far right a layout stands that leaves `free_px` of its box's width.
int OffsetOf(PangoLayout* layout, HorizontalAlign align, double free_px);

// The size to use: the style's own, or the largest that fits.
double FittingSize(const TextSpec& spec);

// The narrowest box in which the text takes no more lines: they come out of like length.
double NarrowestWidth(const TextSpec& spec, double font_size_px);

// Pixels of a layout made from `spec`.
absl::StatusOr<RasterText> PaintLayout(PangoLayout* layout,
                                       const TextSpec& spec,
                                       double font_size_px);

}  // namespace rn
