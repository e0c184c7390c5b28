// The folders of renders under way, `<root>/.slot-<n>/<item>-<fence>/`, and of results not yet
// uploaded, `<root>/<item>-<fence>/`. A worker may write to its slot's folder and to nothing else:
// what it has finished is moved out of its reach.
//
// A discarded folder is renamed into `<root>/.trash/` at once, so that its name is free and the
// caller never waits for a disk; a thread of our own empties the trash.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bounded_queue.h"
#include "base/mutex.h"
#include "daemon/node_events.h"

namespace rn {

// Thread-safe.
class WorkFolders {
 public:
  // Creates `root` when absent. Every folder in it but those of `keep` is discarded: its render
  // died with the daemon that ordered it. Files that are not ours to name are left alone.
  static absl::StatusOr<std::unique_ptr<WorkFolders>> Open(const std::filesystem::path& root,
                                                           const std::set<LeaseKey>& keep);
  // What was discarded and is not removed yet goes at the next Open.
  ~WorkFolders();

  // The slot's folder, new and empty: for a worker that is about to start.
  absl::StatusOr<std::filesystem::path> OpenSlot(int slot);
  // The lease's folder in the slot's, alone and empty. Precondition: OpenSlot.
  absl::StatusOr<std::filesystem::path> Create(int slot, const LeaseKey& key);
  // The same, finished: moved to PathOf(key). InvalidArgument: the worker made something else of
  // it.
  absl::Status Finish(int slot, const LeaseKey& key);
  // Empties the slot's folder. What cannot be moved is logged and left to the next Create.
  void Clear(int slot);

  // One that is absent is no error. What cannot be moved is logged and left to the next Open.
  void Discard(const LeaseKey& key);

  // Discards the leases' folders but those of `keep`. The slots' stay: workers have them. How many
  // went.
  absl::StatusOr<int> DiscardAllBut(const std::set<LeaseKey>& keep);

  std::filesystem::path PathOf(const LeaseKey& key) const;

 private:
  explicit WorkFolders(std::filesystem::path root);
  std::filesystem::path SlotFolder(int slot) const;
  absl::StatusOr<int> Sweep(bool slots_too, const std::set<LeaseKey>& keep);
  absl::Status Empty(int slot);
  absl::Status MoveToTrash(const std::filesystem::path& folder);
  void EmptyTrash();

  const std::filesystem::path root_;
  const std::filesystem::path trash_;

  Mutex mutex_;
  std::uint64_t trashed_ ABSL_GUARDED_BY(mutex_) = 0;  // Names what comes next.

  BoundedQueue<bool> trash_changed_{1};
  std::thread janitor_;
};

}  // namespace rn
