#include "daemon/config_reload.h"

#include "base/reloadable.h"

namespace rn {
namespace {

// Which a running daemon obeys from the next moment on. Every other key is read once: whoever adds
// one and makes it live adds it here.
constexpr absl::string_view kLive[] = {
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
constexpr absl::string_view kNeverLive[] = {
    "node.events_max",     // The size of a queue that is in use.
    "node.hello_wait",     // Of the start.
    "node.adoptions_max",  // Looked at when the journal is read.
    "fetch.threads",
    "worker.cgroup",  // Entered at the start.
};

}  // namespace

absl::Status CheckReloadable(const DaemonConfig& now, const DaemonConfig& next) {
  return CheckOnlyLiveKeysDiffer(now.values, next.values, {kLive, kNeverLive});
}

}  // namespace rn
