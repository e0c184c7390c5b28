#include "base/reloadable.h"

#include <algorithm>
#include <set>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace rn {
namespace {

using Values = std::map<std::string, std::string>;

bool IsLive(const std::string& key, const LiveKeys& keys) {
  if (std::find(keys.never.begin(), keys.never.end(), key) != keys.never.end()) {
    return false;
  }
  return std::any_of(keys.live.begin(), keys.live.end(), [&](absl::string_view live) {
    return absl::EndsWith(live, ".") ? absl::StartsWith(key, live) : key == live;
  });
}

bool IsSame(const std::string& key, const Values& now, const Values& next) {
  const auto before = now.find(key);
  const auto after = next.find(key);
  return before != now.end() && after != next.end() && before->second == after->second;
}

}  // namespace

absl::Status CheckOnlyLiveKeysDiffer(const Values& now, const Values& next, const LiveKeys& keys) {
  std::set<std::string> all;
  for (const Values* values : {&now, &next}) {
    for (const auto& [key, value] : *values) {
      all.insert(key);
    }
  }
  std::vector<std::string> refused;
  for (const std::string& key : all) {
    if (!IsSame(key, now, next) && !IsLive(key, keys)) {
      refused.push_back(key);
    }
  }
  if (refused.empty()) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat("only a restart changes ",
                                                    absl::StrJoin(refused, ", "),
                                                    "; nothing of the file was taken over"));
}

}  // namespace rn
