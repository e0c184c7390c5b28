// A clip as it fills its element's box: decoded, cut, scaled, turned and in the frame's own
// colours.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "hwaccel/frame.h"
#include "pipeline/blend.h"
#include "pipeline/clip_scaler.h"
#include "pipeline/geometry.h"
#include "pipeline/scene.h"
#include "pipeline/surface.h"
#include "pipeline/video_clip.h"

namespace rn {

// One thread. Costs what decoding does as long as it is asked for in order.
class ClipPicture {
 public:
  // `content.index` must be there. Errors: ClipIndex's and VideoClip's.
  static absl::StatusOr<ClipPicture> Open(const VideoContent& content, const Box& box);

  // What it covers of the box: on even pixels.
  const IntRect& bounds() const { return bounds_; }
  bool opaque() const { return !clip_->index().has_alpha(); }
  std::size_t bytes() const;

  // The picture at `media_s` seconds of the clip, bounds() in size; valid until the next
  // call.
  absl::StatusOr<const Planes*> PlanesAt(double media_s);

  // Paints the part inside `rect` (even), moved by (dx, dy), even. A clip of the box's size and the
  // frame's colours goes there straight from the decoder.
  absl::Status Paint(const Surface& surface,
                     const IntRect& rect,
                     double media_s,
                     int dx,
                     int dy,
                     std::uint8_t opacity);

 private:
  ClipPicture() = default;

  absl::Status ScaleOpaque(const AVFrame& frame);
  absl::Status Enlarge(const Nv12View& small, const Nv12View& to);

  IntRect bounds_;
  std::unique_ptr<VideoClip> clip_;
  std::optional<ClipScaler> sharp_;
  Planes planes_;
  std::int64_t scaled_ = -1;  // the frame in `planes_`

  // Fit::kContainBlur: where in `planes_` the clip itself is, and what is behind it.
  std::optional<IntRect> inner_;
  std::optional<ClipScaler> blurred_;
  Planes inside_, small_;
  UniqueSwsContext enlarger_;
};

}  // namespace rn
