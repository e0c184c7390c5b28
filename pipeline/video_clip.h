// The pictures of a clip, decoded in order as they are asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "hwaccel/ffmpeg.h"
#include "pipeline/clip_index.h"
#include "pipeline/media_input.h"

namespace rn {

// Holds the decoder, the frame shown last and at most one after it. One thread.
class VideoClip {
 public:
  // `index` is of the same file.
  static absl::StatusOr<std::unique_ptr<VideoClip>> Open(const std::string& path,
                                                         std::shared_ptr<const ClipIndex> index,
                                                         const ClipLimits& limits = {});

  // Frame `n` of the index as the decoder gives it: stored size, not turned; valid until the next
  // call. Going on is cheap, going back or far ahead decodes from the keyframe before. A stray
  // damaged frame is replaced by the one before it; InvalidArgument where more than one in twenty
  // is damaged, or nothing can be decoded.
  absl::StatusOr<const AVFrame*> Frame(std::int64_t n);

  const ClipIndex& index() const { return *index_; }
  // What decoding it holds, at most, in bytes.
  std::size_t bytes() const;

 private:
  VideoClip(std::string path, MediaInput input, std::shared_ptr<const ClipIndex> index)
      : path_(std::move(path)), input_(std::move(input)), index_(std::move(index)) {}

  absl::Status OpenDecoder(const ClipLimits& limits);
  absl::Status Find(std::int64_t n);
  absl::Status SeekFor(std::int64_t n);
  absl::Status GoTo(std::int64_t pts);
  // Until the frame of that time is in `shown_`, or the best there is.
  absl::Status DecodeUpTo(std::int64_t pts);
  // The next frame into `ahead_`; false at the end.
  absl::StatusOr<bool> DecodeOne(std::int64_t pts_wanted);
  absl::Status Send(std::int64_t pts_wanted);
  absl::Status NoteDamage();

  const std::string path_;
  MediaInput input_;
  const std::shared_ptr<const ClipIndex> index_;
  int stream_ = -1;
  UniqueCodecContext codec_;
  UniqueAvPacket packet_;
  UniqueAvFrame shown_, ahead_;
  bool has_shown_ = false, has_ahead_ = false, ended_ = false;
  std::int64_t at_ = -1;      // the frame asked for last
  std::int64_t packets_ = 0;  // sent
  std::int64_t damaged_ = 0;  // of them
};

}  // namespace rn
