// Metrics for Prometheus: plain HTTP at /metrics, and so on this machine only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace prometheus {
class Collectable;
class Exposer;
}  // namespace prometheus

namespace rn {

// OK for a loopback address with a port; InvalidArgument otherwise.
absl::Status CheckMetricsAddress(const std::string& address);

class MetricsServer {
 public:
  // Serves once it returns, from a thread of its own. "127.0.0.1:9464"; port 0: any free one.
  // InvalidArgument: not an address of this machine; Unavailable: it is taken.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Listen(
      const std::string& address,
      const std::vector<std::shared_ptr<prometheus::Collectable>>& sources);
  ~MetricsServer();

  int port() const;

 private:
  MetricsServer(std::unique_ptr<prometheus::Exposer> exposer,
                std::vector<std::shared_ptr<prometheus::Collectable>> sources);

  const std::vector<std::shared_ptr<prometheus::Collectable>> sources_;
  const std::unique_ptr<prometheus::Exposer> exposer_;
};

}  // namespace rn
