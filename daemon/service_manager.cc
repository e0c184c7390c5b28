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

// " (text)", on one line.
std::string Bracketed(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text.empty() ? "" : absl::StrCat(" (", text, ")");
}

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

void ServiceManager::Reloading(absl::Duration now) {
  sd_notify(0,
            absl::StrCat("RELOADING=1\nMONOTONIC_USEC=", absl::ToInt64Microseconds(now)).c_str());
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
  const std::string reason = Bracketed(status.reason());
  return absl::StrCat(
      absl::AsciiStrToLower(rendernode::NodeState_Name(status.state())),
      reason,
      ", ",
      status.connected() ? "connected" : "not connected" + Bracketed(status.coordinator_error()),
      ": ",
      busy,
      " of ",
      status.slots_size(),
      " slots busy, ",
      status.items_size(),
      " items held",
      status.reload_error().empty() ? "" : ", last reload refused",
      Bracketed(status.reload_error()));
}

}  // namespace rn
