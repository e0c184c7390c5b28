// MP4 on disk: one H.264 and one AAC stream, interleaved, index in front (faststart).
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct AVCodecContext;
struct AVPacket;

namespace rn {

struct MuxerStreams {
  const AVCodecContext& video;  // an opened encoder's; packets come in its time base
  const AVCodecContext& audio;
};

// One thread. Without Finish the destructor removes the file: a half video is never left behind.
class Muxer {
 public:
  // Errors say what the operating system or FFmpeg said, with the path.
  static absl::StatusOr<std::unique_ptr<Muxer>> Open(const std::string& path,
                                                     const MuxerStreams& streams);
  virtual ~Muxer() = default;

  // Packets of one stream arrive in decoding order; the file has them side by side however far
  // apart the two run, and memory grows with the distance. The packet's payload is taken over.
  virtual absl::Status WriteVideo(AVPacket& packet) = 0;
  virtual absl::Status WriteAudio(AVPacket& packet) = 0;

  // Writes the index, moves it to the front, closes the file and reports.
  virtual absl::Status Finish() = 0;
};

}  // namespace rn
