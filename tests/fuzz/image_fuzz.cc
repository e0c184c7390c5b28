// Image files, through the worker's own way in; limits so small that none takes long.
#include <cstddef>
#include <cstdint>

#include "base/status.h"
#include "pipeline/clip_scaler.h"
#include "pipeline/image_header.h"
#include "pipeline/media_source.h"
#include "tests/fuzz/memory_file.h"

namespace rn {
namespace {

constexpr ImageLimits kLimits{.bytes_max = 1 << 20, .pixels_max = 100'000, .side_max = 1'000};
constexpr int kSide = 48;

// As a photograph goes into a frame: never by way of RGB.
void Scale(const AVFrame& frame) {
  ClipScaler scaler({}, {0, 0, 1, 1}, kSide, kSide);
  std::vector<std::uint8_t> y(kSide * kSide), uv(kSide * kSide / 2);
  const absl::Status scaled =
      scaler.Scale(frame, {y.data(), uv.data(), kSide, kSide, kSide, kSide});
  CHECK(scaled.ok() || !scaled.message().empty());
}

void Decode(const std::string& path) {
  auto image = DecodeImageFrame(path, kLimits, kSide, kSide);
  if (!image.ok()) return;
  CHECK(image->frame->width <= kLimits.side_max && image->frame->height <= kLimits.side_max);
  if (IsPlainYuv(*image->frame)) Scale(*image->frame);
  const auto decoded = ToImage(path, *std::move(image));
  if (!decoded.ok()) return;
  const Raster& raster = decoded->raster;
  CHECK(raster.width >= 1 && raster.width <= kSide && raster.height >= 1 && raster.height <= kSide);
  CHECK(raster.pixels.size() >= static_cast<std::size_t>(raster.stride) * raster.height);
}

}  // namespace
}  // namespace rn

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto& file = *new rn::MemoryFile("image");
  av_log_set_level(AV_LOG_QUIET);
  const auto header = rn::ReadImageHeader({reinterpret_cast<const char*>(data), size});
  CHECK(header.ok() || !header.status().message().empty());
  if (!header.ok()) return 0;
  CHECK(header->orientation >= 1 && header->orientation <= 8);
  CHECK(header->width >= 0 && header->height >= 0);
  file.Hold(data, size);
  rn::Decode(file.path());
  return 0;
}
