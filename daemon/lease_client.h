// The node's side of NodeService: the only file that speaks gRPC to the coordinator.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "daemon/coordinator_credentials.h"
#include "daemon/node_events.h"
#include "proto/render.pb.h"

namespace rn {

struct LeaseClientOptions {
  std::string coordinator;  // "127.0.0.1:7600", "unix:/run/…/node.sock"; several: "a:7600,b:7600"
  std::string node_id;
  CoordinatorSecurity security;
  std::filesystem::path job_spec_folder;           // Specs by digest; made when absent.
  absl::Duration rpc_timeout = absl::Seconds(10);  // Beyond the time a Sync may be held open.
  std::int64_t job_spec_bytes_max = 16 << 20;
  std::int64_t job_specs_max = 64;  // On disk; the least recently used go first.
  std::int64_t commit_threads = 2;
};

// InvalidArgument: not an address, nor up to 16 of them with commas between; or, without TLS, one
// that is neither a Unix socket nor on this machine.
absl::Status CheckCoordinatorAddress(const std::string& address, bool tls);

// One thread speaks OpenSession, Sync and CloseSession; `commit_threads` others CommitItem.
// Commands return at once; each but CutSync is answered by an event through `post`, from those
// threads: where we go to the next coordinator, a Sync by FailedPrecondition. Thread-safe.
class LeaseClient {
 public:
  // `post` may block; it must not call back into us. `clock` outlives us. InvalidArgument,
  // NotFound, PermissionDenied: the address, or a file of `options.security`.
  static absl::StatusOr<std::unique_ptr<LeaseClient>> Create(LeaseClientOptions options,
                                                             Clock& clock,
                                                             std::function<void(Event)> post);
  // As Stop().
  ~LeaseClient();

  // Ends calls under way, GetJobSpec's as well; their events may be lost, and later calls fail or
  // do nothing. Idempotent; `post` must not block for ever.
  void Stop();

  // For calls from now on.
  void SetRpcTimeout(absl::Duration timeout);

  void Do(OpenSession command);
  void Do(Sync command);
  void Do(CutSync command);
  void Do(CloseSession command);
  void Do(Commit command);

  // Blocks. From memory, disk or the coordinator. NotFound: nobody has it; OutOfRange: too long.
  // DataLoss: what came is not what was asked for. Unavailable and DeadlineExceeded may pass.
  absl::StatusOr<std::shared_ptr<const rendernode::JobSpec>> GetJobSpec(const std::string& digest);

 private:
  struct Impl;
  explicit LeaseClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rn
