#include "pipeline/area_scaler.h"

#include <algorithm>
#include <cstddef>

namespace rn {
namespace {

constexpr std::size_t kChannelsPerPixel = 4;

}  // namespace

AreaScaler::AreaScaler(int source_w, int source_h, int target_w, int target_h)
    : columns_(Shares(source_w, target_w)),
      rows_(Shares(source_h, target_h)),
      shrunk_((static_cast<std::size_t>(target_w) + 1) * kChannelsPerPixel),
      sum_(shrunk_.size()) {
  raster_.width = target_w;
  raster_.height = target_h;
  raster_.stride = target_w * static_cast<int>(kChannelsPerPixel);
  raster_.pixels.resize(static_cast<std::size_t>(raster_.stride) *
                        static_cast<std::size_t>(target_h));
}

std::vector<AreaScaler::Share> AreaScaler::Shares(int source, int target) {
  std::vector<Share> shares(static_cast<std::size_t>(source));
  const double ratio = static_cast<double>(target) / source;  // target pixels per source pixel
  for (int i = 0; i < source; ++i) {
    // In 64-bit whole numbers: rounding must never push the last pixel over the edge.
    const std::int64_t begin = std::int64_t{i} * target;
    const std::int64_t end = begin + target;
    Share& share = shares[static_cast<std::size_t>(i)];
    share.at = static_cast<int>(begin / source);
    const std::int64_t edge = (std::int64_t{share.at} + 1) * source;
    const double here = end <= edge ? ratio : static_cast<double>(edge - begin) / source;
    share.here = static_cast<float>(here);
    share.next = static_cast<float>(ratio - here);
  }
  return shares;
}

void AreaScaler::Shrink(const std::uint8_t* row) {
  std::fill(shrunk_.begin(), shrunk_.end(), 0.0F);
  for (const Share& share : columns_) {
    float* to = shrunk_.data() + static_cast<std::size_t>(share.at) * kChannelsPerPixel;
    for (std::size_t c = 0; c < kChannelsPerPixel; ++c) {
      to[c] += static_cast<float>(row[c]) * share.here;
      to[c + kChannelsPerPixel] += static_cast<float>(row[c]) * share.next;
    }
    row += kChannelsPerPixel;
  }
}

void AreaScaler::Accumulate(float weight) {
  for (std::size_t i = 0; i < sum_.size(); ++i) sum_[i] += shrunk_[i] * weight;
}

void AreaScaler::Emit(int y) {
  std::uint8_t* to = raster_.pixels.data() +
                     static_cast<std::size_t>(y) * static_cast<std::size_t>(raster_.stride);
  for (std::size_t i = 0; i < static_cast<std::size_t>(raster_.stride); ++i) {
    to[i] = static_cast<std::uint8_t>(std::min(255.0F, sum_[i] + 0.5F));
  }
  std::fill(sum_.begin(), sum_.end(), 0.0F);
}

void AreaScaler::AddRow(const std::uint8_t* row) {
  const Share& share = rows_[static_cast<std::size_t>(row_)];
  Shrink(row);
  Accumulate(share.here);
  ++row_;
  const bool last = row_ == static_cast<int>(rows_.size());
  if (last || rows_[static_cast<std::size_t>(row_)].at != share.at) {
    Emit(share.at);
    if (!last) Accumulate(share.next);
  }
}

}  // namespace rn
