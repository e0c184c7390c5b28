#include "pipeline/side_pictures.h"

#include <algorithm>

#include "base/status.h"
#include "pipeline/jpeg.h"

namespace rn {

SidePictures::SidePictures(const Scene& scene,
                           const OutputSettings& output,
                           const std::filesystem::path& directory)
    : poster_(directory / "poster.jpg"), poster_frame_(scene.poster_frame()) {
  if (!output.preview) return;
  preview_ = directory / "preview.jpg";
  thumbnail_width_ = output.preview->width;
  thumbnail_height_ = ThumbnailHeight(thumbnail_width_, scene.width(), scene.height());
  // The middle of each of so many equal parts: neither the first frame nor the last, which are
  // often black.
  const std::int64_t parts = output.preview->frames;
  for (std::int64_t i = 0; i < parts; ++i) {
    preview_frames_.push_back((2 * i + 1) * scene.frame_count() / (2 * parts));
  }
}

bool SidePictures::Wants(std::int64_t n) const {
  return n == poster_frame_ ||
         std::binary_search(preview_frames_.begin(), preview_frames_.end(), n);
}

absl::Status SidePictures::Take(std::int64_t n, const Nv12View& frame) {
  if (n == poster_frame_) {
    RETURN_IF_ERROR(WriteJpeg(frame, poster_));
  }
  for (std::size_t i = 0; i < preview_frames_.size(); ++i) {
    if (preview_frames_[i] == n) RETURN_IF_ERROR(AddThumbnail(i, frame));
  }
  if (preview_ && preview_frames_.back() == n) {
    RETURN_IF_ERROR(WriteJpeg(*strip_, *preview_));
    strip_.reset();
  }
  return absl::OkStatus();
}

absl::Status SidePictures::AddThumbnail(std::size_t i, const Nv12View& frame) {
  if (strip_ == nullptr) {
    const int width = thumbnail_width_ * static_cast<int>(preview_frames_.size());
    ASSIGN_OR_RETURN(strip_, NewJpegPicture(width, thumbnail_height_));
  }
  // By way of a picture of its own: swscale may write past the end of a row.
  ASSIGN_OR_RETURN(const UniqueAvFrame thumbnail,
                   NewJpegPicture(thumbnail_width_, thumbnail_height_));
  RETURN_IF_ERROR(ToJpegPicture(frame, *thumbnail));
  for (int plane = 0; plane < 3; ++plane) {
    const int shift = plane == 0 ? 0 : 1;
    const int width = thumbnail_width_ >> shift;
    av_image_copy_plane(strip_->data[plane] + static_cast<std::ptrdiff_t>(i) * width,
                        strip_->linesize[plane],
                        thumbnail->data[plane],
                        thumbnail->linesize[plane],
                        width,
                        thumbnail_height_ >> shift);
  }
  return absl::OkStatus();
}

}  // namespace rn
