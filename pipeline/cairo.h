// Cairo's objects, owned, and what several files paint with it.
#pragma once

#include <cairo.h>

#include <memory>

#include "absl/status/status.h"
#include "pipeline/geometry.h"
#include "pipeline/text.h"  // Raster

namespace rn {

struct CairoDeleter {
  void operator()(cairo_t* cairo) const { cairo_destroy(cairo); }
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
  void operator()(cairo_pattern_t* pattern) const { cairo_pattern_destroy(pattern); }
};
using UniqueCairo = std::unique_ptr<cairo_t, CairoDeleter>;
using UniqueSurface = std::unique_ptr<cairo_surface_t, CairoDeleter>;
using UniquePattern = std::unique_ptr<cairo_pattern_t, CairoDeleter>;

// Transparent.
Raster Blank(int width, int height);

// A view of the raster's memory, which outlives it. Written to only by who may write to the raster:
// Cairo's API knows no const.
UniqueSurface SurfaceOf(const Raster& raster);

// Everything painted is in the surface's memory. Internal: what Cairo could not paint.
absl::Status Finish(cairo_t* cairo, cairo_surface_t* surface);

void SetColor(cairo_t* cairo, const Rgba& color);
// Added to the path. A radius larger than the box has room for is as large as it has.
void AddRoundedRect(cairo_t* cairo, const Box& box, double radius);

}  // namespace rn
