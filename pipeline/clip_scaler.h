// From a decoder's frame, whatever its format, size and colours, to what a frame of ours shows.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "hwaccel/ffmpeg.h"
#include "hwaccel/frame.h"
#include "pipeline/clip_index.h"  // ClipTurn
#include "pipeline/clip_kernels.h"
#include "pipeline/geometry.h"
#include "pipeline/scene.h"  // Fit, SourceWindow
#include "pipeline/text.h"   // Raster

namespace rn {

// How a picture of w × h square pixels fills a box: the part of it that is seen, and where: on even
// pixels of the box. Fit::kContainBlur: as kContain; the rest is somebody else's.
struct FittedClip {
  SourceWindow window;
  IntRect shown;
};
FittedClip FitClip(int w, int h, Fit fit, int box_w, int box_h);

// One part of a clip, frame by frame, at one size. Scaled in YUV, never by way of RGB. A scaler
// either scales to NV12 or to rasters. One thread.
class ClipScaler {
 public:
  // `window`: of the picture as shown, after `turn`; `w`, `h`: even, what it becomes.
  ClipScaler(const ClipTurn& turn, const SourceWindow& window, int w, int h)
      : turn_(turn), window_(window), width_(w), height_(h) {}

  // `to` is w × h. InvalidArgument: a pixel format that cannot be read.
  absl::Status Scale(const AVFrame& frame, const Nv12View& to);

  // Premultiplied BGRA, w × h, of frames with alpha.
  absl::StatusOr<Raster> ScaleToRaster(const AVFrame& frame);

  // Copies, when nothing has to be done to the frame but that: 8-bit 4:2:0, BT.709, limited range,
  // upright, not scaled. The part of it inside `rect` (even), its corner at (x, y) (even) of `to`.
  bool IsCopy(const AVFrame& frame) const;
  void Copy(const AVFrame& frame, const Nv12View& to, const IntRect& rect, int x, int y) const;

 private:
  // What of the stored frame is seen; on whole chroma samples.
  IntRect CropOf(const AVFrame& frame) const;
  // What `sws_` was made for.
  struct Kind {
    int format = -1;
    bool full_range = false;
    int w = 0, h = 0;
    bool operator==(const Kind&) const = default;
  };
  absl::Status Build(const AVFrame& frame, const Kind& kind, AVPixelFormat format, int w, int h);
  absl::Status Run(const AVFrame& frame,
                   const IntRect& crop,
                   AVPixelFormat format,
                   int w,
                   int h,
                   std::uint8_t* const* to,
                   const int* strides);

  const ClipTurn turn_;
  const SourceWindow window_;
  const int width_, height_;
  UniqueSwsContext sws_;
  Kind kind_;
  std::vector<std::uint8_t> upright_;  // before the turn
};

}  // namespace rn
