// Shape elements, and what text shares with them: fills and strokes.
#pragma once

#include <optional>
#include <string>

#include "template/composition_model.h"
#include "template/fields.h"

namespace rn {

// `pointer`: of the element, for what it lacks.
ShapeContent ReadShape(const Fields& fields, const std::string& pointer);

// Of "fill" and "fill_color" the one nearer to the element: either may be a default. Nothing where
// neither is given, or what is given is wrong (reported).
std::optional<Fill> ReadFill(const Fields& fields);

// "stroke_width" and "stroke_color"; nothing unless both make a mark.
std::optional<Stroke> ReadStroke(const Fields& fields);

// Of the element's box, pixels: what percentages of radii and strokes are of.
double ShorterSide(const Fields& fields);

}  // namespace rn
