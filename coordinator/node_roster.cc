#include "coordinator/node_roster.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace rn {
namespace {

bool OccupiesSlot(const rendernode::HeldLease& held) {
  return held.phase() == rendernode::SPEAKING || held.phase() == rendernode::RENDERING;
}

}  // namespace

std::int64_t SlotsBusy(const rendernode::SyncRequest& said) {
  return std::count_if(said.held().begin(), said.held().end(), OccupiesSlot);
}

double FramesPerSecond(const rendernode::SyncRequest& said) {
  double sum = 0;
  for (const rendernode::HeldLease& held : said.held()) {
    sum += held.phase() == rendernode::RENDERING ? held.frames_per_second() : 0;
  }
  return sum;
}

void NodeRoster::Heard(const std::string& node_id,
                       const rendernode::SyncRequest& said,
                       absl::Duration now) {
  rendernode::SyncRequest kept;
  kept.set_state(said.state());
  kept.set_reason(said.reason());
  kept.set_slots(said.slots());
  kept.set_version(said.version());
  *kept.mutable_devices() = said.devices();
  for (const rendernode::HeldLease& held : said.held()) {
    rendernode::HeldLease* lease = kept.add_held();
    *lease->mutable_ref() = held.ref();
    lease->set_phase(held.phase());
    lease->set_progress_permille(held.progress_permille());
    lease->set_frames_per_second(held.frames_per_second());
    lease->set_device_uuid(held.device_uuid());
  }
  MutexLock lock(mutex_);
  heard_[node_id] = {std::move(kept), now};
}

void NodeRoster::Closed(const std::string& node_id) {
  MutexLock lock(mutex_);
  heard_.erase(node_id);
}

void NodeRoster::ForgetSilentSince(absl::Duration limit) {
  MutexLock lock(mutex_);
  std::erase_if(heard_, [&](const auto& entry) { return entry.second.at <= limit; });
}

std::set<std::string> NodeRoster::SetDrained(std::set<std::string> nodes) {
  MutexLock lock(mutex_);
  const std::set<std::string> before = drained_.value_or(std::set<std::string>());
  std::set<std::string> changed;
  std::set_symmetric_difference(before.begin(),
                                before.end(),
                                nodes.begin(),
                                nodes.end(),
                                std::inserter(changed, changed.end()));
  drained_ = std::move(nodes);
  return changed;
}

void NodeRoster::SetDrain(const std::string& node_id, bool drain) {
  MutexLock lock(mutex_);
  if (!drained_.has_value()) {
    return;  // The first SetDrained() will say so too: the store has it.
  }
  if (drain) {
    drained_->insert(node_id);
  } else {
    drained_->erase(node_id);
  }
}

std::optional<bool> NodeRoster::Drains(const std::string& node_id) const {
  MutexLock lock(mutex_);
  return drained_.has_value() ? std::optional(drained_->count(node_id) > 0) : std::nullopt;
}

std::vector<NodeView> NodeRoster::List(const std::string& after, int limit) const {
  MutexLock lock(mutex_);
  static const std::set<std::string> none;
  const std::set<std::string>& drained = drained_.has_value() ? *drained_ : none;
  std::vector<NodeView> views;
  auto word = heard_.upper_bound(after);
  auto order = drained.upper_bound(after);
  while (views.size() < static_cast<std::size_t>(limit) &&
         (word != heard_.end() || order != drained.end())) {
    const bool heard = word != heard_.end() && (order == drained.end() || word->first <= *order);
    const bool drains = order != drained.end() && (word == heard_.end() || *order <= word->first);
    NodeView view{.node_id = heard ? word->first : *order, .drains = drains};
    if (heard) {
      view.said = word->second.said;
      view.heard_at = word->second.at;
      ++word;
    }
    if (drains) {
      ++order;
    }
    views.push_back(std::move(view));
  }
  return views;
}

FarmTotals NodeRoster::Totals(absl::Duration now, absl::Duration silent_after) const {
  MutexLock lock(mutex_);
  FarmTotals totals;
  totals.nodes = static_cast<std::int64_t>(heard_.size());
  for (const auto& [node_id, word] : heard_) {
    if (now - word.at > silent_after) {
      continue;
    }
    totals.ready += word.said.state() == rendernode::READY ? 1 : 0;
    totals.slots += word.said.slots();
    totals.slots_busy += SlotsBusy(word.said);
    totals.frames_per_second += FramesPerSecond(word.said);
  }
  return totals;
}

}  // namespace rn
