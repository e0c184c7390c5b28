// A text that is set in its box, painted as a whole or part by part.
#pragma once

#include <cstddef>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "pipeline/text.h"
#include "pipeline/text_layout.h"

namespace rn {

// Bytes [begin, end) of the text, where they stand in the whole of it, painted in one way.
struct TextPart {
  std::size_t begin = 0, end = 0;
  std::optional<Rgba> fill;   // none: as the style has it
  std::optional<Rgba> swept;  // the fill of its first `sweep` of the way, as the script runs
  double sweep = 0;
  double scale = 1;  // about its own middle, over all parts that are at rest
  double room = 1;   // the largest scale while it moves: pictures of all scales have one size
};

// Parts stand in order, none within another; what is in no part is not painted, and boxes stand
// around lines with a part in them.
absl::StatusOr<RasterText> PaintText(const SetText& text, absl::Span<const TextPart> parts);

}  // namespace rn
