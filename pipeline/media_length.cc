#include "pipeline/media_length.h"

#include "hwaccel/ffmpeg.h"

namespace rn {

absl::StatusOr<absl::Duration> MediaLength(const std::string& path) {
  AVFormatContext* opened = nullptr;
  RETURN_IF_FF_ERROR(avformat_open_input(&opened, path.c_str(), nullptr, nullptr));
  const UniqueInput input(opened);
  RETURN_IF_FF_ERROR(avformat_find_stream_info(input.get(), nullptr));
  if (input->duration == AV_NOPTS_VALUE || input->duration <= 0) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": its length is unknown"));
  }
  return absl::Microseconds(input->duration);
}

}  // namespace rn
