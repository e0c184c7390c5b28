// What the node counts and times, learnt from the events and commands that pass the control thread:
// the state machine knows nothing of it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "base/clock.h"
#include "daemon/node_events.h"

namespace prometheus {
class Registry;
}

namespace rn {

// The control thread's, but for registry(): what that gives is safe by itself.
class NodeMetrics {
 public:
  // `clock` outlives us.
  explicit NodeMetrics(Clock& clock);
  ~NodeMetrics();

  // In the order in which things happen.
  void Saw(const Event& event);
  void Asked(const Command& command);

  std::shared_ptr<prometheus::Registry> registry() const;

 private:
  struct Instruments;

  // A stage under way.
  struct Running {
    std::string stage;
    absl::Duration since;
  };
  // A lease that is held.
  struct Life {
    absl::Duration granted_at = -absl::InfiniteDuration();
    absl::Duration done_at = -absl::InfiniteDuration();
    std::optional<Running> running;
    std::string last_stage;  // That was begun: the same again is a retry.
    rendernode::Outcome outcome = rendernode::OUTCOME_UNSPECIFIED;
  };

  void On(const SessionOpened& event);
  void On(const SessionFailed& event);
  void On(const SyncFailed& event);
  void On(const CommitAnswered& event);
  void On(const CommitFailed& event);
  void On(const LeasesJournalled& event);
  void On(const ResultJournalled& event);
  void On(const Fetched& event);
  void On(const FetchFailed& event);
  void On(const Uploaded& event);
  void On(const UploadFailed& event);
  void On(const WorkerDone& event);
  void On(const WorkerGone& event);
  template <typename Other>
  void On(const Other&) {}

  void On(const JournalLeases& command);
  void On(const JournalResult& command);
  void On(const JournalForget& command);
  void On(const FetchItem& command);
  void On(const RenderItem& command);
  void On(const UploadItem& command);
  void On(const Commit& command);
  void On(const KillWorker& command);

  void Begin(const LeaseKey& key, const std::string& stage);
  void End(const LeaseKey& key, bool ok);

  Clock& clock_;
  std::unique_ptr<Instruments> instruments_;
  std::map<LeaseKey, Life> lives_;   // As many as leases are held.
  std::map<int, LeaseKey> in_slot_;  // As many as there are slots.
};

}  // namespace rn
