// The folders of renders under way and of results not yet uploaded: `<root>/<item>-<fence>/`.
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

  // The lease's folder, new and empty.
  absl::StatusOr<std::filesystem::path> Create(const LeaseKey& key);

  // One that is absent is no error. What cannot be moved is logged and left to the next Open.
  void Discard(const LeaseKey& key);

  std::filesystem::path PathOf(const LeaseKey& key) const;

 private:
  explicit WorkFolders(std::filesystem::path root);
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
