#include "pipeline/subtitle_time.h"

#include <array>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace rn {

std::optional<absl::Duration> ParseSubtitleTime(absl::string_view text) {
  const std::vector<absl::string_view> fields = absl::StrSplit(text, ':');
  if (fields.size() < 2 || fields.size() > 3) return std::nullopt;
  const std::vector<absl::string_view> last = absl::StrSplit(fields.back(), absl::ByAnyChar(",."));
  if (last.size() != 2 || last[1].empty() || last[1].size() > 3) return std::nullopt;
  std::array<int, 4> numbers{};  // hours, minutes, seconds, thousandths
  const absl::string_view hours = fields.size() == 3 ? fields[0] : "0";
  const absl::string_view texts[] = {hours, fields[fields.size() - 2], last[0], last[1]};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const bool digits = texts[i].find_first_not_of("0123456789") == absl::string_view::npos;
    if (!digits || texts[i].size() > 4 || !absl::SimpleAtoi(texts[i], &numbers[i])) {
      return std::nullopt;
    }
  }
  for (std::size_t digits = last[1].size(); digits < 3; ++digits) numbers[3] *= 10;
  if (numbers[1] > 59 || numbers[2] > 59) return std::nullopt;
  return absl::Hours(numbers[0]) + absl::Minutes(numbers[1]) + absl::Seconds(numbers[2]) +
         absl::Milliseconds(numbers[3]);
}

}  // namespace rn
