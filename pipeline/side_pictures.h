// The pictures that go beside the video: its poster and its preview strip, taken from the frames
// on their way to the encoder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "hwaccel/ffmpeg.h"
#include "hwaccel/frame.h"
#include "pipeline/scene.h"
#include "template/composition.h"

namespace rn {

// One thread.
class SidePictures {
 public:
  // They go into `directory`, as poster.jpg and preview.jpg.
  SidePictures(const Scene& scene,
               const OutputSettings& output,
               const std::filesystem::path& directory);

  bool Wants(std::int64_t n) const;
  // Every frame that is wanted, in order; `frame` is not kept. A still is on disk when the last
  // frame that it needs has been taken.
  absl::Status Take(std::int64_t n, const Nv12View& frame);

  const std::filesystem::path& poster() const { return poster_; }
  const std::optional<std::filesystem::path>& preview() const { return preview_; }

 private:
  absl::Status AddThumbnail(std::size_t i, const Nv12View& frame);

  const std::filesystem::path poster_;
  const std::int64_t poster_frame_;
  std::optional<std::filesystem::path> preview_;  // nothing: none is asked for
  int thumbnail_width_ = 0, thumbnail_height_ = 0;
  std::vector<std::int64_t> preview_frames_;  // left to right; a short video repeats some
  UniqueAvFrame strip_;                       // from the first thumbnail to the last
};

}  // namespace rn
