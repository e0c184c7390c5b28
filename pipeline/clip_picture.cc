#include "pipeline/clip_picture.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/status.h"

namespace rn {
namespace {

// A blurred background is made from so much less of everything, and small again where it is smooth.
constexpr int kBlurShrink = 24;

}  // namespace

absl::StatusOr<ClipPicture> ClipPicture::Open(const VideoContent& content, const Box& box) {
  CHECK(content.index != nullptr);
  const ClipIndex& index = *content.index;
  ClipPicture picture;
  const IntRect whole = NearestEvenPixels(box);
  const FittedClip fitted = FitClip(index.width(), index.height(), content.fit, whole.w, whole.h);
  picture.bounds_ = {
      whole.x + fitted.shown.x, whole.y + fitted.shown.y, fitted.shown.w, fitted.shown.h};
  ASSIGN_OR_RETURN(picture.clip_, VideoClip::Open(content.path, content.index));
  picture.sharp_.emplace(index.turn(), fitted.window, fitted.shown.w, fitted.shown.h);
  if (content.fit != Fit::kContainBlur) return picture;
  picture.bounds_ = whole;
  picture.inner_ = fitted.shown;
  picture.inside_.Reset(fitted.shown.w, fitted.shown.h, /*new_opaque=*/true);
  picture.small_.Reset(std::max(4, RoundToEven(1.0 * whole.w / kBlurShrink)),
                       std::max(4, RoundToEven(1.0 * whole.h / kBlurShrink)),
                       /*new_opaque=*/true);
  picture.blurred_.emplace(
      index.turn(),
      FitClip(index.width(), index.height(), Fit::kCover, whole.w, whole.h).window,
      picture.small_.width,
      picture.small_.height);
  return picture;
}

std::size_t ClipPicture::bytes() const {
  constexpr std::size_t kHalvesOfAPixel = 3;  // The planes come with the first frame.
  return clip_->bytes() + static_cast<std::size_t>(bounds_.w) *
                              static_cast<std::size_t>(bounds_.h) * kHalvesOfAPixel / 2;
}

absl::StatusOr<const Planes*> ClipPicture::PlanesAt(double media_s) {
  const std::int64_t n = clip_->index().FrameAt(absl::Seconds(media_s));
  if (n == scaled_) return &planes_;
  ASSIGN_OR_RETURN(const AVFrame* frame, clip_->Frame(n));
  scaled_ = -1;
  if (clip_->index().has_alpha()) {
    ASSIGN_OR_RETURN(const Raster raster, sharp_->ScaleToRaster(*frame));
    planes_ = ToPlanes(raster, 0, 0);
  } else {
    if (planes_.width == 0) planes_.Reset(bounds_.w, bounds_.h, /*new_opaque=*/true);
    RETURN_IF_ERROR(ScaleOpaque(*frame));
  }
  scaled_ = n;
  return &planes_;
}

absl::Status ClipPicture::ScaleOpaque(const AVFrame& frame) {
  const Nv12View whole = planes_.view();
  if (!inner_) return sharp_->Scale(frame, whole);
  const Nv12View small = small_.view();
  RETURN_IF_ERROR(blurred_->Scale(frame, small));
  RETURN_IF_ERROR(Enlarge(small, whole));
  RETURN_IF_ERROR(sharp_->Scale(frame, inside_.view()));
  BlendPlanes(whole, *inner_, inside_, inner_->x, inner_->y, 255);
  return absl::OkStatus();
}

// Smoothly: what was a pixel is seen as a soft spot, not as a square.
absl::Status ClipPicture::Enlarge(const Nv12View& small, const Nv12View& to) {
  if (enlarger_ == nullptr) {
    enlarger_.reset(sws_getContext(small.width,
                                   small.height,
                                   AV_PIX_FMT_NV12,
                                   to.width,
                                   to.height,
                                   AV_PIX_FMT_NV12,
                                   SWS_GAUSS,
                                   nullptr,
                                   nullptr,
                                   nullptr));
    if (enlarger_ == nullptr) return absl::ResourceExhaustedError("out of memory for a scaler");
  }
  const std::uint8_t* from[4] = {small.y, small.uv};
  const int from_strides[4] = {small.y_stride, small.uv_stride};
  std::uint8_t* const planes[4] = {to.y, to.uv};
  const int strides[4] = {to.y_stride, to.uv_stride};
  RETURN_IF_FF_ERROR(
      sws_scale(enlarger_.get(), from, from_strides, 0, small.height, planes, strides));
  return absl::OkStatus();
}

absl::Status ClipPicture::Paint(const Surface& surface,
                                const IntRect& rect,
                                double media_s,
                                int dx,
                                int dy,
                                std::uint8_t opacity) {
  const int x = bounds_.x + dx;
  const int y = bounds_.y + dy;
  if (opacity == 255 && opaque() && !inner_ && !surface.has_alpha()) {
    const std::int64_t n = clip_->index().FrameAt(absl::Seconds(media_s));
    ASSIGN_OR_RETURN(const AVFrame* decoded, clip_->Frame(n));
    if (sharp_->IsCopy(*decoded)) {
      const IntRect corner = surface.Local({x, y, 0, 0});
      sharp_->Copy(*decoded, surface.color(), surface.Local(rect), corner.x, corner.y);
      return absl::OkStatus();
    }
  }
  ASSIGN_OR_RETURN(const Planes* planes, PlanesAt(media_s));
  surface.Blend(rect, *planes, x, y, opacity);
  return absl::OkStatus();
}

}  // namespace rn
