// A TCP proxy on loopback that misbehaves as told: the bad network between two real programs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/mutex.h"

namespace rn {

// What is wrong, of all connections alike. Up: from the client to the server.
struct NetworkFaults {
  bool refuse = false;      // New connections are reset; open ones live on.
  bool stall_up = false;    // Nothing passes, nothing is lost: it comes late, once healed.
  bool stall_down = false;  // Of new connections as well.
  absl::Duration delay;     // Each byte, each way.
};

// Thread-safe. What a call sets is in force when it returns.
class FaultProxy {
 public:
  // Listens on a free port of 127.0.0.1 for clients of 127.0.0.1:`server_port`, which need not
  // serve yet, or always.
  static absl::StatusOr<std::unique_ptr<FaultProxy>> Start(int server_port);
  ~FaultProxy();

  int port() const { return port_; }

  void Set(const NetworkFaults& faults);
  void Heal() { Set({}); }

  // Every connection is reset, and what was under way is lost; new ones are not affected.
  void Cut();
  // The same once so many more bytes went down: in the middle of an answer.
  void CutAfterAnswerBytes(std::int64_t bytes);

 private:
  struct Connection;
  struct Orders {
    NetworkFaults faults;
    bool stop = false;
    bool cut = false;                          // Once.
    std::optional<std::int64_t> answer_bytes;  // Once; then Cut().
    std::uint64_t given = 0, taken = 0;        // So many.
  };

  FaultProxy(int server_port, UniqueFd listener, int port, UniqueFd wake);

  template <typename Change>
  void Order(Change change);
  void Run();
  bool TakeOrders();
  absl::Duration Poll();
  void Accept();
  void Pump(Connection& connection, absl::Duration now);

  // Fixed after construction.
  const int server_port_;
  const UniqueFd listener_;
  const int port_;
  const UniqueFd wake_;  // eventfd

  Mutex mutex_;
  CondVar taken_;
  Orders orders_ ABSL_GUARDED_BY(mutex_);

  // The thread's alone.
  NetworkFaults faults_;
  std::optional<std::int64_t> answer_bytes_;
  std::vector<std::unique_ptr<Connection>> connections_;

  std::thread thread_;
};

}  // namespace rn
