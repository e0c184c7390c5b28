#include "daemon/line_log.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace rn {

LineLog::LineLog(LineLogLimits limits, Clock& clock, std::function<void(absl::string_view)> log)
    : limits_(limits), clock_(clock), log_(std::move(log)) {}

void LineLog::Append(absl::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    const std::size_t room = static_cast<std::size_t>(limits_.line_bytes_max) - line_.size();
    absl::StrAppend(&line_, bytes.substr(0, std::min(end, room)));
    if (end == bytes.size()) {
      return;
    }
    EndLine();
    bytes.remove_prefix(end + 1);
  }
}

void LineLog::Finish() {
  EndLine();
  NextSecond();
}

void LineLog::EndLine() {
  if (line_.empty()) {
    return;
  }
  // Escaped to ASCII: a child must not forge lines of ours or drive an operator's terminal.
  last_ = absl::CHexEscape(line_);
  line_.clear();
  if (clock_.SinceBoot() - second_began_ >= absl::Seconds(1)) {
    NextSecond();
  }
  if (logged_ >= limits_.lines_per_second_max) {
    ++dropped_;
    return;
  }
  ++logged_;
  log_(last_);
}

void LineLog::NextSecond() {
  if (dropped_ > 0) {
    log_(absl::StrCat("(", dropped_, " more lines)"));
  }
  second_began_ = clock_.SinceBoot();
  logged_ = 0;
  dropped_ = 0;
}

}  // namespace rn
