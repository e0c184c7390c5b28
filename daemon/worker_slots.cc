#include "daemon/worker_slots.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace rn {

WorkerSlots::WorkerSlots(const WorkerLimits& limits, RandomSource random)
    : limits_(limits), random_(std::move(random)), slots_(static_cast<std::size_t>(limits.slots)) {}

absl::Duration WorkerSlots::StartDue(absl::Duration now, std::vector<Command>& commands) {
  absl::Duration next = absl::InfiniteDuration();
  for (int slot = 0; slot < static_cast<int>(slots_.size()); ++slot) {
    if (IsRetired(slot)) {
      Retire(slot, commands);
      continue;
    }
    auto* starting = std::get_if<Starting>(&At(slot).state);
    if (starting != nullptr && now >= starting->hello_by) {
      starting->hello_by = absl::InfiniteDuration();  // Killed once is enough.
      commands.push_back(KillWorker{slot});
    } else if (starting != nullptr) {
      next = std::min(next, starting->hello_by);
    }
    const auto* stopped = std::get_if<Stopped>(&At(slot).state);
    if (stopped != nullptr && now >= stopped->start_at) {
      At(slot) = Slot{.state = Starting{now + limits_.start_timeout}};
      commands.push_back(StartWorker{slot});
      next = std::min(next, now + limits_.start_timeout);
    } else if (stopped != nullptr) {
      next = std::min(next, stopped->start_at);
    }
  }
  return next;
}

void WorkerSlots::SetLimits(const WorkerLimits& limits) {
  limits_ = limits;
  slots_.resize(std::max(slots_.size(), static_cast<std::size_t>(limits.slots)));
}

bool WorkerSlots::Exists(int slot) const {
  return !IsRetired(slot) || !std::holds_alternative<Stopped>(At(slot).state);
}

// What it renders it may finish.
void WorkerSlots::Retire(int slot, std::vector<Command>& commands) {
  const auto& state = At(slot).state;
  if (std::holds_alternative<Starting>(state) || std::holds_alternative<Idle>(state)) {
    At(slot).state = Dying{};
    commands.push_back(KillWorker{slot});
  }
}

std::optional<int> WorkerSlots::Free() const {
  for (int slot = 0; slot < static_cast<int>(slots_.size()); ++slot) {
    if (!IsRetired(slot) && std::holds_alternative<Idle>(At(slot).state)) {
      return slot;
    }
  }
  return std::nullopt;
}

void WorkerSlots::Render(int slot, const rendernode::Lease& lease, std::vector<Command>& commands) {
  At(slot).state = Rendering{LeaseKey::Of(lease.ref())};
  commands.push_back(RenderItem{slot, lease});
}

bool WorkerSlots::Kill(const LeaseKey& key, bool discard, std::vector<Command>& commands) {
  const std::optional<int> slot = SlotOf(key);
  if (!slot.has_value()) {
    return false;
  }
  At(*slot).state = Dying{discard ? std::optional(key) : std::nullopt};
  commands.push_back(KillWorker{*slot});
  return true;
}

void WorkerSlots::OnReady(int slot, const rendernode::Hello& hello) {
  hello_ = hello;
  At(slot).pid = hello.pid();
  if (std::holds_alternative<Starting>(At(slot).state)) {
    At(slot).state = Idle{};
  }
}

bool WorkerSlots::OnDone(int slot,
                         const LeaseKey& key,
                         bool succeeded,
                         std::vector<Command>& commands) {
  const auto* rendering = std::get_if<Rendering>(&At(slot).state);
  if (rendering == nullptr || rendering->key != key) {
    return false;  // Late: the lease was cancelled while the report was under way.
  }
  crashes_ = 0;
  backoff_.Reset();
  closed_until_ = -absl::InfiniteDuration();
  ++At(slot).items;
  if (succeeded && At(slot).items < limits_.items_per_worker && !IsRetired(slot)) {
    At(slot).state = Idle{};
  } else {
    At(slot).state = Dying{};
    commands.push_back(KillWorker{slot});
  }
  return true;
}

std::optional<LeaseKey> WorkerSlots::OnGone(int slot,
                                            const std::string& message,
                                            absl::Duration now,
                                            std::vector<Command>& commands) {
  std::optional<LeaseKey> lost;
  if (const auto* rendering = std::get_if<Rendering>(&At(slot).state)) {
    lost = rendering->key;
  }
  absl::Duration start_at = now;
  if (const auto* dying = std::get_if<Dying>(&At(slot).state)) {
    if (dying->discard.has_value()) {
      commands.push_back(Discard{*dying->discard});
    }
  } else {
    start_at = CountCrash(message, now);
  }
  At(slot) = Slot{.state = Stopped{start_at}};
  return lost;
}

// From `crashes_max` on the node is closed, for longer each time, until one more worker was given
// the time to show that it lives.
absl::Duration WorkerSlots::CountCrash(const std::string& message, absl::Duration now) {
  last_crash_ = message;
  const absl::Duration start_at = now + backoff_.Next(limits_.restart, random_);
  if (++crashes_ >= limits_.crashes_max) {
    closed_until_ = start_at + limits_.restart.min;
  }
  return start_at;
}

std::string WorkerSlots::CrashLoop(absl::Duration now) const {
  if (now >= closed_until_) {
    return "";
  }
  return absl::StrCat("render worker ended ", crashes_, " times in a row: ", last_crash_);
}

std::optional<int> WorkerSlots::SlotOf(const LeaseKey& key) const {
  for (int slot = 0; slot < static_cast<int>(slots_.size()); ++slot) {
    const auto* rendering = std::get_if<Rendering>(&At(slot).state);
    if (rendering != nullptr && rendering->key == key) {
      return slot;
    }
  }
  return std::nullopt;
}

std::string WorkerSlots::ItemOf(int slot) const {
  const auto* rendering = std::get_if<Rendering>(&At(slot).state);
  return rendering == nullptr ? "" : rendering->key.item_id;
}

std::uint32_t WorkerSlots::PidOf(int slot) const {
  return At(slot).pid;
}

}  // namespace rn
