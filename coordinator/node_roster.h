// What each node last said of itself, and which ones are to take no more items. In memory: the
// store keeps the latter, and nodes say the former anew with each Sync.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/mutex.h"
#include "proto/node.pb.h"

namespace rn {

struct NodeView {
  std::string node_id;
  rendernode::SyncRequest said;            // Without results and releases; empty: nothing yet.
  std::optional<absl::Duration> heard_at;  // SinceBoot; nothing: not since we started.
  bool drains = false;                     // As it was told.
};

// Over all of them.
struct FarmTotals {
  std::int64_t nodes = 0, ready = 0;
  std::int64_t slots = 0, slots_busy = 0;
  double frames_per_second = 0;
};

// Items that occupy a slot.
std::int64_t SlotsBusy(const rendernode::SyncRequest& said);
double FramesPerSecond(const rendernode::SyncRequest& said);

// Thread-safe; never blocks. As large as the farm: who calls Heard() bounds it.
class NodeRoster {
 public:
  void Heard(const std::string& node_id, const rendernode::SyncRequest& said, absl::Duration now);
  void Closed(const std::string& node_id);  // It said good-bye.
  void ForgetSilentSince(absl::Duration limit);

  // Those whose order changed by it. Until the first call nobody knows: Drains() is nothing.
  std::set<std::string> SetDrained(std::set<std::string> nodes);
  void SetDrain(const std::string& node_id, bool drain);
  std::optional<bool> Drains(const std::string& node_id) const;

  // In order of name, at most `limit` after `after`.
  std::vector<NodeView> List(const std::string& after, int limit) const;
  // Who was not heard for `silent_after` counts as a node and for nothing else.
  FarmTotals Totals(absl::Duration now, absl::Duration silent_after) const;

 private:
  struct Word {
    rendernode::SyncRequest said;
    absl::Duration at;
  };

  mutable Mutex mutex_;
  std::map<std::string, Word> heard_ ABSL_GUARDED_BY(mutex_);
  std::optional<std::set<std::string>> drained_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rn
