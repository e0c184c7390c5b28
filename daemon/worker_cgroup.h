// A control group (cgroup v2) for each worker, below the one that the service manager gave us
// (Delegate=yes): the kernel bounds all that a worker and its children use together, ends all of
// them when they use more, and kills whatever is left, however far it has strayed from its parent.
//
//   <ours>/daemon        we ourselves: a group that has controlled children has no processes
//   <ours>/worker-<n>    slot n's: memory.max, memory.swap.max = 0, memory.oom.group = 1, pids.max
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rn {

struct WorkerCgroupLimits {
  std::int64_t memory_bytes_max = 0;
  std::int64_t tasks_max = 0;  // Processes and threads.
};

// One worker's. One thread at a time.
class WorkerCgroup {
 public:
  // Moves the process in. Its children are born in it.
  absl::Status Add(pid_t pid);
  // Ends all that is in it (SIGKILL), and does nothing where nobody is.
  absl::Status Kill();
  // How often the kernel ended it for want of memory, ever.
  std::int64_t OutOfMemoryKills() const;

 private:
  friend class WorkerCgroups;
  explicit WorkerCgroup(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path folder_;
};

// Thread-safe.
class WorkerCgroups {
 public:
  // `setting`: "off"; "auto", which uses our own group if a service manager delegated it to us; or
  // the path of a group's folder that is ours to use, in which case every failure is an error.
  // With "auto" there is always a result, and summary() says why there are no groups.
  static absl::StatusOr<std::unique_ptr<WorkerCgroups>> Open(
      const std::string& setting,
      const std::filesystem::path& mount = "/sys/fs/cgroup",
      const std::filesystem::path& own_groups = "/proc/self/cgroup");

  // For people: "/system.slice/rendernoded.service: memory pids", "none: not delegated".
  const std::string& summary() const { return summary_; }

  // The slot's group, made and bounded, what was in it killed. Null where there are no groups.
  absl::StatusOr<std::unique_ptr<WorkerCgroup>> Create(int slot,
                                                       const WorkerCgroupLimits& limits) const;

 private:
  WorkerCgroups() = default;
  absl::Status Enter(const std::filesystem::path& folder);

  std::filesystem::path folder_;  // Empty: there are no groups.
  bool memory_ = false;           // Controllers that we have.
  bool pids_ = false;
  std::string summary_;
};

}  // namespace rn
