// A media file that we do not trust, opened: the file alone, whatever it names.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "hwaccel/ffmpeg.h"

namespace rn {

// InvalidArgument, if it is not among the few that untrusted files are decoded with.
absl::Status CheckDecoder(const AVCodec& decoder);

// A demuxer and the file that it reads.
class MediaInput {
 public:
  // Opens a local file and finds its streams. Only a few kinds are read, and none that sends a
  // reader to further files: a row's music must not be a way to ours.
  // Errors say what the operating system or FFmpeg said.
  static absl::StatusOr<MediaInput> Open(const std::string& path);
  // Only reads the header, where the container has one that lists its streams: for whoever knows
  // them from an Open before. Tens of milliseconds less.
  static absl::StatusOr<MediaInput> Reopen(const std::string& path);

  MediaInput(MediaInput&&) = default;

  AVFormatContext* get() const { return format_.get(); }
  AVFormatContext* operator->() const { return format_.get(); }

 private:
  struct FileDeleter {
    void operator()(AVIOContext* file) const { avio_closep(&file); }
  };

  MediaInput() = default;
  static absl::StatusOr<MediaInput> ReadHeader(const std::string& path);

  std::unique_ptr<AVIOContext, FileDeleter> file_;  // Outlives the demuxer, which reads it.
  UniqueInput format_;
};

}  // namespace rn
