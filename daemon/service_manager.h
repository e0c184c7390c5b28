// What systemd is told (sd_notify(3)). Silent when there is no $NOTIFY_SOCKET.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "proto/admin.pb.h"

namespace rn {

// Not thread-safe: the control thread's alone. A control thread that is stuck sends no pings, and
// the service manager ends it.
class ServiceManager {
 public:
  ServiceManager();

  // How often Beat() is due; InfiniteDuration when nobody listens.
  absl::Duration interval() const { return interval_; }

  void Ready();
  // The configuration is being read again; Ready() ends it. `now`: Clock::Awake().
  void Reloading(absl::Duration now);
  // The watchdog's ping, and the line that `systemctl status` shows when it changed.
  void Beat(const rendernode::NodeStatus& status);
  void Stopping();

 private:
  absl::Duration interval_ = absl::InfiniteDuration();
  std::string said_;
};

// "ready, connected: 2 of 4 slots busy, 5 items held"
std::string StatusLine(const rendernode::NodeStatus& status);

}  // namespace rn
