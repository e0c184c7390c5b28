// Shrinks pictures row by row: each result pixel is the mean of the area it covers.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "pipeline/text.h"  // Raster

namespace rn {

// Rows of premultiplied BGRA in, top to bottom; memory is one result and a few rows, whatever the
// source's height. The result is never larger than the source on either side.
class AreaScaler {
 public:
  AreaScaler(int source_w, int source_h, int target_w, int target_h);

  // `row`: source_w × 4 bytes. Call exactly source_h times.
  void AddRow(const std::uint8_t* row);

  // Complete once every row was added.
  Raster Take() { return std::move(raster_); }

 private:
  // How much of a source pixel falls on target pixel `at`; the rest falls on the next one.
  struct Share {
    int at = 0;
    float here = 0, next = 0;
  };
  static std::vector<Share> Shares(int source, int target);
  void Shrink(const std::uint8_t* row);
  void Accumulate(float weight);
  void Emit(int y);

  const std::vector<Share> columns_, rows_;
  int row_ = 0;                // the next source row
  std::vector<float> shrunk_;  // the row, at target width
  std::vector<float> sum_;     // of the target row being filled
  Raster raster_;
};

}  // namespace rn
