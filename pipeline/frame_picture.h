// Frames as pictures for people: PNG files, and many frames on one sheet.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "hwaccel/frame.h"
#include "pipeline/text.h"

namespace rn {

// Opaque, full-range sRGB.
absl::StatusOr<Raster> PictureOf(const Nv12View& frame);

// Durable on return.
absl::Status WritePng(const Raster& picture, const std::filesystem::path& path);

// Thumbnails in rows, each with a line of text below it. One thread.
class ContactSheet {
 public:
  // Of `count` frames of that size, `columns` in a row.
  ContactSheet(int frame_w, int frame_h, int columns, int count);

  absl::Status Add(const Raster& picture, const std::string& label);
  const Raster& raster() const { return sheet_; }

 private:
  const int columns_;
  int thumb_w_, thumb_h_;
  int added_ = 0;
  Raster sheet_;
};

}  // namespace rn
