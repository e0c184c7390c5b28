#include "daemon/config_reload.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace rn {
namespace {

// Keys, and tables that end in ".", which a running daemon obeys from the next moment on. Every
// other key is read once: whoever adds one and makes it live adds it here.
constexpr std::array kLive = {
    "log_level",
    "folders.disk_free_min",
    "coordinator.rpc_timeout",
    "coordinator.retry_min",
    "coordinator.retry_max",
    "coordinator.refused_retry_min",
    "coordinator.refused_retry_max",
    "node.",
    "worker.",
    "fetch.",
};
constexpr std::array kNeverLive = {
    "node.events_max",     // The size of a queue that is in use.
    "node.hello_wait",     // Of the start.
    "node.adoptions_max",  // Looked at when the journal is read.
    "fetch.threads",
    "worker.cgroup",  // Entered at the start.
};

bool IsLive(const std::string& key) {
  if (std::find(kNeverLive.begin(), kNeverLive.end(), key) != kNeverLive.end()) {
    return false;
  }
  return std::any_of(kLive.begin(), kLive.end(), [&](absl::string_view live) {
    return absl::EndsWith(live, ".") ? absl::StartsWith(key, live) : key == live;
  });
}

}  // namespace

absl::Status CheckReloadable(const DaemonConfig& now, const DaemonConfig& next) {
  std::set<std::string> keys;
  for (const DaemonConfig* config : {&now, &next}) {
    for (const auto& [key, value] : config->values) {
      keys.insert(key);
    }
  }
  std::vector<std::string> refused;
  for (const std::string& key : keys) {
    const auto before = now.values.find(key);
    const auto after = next.values.find(key);
    const bool same =
        before != now.values.end() && after != next.values.end() && before->second == after->second;
    if (!same && !IsLive(key)) {
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
