// The desk at which nodes ask for work: sessions, Syncs that wait, grants.
//
// What is durable is the store's; the desk only remembers who waits for what, so a restart loses
// nothing but waiting calls. No gRPC here: node_service.h speaks it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "coordinator/backlog.h"
#include "coordinator/node_roster.h"
#include "coordinator/store.h"
#include "proto/node.pb.h"

namespace rn {

struct LeaseDeskOptions {
  absl::Duration sync_interval = absl::Seconds(5);  // A waiting Sync is answered after that long.
  LeaseLimits lease;                                // The store's own.
  absl::Duration orphan_keep = absl::Hours(24);     // Nodes keep unreported results that long.
  absl::Duration expire_interval = absl::Seconds(1);
  BacklogOptions backlog;
  int correlations_max = 4096;      // Jobs whose correlation id is remembered, for the log.
  std::int64_t want_max = 1024;     // Of one Sync; a node that asks for more gets that many.
  std::int64_t nodes_max = 10'000;  // With a session; more are refused until others close.
  // Called after something about a job changed in the store, with its id; quick, any thread.
  std::function<void(const std::string&)> on_job_changed = [](const std::string&) {};
};

struct DeskCounts {
  std::int64_t nodes = 0;  // Known here: with a session.
  std::int64_t waiting_syncs = 0;
  std::int64_t unconfirmed = 0;  // Leases granted that no Sync has listed yet.
  std::int64_t expired = 0;      // Leases, since the start.
};

// Who made a Sync and waits for its answer.
class SyncCaller {
 public:
  virtual ~SyncCaller() = default;

  // Exactly once, from any thread, never while the desk holds a lock.
  virtual void Reply(absl::StatusOr<rendernode::SyncResponse> response) = 0;

  // Nobody listens any more. Leave() follows once it is true.
  virtual bool gone() const = 0;
};

// Thread-safe. Methods block on the store unless they say otherwise. An error of the store is
// passed on as it is and never shows as a lost lease or session.
class LeaseDesk {
 public:
  // The references outlive the desk.
  LeaseDesk(Store& store, Clock& clock, const LeaseDeskOptions& options);
  ~LeaseDesk();  // Stops.

  // Ends the node's older session and answers its Sync. FailedPrecondition: no protocol version in
  // common, the farm is full, or a later start of the daemon was seen; InvalidArgument: a name that
  // is none.
  absl::StatusOr<rendernode::OpenSessionResponse> OpenSession(
      const rendernode::OpenSessionRequest& request);

  // Renews and takes back at once; the reply comes when there is something to say, when the caller
  // did not want to wait, or after `sync_interval`. FailedPrecondition: not the newest session.
  // Grants are level-triggered too: a lease that the node's next Sync does not list is granted
  // again, so no lease waits for a TTL because a reply was lost. `caller` lives until its reply.
  void Sync(rendernode::SyncRequest request, SyncCaller& caller);

  // The caller has gone: a Sync of it that waits is replied to as Cancelled. Does not block.
  void Leave(SyncCaller& caller);

  // Whose session it is. FailedPrecondition: nobody's, or no longer the newest.
  absl::StatusOr<std::string> NodeOf(const std::string& session);

  // FailedPrecondition, of all three: not the newest session. Closing is no error then.
  absl::StatusOr<rendernode::CommitItemResponse::Verdict> Commit(
      const rendernode::CommitItemRequest& request);
  absl::StatusOr<std::string> GetJobSpec(const std::string& session, const std::string& digest);
  absl::Status CloseSession(const std::string& session);

  // The node takes no more items, or does again; its waiting Sync is told so at once, and one at
  // another desk over the same store within its `expire_interval`. Durable, and logged as `audit`
  // says, if it says anything. NotFound: no such node.
  absl::Status DrainNode(const std::string& node_id, bool drain, const AuditEntry* audit = nullptr);
  const NodeRoster& roster() const { return roster_; }

  // When the job will be done, as Scheduler::Foretell.
  std::optional<Forecast> Foretell(const std::string& job_id) const {
    return backlog_.Foretell(job_id);
  }

  void SetShares(TenantShares shares);

  // Items became ready to be leased. Does not block.
  void OnNewWork();

  // The job was canceled: nodes that hold its items hear of it now. Does not block.
  void OnJobCanceled(const std::string& job_id);

  // Anything may have changed in the store: items may be ready, jobs canceled. Does not block.
  void OnAnything();

  // Syncs that wait now. Does not block.
  std::int64_t waiting_syncs();
  // Does not block.
  DeskCounts counts();

  // Every waiting Sync is answered now, and later ones do not wait. Idempotent.
  void Stop();

 private:
  using LeaseId = std::pair<std::string, std::uint64_t>;  // Item and fence.

  struct Waiting {
    SyncCaller* caller;
    rendernode::SyncRequest request;
    SyncOutcome outcome;
    std::int64_t want;
    absl::Duration answer_by;  // SinceBoot.
    bool answer_soon;          // As soon as the queue was looked at.
  };
  struct Granted {
    rendernode::Lease lease;
    absl::Duration at;  // SinceBoot.
  };
  struct Node {
    std::string session;
    absl::Duration heard_at;                 // SinceBoot.
    std::uint64_t seq = 0;                   // Of its latest Sync.
    std::map<LeaseId, Granted> unconfirmed;  // Granted; no Sync has listed them yet.
    std::int64_t slots = 0;                  // As the node last said.
    FarmNode view;                           // As the scheduler was told.
    bool profiled = false;                   // It has said its profile.
    std::optional<Waiting> waiting;
  };
  struct Answer {
    SyncCaller* caller;
    absl::StatusOr<rendernode::SyncResponse> response;
  };
  using Answers = std::vector<Answer>;

  class Opening;

  void Work();
  void Tick();
  void Recheck(const std::set<std::string>& nodes);
  void ExpireIfDue();
  void LearnDrains();
  void SuppressExpiry(absl::string_view why);
  std::string JobFields(const rendernode::LeaseRef& ref);
  void TellProgress(const rendernode::SyncRequest& request);
  void HandOut();
  std::vector<Asker> Askers();
  absl::StatusOr<std::int64_t> Grant(absl::Span<const Assignment> assignments);
  std::int64_t NoteGrant(const std::string& session,
                         Store::Leases leases,
                         absl::Duration at,
                         Answers& answers) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AnswerAfter(const std::vector<Asker>& looked_for, const std::set<std::string>& granted);
  static void Send(Answers answers);

  absl::StatusOr<std::string> AdoptSession(const std::string& session);
  std::set<LeaseId> ListUnconfirmed(rendernode::SyncRequest& request);
  void SettleUnconfirmed(const std::set<LeaseId>& listed, Node& node, SyncOutcome& outcome)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Park(const std::string& node_id, Waiting waiting, Answers& answers)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::optional<Waiting> Unpark(const std::string& node_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AnswerNow(const std::string& node_id, Answers& answers)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Refuse(const std::string& node_id, const absl::Status& status, Answers& answers)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Node* FindNode(const std::string& session) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::optional<FarmNode> NoteProfile(const std::string& node_id,
                                      const rendernode::SyncRequest& request)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ForgetSilentNodes();
  void BacklogChanged() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WakeWorker() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  rendernode::Timing Timing() const;

  // Fixed after construction.
  const LeaseDeskOptions options_;
  Store& store_;
  Clock& clock_;

  Backlog backlog_;  // Safe by itself.

  // Whoever reads or writes orders to drain does so in its turn, so that the store and we agree.
  Mutex ordering_;
  NodeRoster roster_;  // Safe by itself.

  Mutex mutex_;
  CondVar work_changed_, due_changed_, opened_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool look_ ABSL_GUARDED_BY(mutex_) = true;
  std::uint64_t cancels_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t expired_ ABSL_GUARDED_BY(mutex_) = 0;
  // After our own start or outage: nodes get the chance to renew.
  absl::Time reassign_not_before_ ABSL_GUARDED_BY(mutex_);
  bool expiry_suppressed_ ABSL_GUARDED_BY(mutex_) = true;
  std::map<std::string, std::string> correlations_ ABSL_GUARDED_BY(mutex_);  // By job.
  std::set<std::string> rechecks_ ABSL_GUARDED_BY(mutex_);                   // Nodes.
  std::map<std::string, Node> nodes_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> opening_ ABSL_GUARDED_BY(mutex_);  // Nodes.
  std::map<std::string, std::string> node_of_session_ ABSL_GUARDED_BY(mutex_);
  std::set<std::pair<absl::Duration, std::string>> due_ ABSL_GUARDED_BY(mutex_);  // Waiting nodes.
  std::set<std::string> asking_ ABSL_GUARDED_BY(mutex_);  // Those of them that want leases.

  // The worker's alone.
  absl::Duration expire_at_;
  bool store_fails_ = false;

  std::thread worker_;  // Hands out, expires, rechecks: whatever blocks on the store.
  std::thread timer_;   // Answers those who waited long enough; never blocks.
};

}  // namespace rn
