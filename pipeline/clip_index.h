// When every frame of a clip is shown, told from its packets alone: the map from a moment to a
// frame that resolving and decoding share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

struct AVCodec;
struct AVStream;

namespace rn {

struct ClipLimits {
  int side_max = 8192;
  std::int64_t pixels_max = 24'000'000;  // 5.3K action cameras; a decoder holds up to 17 such
  std::int64_t frames_max = 1'000'000;   // four hours at 60 a second, and some
};

// How the stored picture is turned to be shown: transposed (rows become columns), then mirrored.
struct ClipTurn {
  bool transposed = false, flip_x = false, flip_y = false;
  bool none() const { return !transposed && !flip_x && !flip_y; }
  bool operator==(const ClipTurn&) const = default;
};

// A packet of a clip, as its container lists it.
struct ClipPacket {
  std::int64_t pts = 0;
  std::int64_t ticks = 0;  // how long it is shown, as the file says; 0: it does not
  bool key = false;
  bool shown = true;  // An edit list hides frames that others are made from.
};

// FFmpeg's own decoders leave the alpha of VP8 and VP9 out; libvpx's do not. Null: no such clip.
const AVCodec* AlphaDecoder(const AVStream& stream);

// Time zero is when the first frame is shown, whatever the container's clock says then. Immutable;
// thread-safe.
class ClipIndex {
 public:
  // Any container and codec FFmpeg knows. Reads the file once, decodes nothing; eight bytes a
  // frame stay. InvalidArgument says what is wrong: no video in it, frames without times, a
  // truncated file, larger than `limits`.
  static absl::StatusOr<ClipIndex> Read(const std::string& path, const ClipLimits& limits = {});

  // As shown: turned, with square pixels.
  int width() const { return width_; }
  int height() const { return height_; }
  const ClipTurn& turn() const { return turn_; }
  bool has_sound() const { return has_sound_; }
  bool has_alpha() const { return has_alpha_; }  // its pictures may be transparent somewhere
  // To the end of the last frame.
  absl::Duration length() const;

  std::int64_t frame_count() const { return static_cast<std::int64_t>(pts_.size()); }
  // The frame whose interval contains `t`; the first one before, the last one after them all. A
  // time that is half a tick of the file's clock short of a frame is that frame's: no file knows
  // better than that.
  std::int64_t FrameAt(absl::Duration t) const;
  absl::Duration TimeOf(std::int64_t frame) const;

  // What it holds in memory.
  std::size_t bytes() const {
    return sizeof(*this) + pts_.size() * sizeof(pts_[0]) + keyframes_.size() * sizeof(Keyframe);
  }

  // For the decoder. Which of the file's streams; the rest in ticks of the stream's clock; strictly
  // rising.
  int stream() const { return stream_; }
  std::int64_t PtsOf(std::int64_t frame) const { return pts_[static_cast<std::size_t>(frame)]; }
  // Where decoding has to start for `frame`; the keyframe itself may be one that is not shown.
  struct Keyframe {
    std::int64_t frame = 0;  // the first one shown from there on
    std::int64_t pts = 0;
  };
  const Keyframe& KeyframeOf(std::int64_t frame) const;

 private:
  ClipIndex() = default;

  absl::Status Arrange(std::vector<ClipPacket> packets);

  int width_ = 0, height_ = 0;
  ClipTurn turn_;
  int stream_ = 0;
  bool has_sound_ = false, has_alpha_ = false;
  std::int64_t tick_num_ = 1, tick_den_ = 1;  // seconds of a tick
  std::vector<std::int64_t> pts_;             // at least one
  std::vector<Keyframe> keyframes_;           // in order, the first of frame 0
  std::int64_t end_ = 0;                      // in ticks
};

}  // namespace rn
