// The node's render slots, one worker process each: which is free, which renders what, when a
// worker is recycled, and when its crashes close the node.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "daemon/backoff.h"
#include "daemon/node_events.h"

namespace rn {

struct WorkerLimits {
  std::int64_t slots = 1;
  std::int64_t items_per_worker = 100;  // Then recycled: leaks stay bounded.
  std::int64_t crashes_max = 3;         // In a row, without an item done: the node closes.
  absl::Duration start_timeout = absl::Seconds(30);  // For a worker's first word.
  BackoffLimits restart{.min = absl::Seconds(1), .max = absl::Minutes(2)};
};

// Pure and single-threaded, as Node, of which it is a part. Commands are appended to `commands`.
// Times are Clock::Awake(): a worker that slept with the machine was not slow.
class WorkerSlots {
 public:
  WorkerSlots(const WorkerLimits& limits, RandomSource random);

  // Starts every stopped worker that is due, kills those that never said a word.
  // Returns when to ask again; InfiniteDuration: nothing is waiting.
  absl::Duration StartDue(absl::Duration now, std::vector<Command>& commands);

  // Slots that are no longer allowed end their item and stay empty.
  void SetLimits(const WorkerLimits& limits);

  std::optional<int> Free() const;
  // Slots in use, or still ending.
  std::size_t count() const { return slots_.size(); }
  bool Exists(int slot) const;

  // Precondition: Free() == slot.
  void Render(int slot, const rendernode::Lease& lease, std::vector<Command>& commands);
  // The worker that renders `key` dies; `discard`: its files go once it is dead. False: nobody
  // renders it.
  bool Kill(const LeaseKey& key, bool discard, std::vector<Command>& commands);
  bool IsRendering(const LeaseKey& key) const { return SlotOf(key).has_value(); }

  void OnReady(int slot, const rendernode::Hello& hello);
  // The slot is free again, or its worker is being recycled. False: not what the slot renders.
  bool OnDone(int slot, const LeaseKey& key, bool succeeded, std::vector<Command>& commands);
  // The lease that was lost with the worker, if any was still wanted.
  std::optional<LeaseKey> OnGone(int slot,
                                 const std::string& message,
                                 absl::Duration now,
                                 std::vector<Command>& commands);

  // Why the node must take no new lease: "" when it may.
  std::string CrashLoop(absl::Duration now) const;
  // When CrashLoop() ends, if it does.
  absl::Duration closed_until() const { return closed_until_; }

  // What the workers said of themselves, the latest Hello; nothing before the first.
  const std::optional<rendernode::Hello>& hello() const { return hello_; }
  // "" when idle.
  std::string ItemOf(int slot) const;
  std::uint32_t PidOf(int slot) const;

 private:
  struct Stopped {
    absl::Duration start_at;
  };
  struct Starting {
    absl::Duration hello_by;
  };
  struct Idle {};
  struct Rendering {
    LeaseKey key;
  };
  struct Dying {
    std::optional<LeaseKey> discard;
  };
  struct Slot {
    std::variant<Stopped, Starting, Idle, Rendering, Dying> state = Stopped{};
    std::int64_t items = 0;  // Of the present worker.
    std::uint32_t pid = 0;
  };

  std::optional<int> SlotOf(const LeaseKey& key) const;
  void Retire(int slot, std::vector<Command>& commands);
  bool IsRetired(int slot) const { return slot >= limits_.slots; }
  Slot& At(int slot) { return slots_.at(static_cast<std::size_t>(slot)); }
  const Slot& At(int slot) const { return slots_.at(static_cast<std::size_t>(slot)); }
  // The worker ended unasked; returns when the next may start.
  absl::Duration CountCrash(const std::string& message, absl::Duration now);

  WorkerLimits limits_;
  const RandomSource random_;
  std::vector<Slot> slots_;
  std::optional<rendernode::Hello> hello_;
  std::int64_t crashes_ = 0;  // In a row.
  Backoff backoff_;
  std::string last_crash_;
  absl::Duration closed_until_ = -absl::InfiniteDuration();
};

}  // namespace rn
