// Shapes and fitted pictures, painted once through Cairo.
#pragma once

#include "absl/status/statusor.h"
#include "pipeline/blend.h"
#include "pipeline/geometry.h"
#include "pipeline/scene.h"
#include "pipeline/text.h"  // Raster

namespace rn {

// `at`: where the raster's corner is, in frame pixels.
struct PlacedRaster {
  Raster raster;
  int x = 0, y = 0;
};

// Edges are anti-aliased where they fall between pixels.
absl::StatusOr<PlacedRaster> PaintShape(const ShapeContent& shape, const Box& box);

// The picture as it fills a box of width × height pixels; what it does not cover is transparent.
// Decoded no larger than that takes. Errors: DecodeImage's.
absl::StatusOr<Raster> PaintPicture(const ImageContent& image, int width, int height);

// Their corner is at frame pixel (x, y), even.
struct PlacedPlanes {
  Planes planes;
  int x = 0, y = 0;
};
PlacedPlanes ToPlanes(const PlacedRaster& placed);

// The same as PaintPicture as planes: what the picture covers of `box` at least. Photographs stay
// in their own YUV: no detour by way of RGB.
absl::StatusOr<PlacedPlanes> PaintPicturePlanes(const ImageContent& image, const IntRect& box);

// The size of the picture as shown, EXIF orientation applied: from its header alone.
struct PictureSize {
  int width = 0, height = 0;
};
absl::StatusOr<PictureSize> SizeOfPicture(const std::string& path);

}  // namespace rn
