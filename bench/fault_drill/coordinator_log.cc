#include "bench/fault_drill/coordinator_log.h"

#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace rn {
namespace {

// "" where there is no such field.
std::string FieldOf(absl::string_view line, absl::string_view name) {
  const std::string key = absl::StrCat(" ", name, "=");
  const std::size_t at = line.find(key);
  if (at == absl::string_view::npos) {
    return "";
  }
  const absl::string_view value = line.substr(at + key.size());
  return std::string(value.substr(0, value.find(' ')));
}

std::optional<LeaseEvent> EventOf(absl::string_view line) {
  using Kind = LeaseEvent::Kind;
  static constexpr std::pair<const char*, Kind> kKinds[] = {{" lease granted ", Kind::kGranted},
                                                            {" lease released ", Kind::kReleased},
                                                            {" lease lost ", Kind::kLost},
                                                            {" item committed ", Kind::kCommitted},
                                                            {" session opened ", Kind::kOpened}};
  for (const auto& [words, kind] : kKinds) {
    if (!absl::StrContains(line, words)) {
      continue;
    }
    LeaseEvent event{.kind = kind,
                     .item = FieldOf(line, "item"),
                     .node = FieldOf(line, "node"),
                     .outcome = FieldOf(line, "outcome"),
                     .verdict = FieldOf(line, "verdict")};
    (void)absl::SimpleAtoi(FieldOf(line, "fence"), &event.fence);
    std::string error;
    return absl::ParseTime(absl::RFC3339_full, line.substr(0, line.find(' ')), &event.at, &error)
               ? std::optional(std::move(event))
               : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

const std::vector<LeaseEvent>& CoordinatorLog::Refresh() {
  std::ifstream file(path_, std::ios::binary);
  file.seekg(offset_);
  const std::string more{std::istreambuf_iterator<char>(file), {}};
  offset_ += static_cast<std::int64_t>(more.size());
  rest_ += more;
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    if (auto event = EventOf(absl::string_view(rest_).substr(begin, end - begin))) {
      events_.push_back(*std::move(event));
    }
  }
  rest_.erase(0, begin);
  return events_;
}

}  // namespace rn
