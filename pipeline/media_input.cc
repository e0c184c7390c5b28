#include "pipeline/media_input.h"

namespace rn {
absl::StatusOr<MediaInput> MediaInput::ReadHeader(const std::string& path) {
  MediaInput input;
  AVIOContext* file = nullptr;
  // The scheme is said, or a colon in the name would choose one.
  RETURN_IF_FF_ERROR(avio_open(&file, absl::StrCat("file:", path).c_str(), AVIO_FLAG_READ));
  input.file_.reset(file);
  AVFormatContext* format = avformat_alloc_context();
  if (format == nullptr) return absl::ResourceExhaustedError("out of memory for a demuxer");
  format->pb = file;
  AvOptions options;
  // No protocol has this name: what a playlist names cannot be opened, and the file is open.
  options.Set("protocol_whitelist", "none");
  // Frees the context when it fails. Named after the file: some formats show in the name alone.
  RETURN_IF_FF_ERROR(avformat_open_input(&format, path.c_str(), nullptr, options.get()));
  input.format_.reset(format);
  return input;
}

absl::StatusOr<MediaInput> MediaInput::Open(const std::string& path) {
  ASSIGN_OR_RETURN(MediaInput input, ReadHeader(path));
  RETURN_IF_FF_ERROR(avformat_find_stream_info(input.get(), nullptr));
  return input;
}

absl::StatusOr<MediaInput> MediaInput::Reopen(const std::string& path) {
  ASSIGN_OR_RETURN(MediaInput input, ReadHeader(path));
  if ((input->ctx_flags & AVFMTCTX_NOHEADER) != 0) {
    RETURN_IF_FF_ERROR(avformat_find_stream_info(input.get(), nullptr));
  }
  return input;
}

}  // namespace rn
