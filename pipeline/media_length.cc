#include "pipeline/media_length.h"

#include "absl/strings/str_cat.h"
#include "pipeline/media_input.h"

namespace rn {

absl::StatusOr<absl::Duration> MediaLength(const std::string& path) {
  ASSIGN_OR_RETURN(const MediaInput input, MediaInput::Open(path));
  if (input->duration == AV_NOPTS_VALUE || input->duration <= 0) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": its length is unknown"));
  }
  const absl::Duration length = absl::Microseconds(input->duration);
  if (length > kMediaLengthMax) {
    return absl::InvalidArgumentError(absl::StrCat(path,
                                                   ": says to be ",
                                                   absl::FormatDuration(length),
                                                   " long; at most ",
                                                   absl::FormatDuration(kMediaLengthMax)));
  }
  return length;
}

}  // namespace rn
