// NodeService of proto/node.proto over gRPC: the only file that knows a server type of it.
//
// Where nodes are asked who they are (docs/security.md), a call is a node's own or is refused:
// Unauthenticated without good credentials, PermissionDenied for another node's name or session.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "coordinator/lease_desk.h"
#include "coordinator/node_auth.h"
#include "coordinator/node_metrics.h"

namespace rn {

// New files are taken up without a restart: connections that are made from then on use them.
struct NodeTlsOptions {
  std::filesystem::path cert_file, key_file;
  std::filesystem::path client_ca_file;        // "" = nodes are not asked for a certificate.
  absl::Duration refresh = absl::Seconds(10);  // How often the files are looked at.
  // Then a connection is made anew, in the middle of a session: a certificate that expired or whose
  // CA is no longer trusted serves no longer than that.
  absl::Duration connection_age_max = absl::Hours(1);
};

struct NodeServiceOptions {
  // "127.0.0.1:7600", "[::1]:0" (any free port) or "unix:/run/…/node.sock": without TLS it must be
  // this machine.
  std::string address = "127.0.0.1:7600";
  std::optional<NodeTlsOptions> tls;
  std::map<std::string, std::string> tokens;  // As NodeAuthOptions says.
  // Calls that block on the store at once, and may share one fsync; waiting Syncs take none.
  int store_threads = 32;
  int calls_max = 4096;   // Waiting for such a thread; above: Unavailable.
  int streams_max = 256;  // Calls at once on one connection.
  std::int64_t message_bytes_max = 16 << 20;
  std::int64_t job_spec_bytes_max = 16 << 20;  // Longer ones: OutOfRange. Nodes have their own.
  absl::Duration keepalive_time = absl::Seconds(20);  // A silent connection is asked after that,
  absl::Duration keepalive_timeout =
      absl::Seconds(10);                            // and closed if it does not answer in that.
  absl::Duration drain_timeout = absl::Seconds(5);  // Stop() waits this long for calls.
};

class NodeService {
 public:
  // Serves once it returns. `desk` outlives the service. InvalidArgument: the address is not this
  // machine's, and there is no TLS; certificates or tokens that are none. NotFound,
  // PermissionDenied: a file of `tls`. Unavailable: the address is taken.
  static absl::StatusOr<std::unique_ptr<NodeService>> Start(LeaseDesk& desk,
                                                            const NodeServiceOptions& options);
  virtual ~NodeService() = default;  // Stops.

  // For calls from now on; one under way is still answered. Errors as Start's, about the files of
  // `tls` as they are now too; then nothing changes.
  virtual absl::Status SetTokens(const std::map<std::string, std::string>& tokens) = 0;

  // The port taken; 0 for a Unix socket.
  virtual int port() const = 0;

  virtual const NodeCallMetrics& metrics() const = 0;

  // Stops the desk, so waiting Syncs are answered at once; other calls get `drain_timeout` to end.
  // Idempotent.
  virtual void Stop() = 0;
};

}  // namespace rn
