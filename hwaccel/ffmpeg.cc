#include "hwaccel/ffmpeg.h"

#include <spdlog/spdlog.h>

#include <array>
#include <cstdarg>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/disk_full.h"

namespace rn {
namespace {

absl::StatusCode CodeOf(int error) {
  switch (error) {
    case AVERROR(ENOMEM):
      return absl::StatusCode::kResourceExhausted;
    case AVERROR(EIO):
    case AVERROR_EXTERNAL:
      return absl::StatusCode::kUnavailable;
    case AVERROR(ENOENT):
      return absl::StatusCode::kNotFound;
    case AVERROR(EACCES):
    case AVERROR(EPERM):
      return absl::StatusCode::kPermissionDenied;
    default:
      return absl::StatusCode::kInvalidArgument;
  }
}

void ForwardLog(void* source, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_WARNING) {
    return;
  }
  std::array<char, 1024> line{};
  int print_prefix = 1;
  av_log_format_line2(source, level, format, arguments, line.data(), line.size(), &print_prefix);
  const absl::string_view text = absl::StripSuffix(line.data(), "\n");
  spdlog::log(level <= AV_LOG_ERROR ? spdlog::level::err : spdlog::level::warn,
              "ffmpeg {}",
              std::string(text));
}

}  // namespace

absl::Status FfmpegStatus(int error, absl::string_view what) {
  if (error == AVERROR(ENOSPC) || error == AVERROR(EDQUOT)) {
    return WriteErrnoStatus(AVUNERROR(error), what);
  }
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(error, text.data(), text.size());
  return absl::Status(CodeOf(error), absl::StrCat(what, ": ", text.data()));
}

void InitFfmpegLogging() {
  av_log_set_callback(&ForwardLog);
}

}  // namespace rn
