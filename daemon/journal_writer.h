// The journal's own thread: the control thread never waits for a disk. What has queued up while one
// fsync was under way shares the next.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "base/bounded_queue.h"
#include "daemon/journal.h"
#include "daemon/node_events.h"

namespace rn {

using JournalWrite = std::variant<JournalLeases, JournalStart, JournalResult, JournalForget>;

// Thread-safe.
class JournalWriter {
 public:
  // `post` may block; it must not call back into us.
  JournalWriter(std::unique_ptr<Journal> journal,
                std::size_t writes_max,
                std::function<void(Event)> post);
  // Everything accepted is on disk on return.
  ~JournalWriter();

  // Never blocks. False: `writes_max` are waiting, and nothing was accepted. LeasesJournalled and
  // ResultJournalled are posted once durable. A JournalStart that fails is logged; what a failed
  // JournalForget named goes with a later write.
  bool Do(JournalWrite write);

 private:
  void Work();
  void Write(const std::vector<JournalWrite>& batch);
  absl::Status Put(const JournalWrite& write);
  void Answer(const JournalWrite& write, const absl::Status& status);

  const std::unique_ptr<Journal> journal_;
  const std::function<void(Event)> post_;
  BoundedQueue<JournalWrite> writes_;
  std::vector<LeaseKey> owed_;  // To be forgotten, and the disk did not let us; the thread's own.
  std::thread thread_;
};

}  // namespace rn
