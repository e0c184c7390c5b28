// Clips: indexed, then some frames decoded and scaled as a frame takes them.
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/status.h"
#include "pipeline/clip_index.h"
#include "pipeline/clip_scaler.h"
#include "pipeline/media_length.h"
#include "pipeline/video_clip.h"
#include "tests/fuzz/memory_file.h"

namespace rn {
namespace {

constexpr ClipLimits kLimits{.side_max = 512, .pixels_max = 40'000, .frames_max = 500};
constexpr int kSide = 32;

void CheckIndex(const ClipIndex& index) {
  CHECK(index.frame_count() > 0 && index.width() > 0 && index.height() > 0);
  CHECK(index.length() > absl::ZeroDuration());
  for (std::int64_t n = 0; n < index.frame_count(); ++n) {
    CHECK(index.KeyframeOf(n).frame <= n);
    CHECK(n == 0 || index.TimeOf(n) > index.TimeOf(n - 1));
  }
  CHECK(index.TimeOf(0) == absl::ZeroDuration());
  CHECK(index.FrameAt(-absl::Seconds(1)) == 0);
  CHECK(index.FrameAt(index.length()) == index.frame_count() - 1);
}

void Play(const std::string& path, std::shared_ptr<const ClipIndex> index) {
  const auto clip = VideoClip::Open(path, index, kLimits);
  if (!clip.ok()) return;
  const FittedClip fitted = FitClip(index->width(), index->height(), Fit::kCover, kSide, kSide);
  ClipScaler scaler(index->turn(), fitted.window, fitted.shown.w, fitted.shown.h);
  std::vector<std::uint8_t> y(kSide * kSide), uv(kSide * kSide / 2);
  const Nv12View view{y.data(), uv.data(), kSide, kSide, fitted.shown.w, fitted.shown.h};
  const std::int64_t last = index->frame_count() - 1;
  for (const std::int64_t n : {std::int64_t{0}, std::int64_t{1}, std::int64_t{2}, last, last / 2}) {
    const auto frame = (*clip)->Frame(n);
    if (!frame.ok()) return;
    const absl::Status scaled = scaler.Scale(**frame, view);
    CHECK(scaled.ok() || !scaled.message().empty());
    if (index->has_alpha()) (void)scaler.ScaleToRaster(**frame);
  }
}

}  // namespace
}  // namespace rn

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto& file = *new rn::MemoryFile("clip");
  av_log_set_level(AV_LOG_QUIET);
  file.Hold(data, size);
  const auto length = rn::MediaLength(file.path());
  CHECK(!length.ok() || *length > absl::ZeroDuration());
  auto index = rn::ClipIndex::Read(file.path(), rn::kLimits);
  CHECK(index.ok() || !index.status().message().empty());
  if (!index.ok()) return 0;
  rn::CheckIndex(*index);
  rn::Play(file.path(), std::make_shared<const rn::ClipIndex>(*std::move(index)));
  return 0;
}
