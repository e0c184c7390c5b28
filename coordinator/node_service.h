// NodeService of proto/node.proto over gRPC: the only file that knows a server type of it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordinator/lease_desk.h"

namespace rn {

struct NodeServiceOptions {
  // "127.0.0.1:7600", "[::1]:0" (any free port) or "unix:/run/…/node.sock": without TLS it must be
  // this machine.
  std::string address = "127.0.0.1:7600";
  int store_threads = 4;  // Calls that block on the store at once; waiting Syncs take none.
  int calls_max = 4096;   // Waiting for such a thread; above: Unavailable.
  int streams_max = 256;  // Calls at once on one connection.
  std::int64_t message_bytes_max = 16 << 20;
  std::int64_t job_spec_bytes_max = 16 << 20;         // The node's own limit.
  absl::Duration keepalive_time = absl::Seconds(20);  // A silent connection is asked after that,
  absl::Duration keepalive_timeout =
      absl::Seconds(10);                            // and closed if it does not answer in that.
  absl::Duration drain_timeout = absl::Seconds(5);  // Stop() waits this long for calls.
};

class NodeService {
 public:
  // Serves once it returns. `desk` outlives the service. InvalidArgument: the address is not this
  // machine's; Unavailable: it is taken.
  static absl::StatusOr<std::unique_ptr<NodeService>> Start(LeaseDesk& desk,
                                                            const NodeServiceOptions& options);
  virtual ~NodeService() = default;  // Stops.

  // The port taken; 0 for a Unix socket.
  virtual int port() const = 0;

  // Stops the desk, so waiting Syncs are answered at once; other calls get `drain_timeout` to end.
  // Idempotent.
  virtual void Stop() = 0;
};

}  // namespace rn
