#include "daemon/service_manager.h"

#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace rn {
namespace {

constexpr absl::Duration kStatusInterval = absl::Seconds(5);

}  // namespace

ServiceManager::ServiceManager() {
  if (std::getenv("NOTIFY_SOCKET") == nullptr) {
    return;
  }
  interval_ = kStatusInterval;
  std::uint64_t watchdog_us = 0;
  if (sd_watchdog_enabled(/*unset_environment=*/0, &watchdog_us) > 0) {
    // Half of it, as the manual says: one late ping is no death sentence.
    interval_ = std::min(interval_, absl::Microseconds(watchdog_us) / 2);
  }
}

void ServiceManager::Ready() {
  sd_notify(0, "READY=1");
}

void ServiceManager::Beat(const rendernode::NodeStatus& status) {
  std::string line = StatusLine(status);
  sd_notify(0, line == said_ ? "WATCHDOG=1" : absl::StrCat("WATCHDOG=1\nSTATUS=", line).c_str());
  said_ = std::move(line);
}

void ServiceManager::Stopping() {
  sd_notify(0, "STOPPING=1");
}

std::string StatusLine(const rendernode::NodeStatus& status) {
  const auto busy = std::count_if(status.slots().begin(),
                                  status.slots().end(),
                                  [](const auto& slot) { return !slot.item_id().empty(); });
  std::string reason = status.reason().empty() ? "" : absl::StrCat(" (", status.reason(), ")");
  std::replace(reason.begin(), reason.end(), '\n', ' ');
  return absl::StrCat(absl::AsciiStrToLower(rendernode::NodeState_Name(status.state())),
                      reason,
                      ", ",
                      status.connected() ? "connected" : "not connected",
                      ": ",
                      busy,
                      " of ",
                      status.slots_size(),
                      " slots busy, ",
                      status.items_size(),
                      " items held");
}

}  // namespace rn
