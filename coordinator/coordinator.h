// The whole coordinator: store, catalog and sheets behind an API for clients and one for nodes.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "coordinator/config.h"

namespace rn {

class Coordinator {
 public:
  // Serves clients and nodes once it returns. Makes its folders when absent; the templates folder
  // must be there. `clock` outlives it. Errors name the folder, file or address at fault.
  static absl::StatusOr<std::unique_ptr<Coordinator>> Start(const CoordinatorConfig& config,
                                                            Clock& clock = Clock::System());
  ~Coordinator();  // Stops.

  int http_port() const;
  int node_port() const;  // 0 for a Unix socket.

  // Asks the store a small question; returns when it answers, whatever it says. A caller that hangs
  // here has found it stuck.
  void Probe();

  // Goes on by `next` from the next request or call on; all of it or nothing. Jobs, sessions and
  // leases are kept. FailedPrecondition: names what only a restart changes (config_reload.h); else
  // what is wrong with which file of nodes.tls. Not beside Stop().
  absl::Status Reload(const CoordinatorConfig& next);

  // Nodes that wait are answered at once, requests under way get their drain timeouts; everything
  // that was answered is on disk. Idempotent.
  void Stop();

 private:
  struct Impl;
  explicit Coordinator(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rn
