// The control thread: Node's commands become calls, and whatever comes of them returns as events
// through one bounded queue. Node decides; nothing is decided here.
//
// Who waits for whom. Every other thread may wait for the control thread: posting blocks while
// `events_max` events wait, and that is all the back-pressure there is. The control thread waits
// for nobody, so the queue always moves:
//  - LeaseClient's queues hold more calls than a Node has outstanding (one, and commits_max);
//  - JournalWriter refuses what it cannot queue, and the refusal is handled as an event by the loop
//    itself, not through the queue that only the loop empties;
//  - ItemFetcher, Uploader, StoreKeeper and WorkerProcess take every command at once;
//  - a work folder is discarded by one rename, and the disks are asked for their room by one
//    statvfs. Only a dead disk can hold these up, and then the watchdog ends us.
// No thread holds a lock while it posts that one of these methods takes. At the end the queue is
// closed before the threads are joined: posting then returns at once.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/bounded_queue.h"
#include "base/clock.h"
#include "daemon/config.h"
#include "daemon/item_fetcher.h"
#include "daemon/journal_writer.h"
#include "daemon/lease_client.h"
#include "daemon/node.h"
#include "daemon/node_metrics.h"
#include "daemon/object_store.h"
#include "daemon/service_manager.h"
#include "daemon/store_keeper.h"
#include "daemon/uploader.h"
#include "daemon/work_folders.h"
#include "daemon/worker_process.h"

namespace rn {

class ControlLoop {
 public:
  // Opens everything that the node works with, and takes up what the journal kept. Nothing starts
  // before Run(). Unavailable: another daemon has the state folder. `clock` outlives us.
  static absl::StatusOr<std::unique_ptr<ControlLoop>> Create(const DaemonConfig& config,
                                                             const std::string& version,
                                                             Clock& clock);
  // Ends the workers.
  ~ControlLoop();

  // The control thread: returns once the node has nothing left to do after DrainRequested{exit}.
  void Run();

  // Thread-safe; blocks while the queue is full. Lost once Run() has returned.
  void Post(Event event);

  // Thread-safe; blocks while the queue is full. Goes on with another configuration, or with the
  // present one when `next` is an error or changes what only a restart can: all of it or nothing.
  // What became of it is logged and in NodeStatus.reload_error. Leases are kept.
  void Reload(absl::StatusOr<DaemonConfig> next);

  // Thread-safe; for every other thread. Unavailable: Run() has returned; DeadlineExceeded: the
  // control thread is stuck.
  absl::StatusOr<rendernode::NodeStatus> Status();

  // Thread-safe, and blocks: removes cached assets that nobody uses, and work folders of leases
  // that are not held. Errors as Status().
  absl::StatusOr<rendernode::CollectGarbageResponse> CollectGarbage();

  // Thread-safe: the configuration in effect, by key. Errors as Status().
  absl::StatusOr<std::map<std::string, std::string>> ConfigValues();

  const NodeMetrics& metrics() const { return metrics_; }

 private:
  // What another thread wants to know: answered by the control thread.
  using Question = std::function<void()>;
  // Somebody wants the node to go by another configuration.
  struct NextConfig {
    absl::StatusOr<DaemonConfig> config;
  };
  using Message = std::variant<Event, Question, NextConfig>;

  ControlLoop(const DaemonConfig& config, Clock& clock);
  absl::Status Open(const std::string& version);
  absl::StatusOr<std::unique_ptr<ObjectStore>> OpenStore() const;
  absl::StatusOr<std::vector<JournalledLease>> OpenJournal(const std::string& version);

  std::optional<Message> NextMessage();
  void Handle(const Event& event);
  void Handle(NextConfig next);
  absl::Status Apply(const absl::StatusOr<DaemonConfig>& next);
  void StartSupervisors();
  // What `answer` returns on the control thread. Errors as Status().
  template <typename Value>
  absl::StatusOr<Value> Ask(std::function<absl::StatusOr<Value>()> answer);
  absl::StatusOr<rendernode::CollectGarbageResponse> TidyWorkFolders();
  void Beat();
  void CheckDisks();
  absl::Status DiskRoom() const;
  rendernode::NodeStatus Compose() const;

  void Do(OpenSession command) { lease_client_->Do(std::move(command)); }
  void Do(Sync command) { lease_client_->Do(std::move(command)); }
  void Do(CutSync command) { lease_client_->Do(command); }
  void Do(CloseSession command) { lease_client_->Do(std::move(command)); }
  void Do(Commit command) { lease_client_->Do(std::move(command)); }
  void Do(JournalLeases command);
  void Do(JournalStart command);
  void Do(JournalResult command);
  void Do(JournalForget command);
  void Do(FetchItem command) { fetcher_->Do(std::move(command)); }
  void Do(const RenderItem& command);
  void Do(UploadItem command) { uploader_->Do(std::move(command)); }
  void Do(const Discard& command);
  void Do(RemoveAttempt command) { store_keeper_->Do(std::move(command)); }
  void Do(StartWorker command) { WorkerAt(command.slot).Start(); }
  void Do(KillWorker command) { WorkerAt(command.slot).Kill("on the node's order"); }
  void Do(Exit) { exited_ = true; }
  WorkerProcess& WorkerAt(int slot) { return *workers_.at(static_cast<std::size_t>(slot)); }

  // Fixed after construction.
  Clock& clock_;  // Outlives us.
  NodeIdentity identity_;
  std::vector<std::string> warnings_;  // For whoever asks how we are.

  // Safe by itself.
  BoundedQueue<Message> messages_;

  // The control thread's alone.
  DaemonConfig config_;
  std::string reload_error_;
  ServiceManager service_manager_;
  std::deque<Event> own_;  // Of the control thread's own making: handled before the queue's.
  bool exited_ = false;
  absl::Duration beat_at_ = absl::InfiniteDuration();
  absl::Duration disks_checked_at_ = -absl::InfiniteDuration();
  std::unique_ptr<Node> node_;
  NodeMetrics metrics_;

  // Used by the control thread, posting from threads of their own.
  std::unique_ptr<JournalWriter> journal_;
  std::unique_ptr<WorkFolders> work_folders_;
  std::unique_ptr<WorkerCgroups> worker_cgroups_;
  std::unique_ptr<LeaseClient> lease_client_;
  std::unique_ptr<ItemFetcher> fetcher_;  // Asks lease_client_ for job specs.
  std::unique_ptr<ObjectStore> store_;
  std::unique_ptr<StoreKeeper> store_keeper_;
  std::unique_ptr<Uploader> uploader_;
  std::vector<std::unique_ptr<WorkerProcess>> workers_;  // In those two.
};

}  // namespace rn
