// NodeAdmin for `rendernodectl node …`, and grpc.health.v1: gRPC services on a Unix socket that the
// node's user and group may use (mode 0660). Nothing is known or decided here: the control thread
// answers.
#pragma once

#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"
#include "daemon/control_loop.h"

namespace rn {

class AdminServer {
 public:
  // A socket left over from a daemon that died is replaced; `socket`'s folder is made when absent.
  // AlreadyExists: another process answers on it. InvalidArgument: the path is too long, or is no
  // socket. Call before loop.Run(), which answers; `loop` outlives us.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Listen(const std::filesystem::path& socket,
                                                             ControlLoop& loop);
  // Ends calls under way; the socket is removed.
  ~AdminServer();

 private:
  struct Impl;
  explicit AdminServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rn
