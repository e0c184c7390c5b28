#include "coordinator/api_path.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"

namespace rn {
namespace {

constexpr absl::string_view kIdPlaceholder = "{id}";

}  // namespace

bool MatchesPath(absl::string_view pattern, absl::string_view path, std::string& id) {
  const std::vector<absl::string_view> want = absl::StrSplit(pattern, '/');
  const std::vector<absl::string_view> have = absl::StrSplit(path, '/');
  const auto alike = [](absl::string_view wanted, absl::string_view there) {
    return wanted == kIdPlaceholder || wanted == there;
  };
  if (!std::equal(want.begin(), want.end(), have.begin(), have.end(), alike)) {
    return false;
  }
  const auto place = std::find(want.begin(), want.end(), kIdPlaceholder);
  id = place == want.end() ? "" : std::string(have[static_cast<std::size_t>(place - want.begin())]);
  return true;
}

bool IsPlausibleId(absl::string_view id, std::size_t chars_max) {
  return !id.empty() && id.size() <= chars_max && std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '-';
  });
}

}  // namespace rn
