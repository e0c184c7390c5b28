// Pango behind RAII: a text set in its box, for those who paint it or ask where its lines break.
// Includes Pango's headers: nobody else does.
#pragma once

#include <pango/pangocairo.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "pipeline/text.h"

namespace rn {

struct GObjectDeleter {
  void operator()(void* object) const { g_object_unref(object); }
};
using UniqueLayout = std::unique_ptr<PangoLayout, GObjectDeleter>;

// Valid UTF-8, known families, a bounded length; else InvalidArgument.
absl::Status CheckText(const TextSpec& spec);

// The text laid out in its box at one size. kWholeWords lets a long word stick out of the box
// instead of breaking it.
enum class Breaking { kWholeWords, kAnywhere };
UniqueLayout LayOut(const TextSpec& spec, double font_size_px, Breaking breaking);

// How far right a layout stands that leaves `free_px` of its box's width.
int OffsetOf(PangoLayout* layout, HorizontalAlign align, double free_px);

// The size to use: the style's own, or the largest that fits.
double FittingSize(const TextSpec& spec);

// The narrowest box in which the text takes no more lines: they come out of like length.
double NarrowestWidth(const TextSpec& spec, double font_size_px);

// A text ready to be painted, at its size and, where it is balanced, in a narrower box.
struct SetText {
  TextSpec spec;
  double font_size_px = 0;
  int shift_px = 0;      // of the narrower box in the text's own
  std::uint64_t id = 0;  // no other text of the thread has it
  UniqueLayout layout;
};
// From the last few that the thread has set, or anew. `spec` has passed CheckText. Valid until the
// thread sets another text.
const SetText& SetInBox(const TextSpec& spec);

}  // namespace rn
