// One render slot's worker process: started, listened to, fed, bounded, killed and reaped by a
// thread of its own. The worker is not trusted: everything it says is checked, everything it may
// use up has a bound, and whatever it does wrong ends in SIGKILL and a WorkerGone that says why.
//
// - It speaks proto/worker.proto over its fd 3; `report_bytes_max` bounds a message and
//   `report_bytes_per_second_max` the stream.
// - Its stdout and stderr go to our log with the item under way: log_lines_per_second_max lines.
// - Its memory is bounded by its resident set, looked at every `memory_check_interval`:
//   RLIMIT_AS would count what decoders and drivers reserve and never touch, RLIMIT_DATA likewise
//   for thread stacks and arenas. In between, oom_score_adj makes it the kernel's first victim.
// - It shuts itself in before its first order (pipeline/sandbox.h): WorkerArgv() says in what.
// - It dies with us: PR_SET_PDEATHSIG is bound to the thread that starts it, which therefore lives
//   as long as this object. Its children die with it through its control group, where there is one
//   (worker_cgroup.h), else through its process group; one that leaves that is left to the
//   service's cgroup.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/subprocess.h"
#include "daemon/job_spec_store.h"
#include "daemon/node_events.h"
#include "daemon/work_folders.h"
#include "daemon/worker_cgroup.h"
#include "proto/worker.pb.h"

namespace rn {

struct WorkerCommand {
  std::vector<std::string> argv = {"/usr/libexec/rendernode/rendernode-worker"};
  std::vector<std::string> environment = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8"};
  std::string sandbox = "best-effort";           // Or "required", "off".
  std::vector<std::filesystem::path> read_only;  // That it may read beside the system's own.
  std::int64_t file_bytes_max = std::int64_t{16} << 30;  // Of one that it writes.
  std::int64_t open_files_max = 1024;
  std::int64_t memory_bytes_max = std::int64_t{2} << 30;  // Resident, of one worker.
  std::string cgroup = "auto";                            // WorkerCgroups::Open() says what.
  std::int64_t tasks_max = 512;                           // In its control group.
  absl::Duration memory_check_interval = absl::Milliseconds(200);
  std::int64_t report_bytes_max = 1 << 20;
  std::int64_t report_bytes_per_second_max = 2 << 20;
  absl::Duration progress_spacing = absl::Milliseconds(50);  // The rest between is not passed on.
  std::int64_t artifacts_max = 16;                           // Of one result.
  std::int64_t log_lines_per_second_max = 50;
  std::int64_t log_line_bytes_max = 1024;
};

// One item's render, with all that the worker needs to know.
struct RenderOrder {
  LeaseKey key;
  rendernode::ItemSpec item;
  JobSpecPtr job_spec;
  std::map<std::string, std::string> asset_paths;
  std::map<std::string, std::string> speech_paths = {};
};

// Bytes of memory that the process holds now. NotFound: it is gone.
absl::StatusOr<std::int64_t> ResidentBytes(pid_t pid);

// The command that starts a worker which may write to `writable` alone; "": to nothing.
std::vector<std::string> WorkerArgv(const WorkerCommand& command,
                                    const std::filesystem::path& writable);

// The result with each artifact's path, said to be below `ordered`, below `folder`, where the files
// have been moved: free of links from there on, and found to be a regular file of exactly the
// stated size. InvalidArgument: the worker lied. The checksums are the uploader's to verify, which
// reads the bytes anyhow.
absl::StatusOr<rendernode::ItemResult> CheckArtifacts(rendernode::ItemResult result,
                                                      const std::filesystem::path& ordered,
                                                      const std::filesystem::path& folder,
                                                      std::int64_t artifacts_max);

// Thread-safe. The command methods return at once; what comes of them is posted.
class WorkerProcess {
 public:
  // `post` may block while the events' queue is full, but not for ever once we are destroyed;
  // it must not call back into us. `folders`, `cgroups` and `clock` outlive us.
  WorkerProcess(int slot,
                WorkerCommand command,
                WorkFolders& folders,
                const WorkerCgroups& cgroups,
                Clock& clock,
                std::function<void(Event)> post);
  // Kills the worker and reaps it.
  ~WorkerProcess();

  // From the next Start() on; a worker that runs keeps what it was started with.
  void SetCommand(WorkerCommand command);

  // Posts WorkerReady once it has said Hello, and WorkerGone once it is dead and reaped or could
  // not be started. Precondition: none runs, and WorkerGone was posted for each before.
  void Start();

  // Posts WorkerProgressed…, then WorkerDone with checked artifacts in the lease's work folder.
  // Precondition: WorkerReady was posted, and WorkerDone for each order before. An order that
  // finds the worker dead is dropped: WorkerGone is on its way.
  void Render(RenderOrder order);

  // SIGKILL. `why` ends up in WorkerGone's message. Nothing happens when none runs.
  void Kill(std::string why);

 private:
  class Child;
  // What the control thread wants of ours; taken by it one by one.
  struct Wishes {
    bool stop = false;  // For good.
    bool start = false;
    std::optional<std::string> kill;
    std::optional<RenderOrder> order;
    std::optional<WorkerCommand> command;
  };

  void Supervise();
  bool AwaitStart();
  std::string Live();
  absl::StatusOr<Subprocess> StartProcess(WorkerCgroup* cgroup);
  absl::Status Serve(Child& child);
  absl::Status RenderOne(const RenderOrder& order, Child& child);
  void Wake();

  // Fixed after construction.
  const int slot_;
  WorkFolders& folders_;          // Outlives us.
  const WorkerCgroups& cgroups_;  // Outlives us.
  Clock& clock_;                  // Outlives us.
  const std::function<void(Event)> post_;
  const UniqueFd wake_;  // eventfd: a wish was added.

  Mutex mutex_;
  Wishes wishes_ ABSL_GUARDED_BY(mutex_);

  WorkerCommand command_;  // Of the worker that runs; our thread's own.

  std::thread thread_;
};

}  // namespace rn
