#include "coordinator/config_reload.h"

#include "base/reloadable.h"

namespace rn {
namespace {

// Which a running coordinator obeys from the next request or call on. Every other key is read once:
// whoever adds one and makes it live adds it here. (The files of nodes.tls are looked at for new
// ones all the time; their names are read once.)
constexpr absl::string_view kLive[] = {
    "log_level",
    "keys",
    "rate_limit.",
    "nodes.tokens",
    "scheduler.tenant_weight",
    "scheduler.tenant_items_running_max",
    "scheduler.tenants.",
};

}  // namespace

absl::Status CheckReloadable(const CoordinatorConfig& now, const CoordinatorConfig& next) {
  return CheckOnlyLiveKeysDiffer(now.values, next.values, {.live = kLive, .never = {}});
}

}  // namespace rn
