// A child's output as lines of our log, however much it writes and whatever bytes it contains.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"

namespace rn {

struct LineLogLimits {
  std::int64_t lines_per_second_max = 50;  // The rest is counted, and the count logged.
  std::int64_t line_bytes_max = 1024;      // The rest of a line is cut off.
};

// Not thread-safe.
class LineLog {
 public:
  // `clock` outlives us.
  LineLog(LineLogLimits limits, Clock& clock, std::function<void(absl::string_view)> log);

  void Append(absl::string_view bytes);
  // The child is gone: an unfinished line counts as one, and the dropped ones are told.
  void Finish();

  // The last line that was not empty, logged or not: what a crashed child died of.
  const std::string& last() const { return last_; }

 private:
  void EndLine();
  void NextSecond();

  const LineLogLimits limits_;
  Clock& clock_;
  const std::function<void(absl::string_view)> log_;
  std::string line_;
  std::string last_;
  absl::Duration second_began_ = -absl::InfiniteDuration();
  std::int64_t logged_ = 0;  // In this second.
  std::int64_t dropped_ = 0;
};

}  // namespace rn
