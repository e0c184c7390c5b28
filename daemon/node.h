// The node's state machine: which leases it holds, how far each is, and what happens next.
//
// A lease goes through the stages of `Stage` in order; every stage is asked for by a Command and
// ended by an Event. Each stage's outcome is journalled before the next is visible to anybody:
// a crash between any two steps loses no finished work and no lease.
//
// Contract with the coordinator (docs/lease-protocol.md):
//  - what is held is said in full in every Sync; a lost or doubled reply changes nothing;
//  - a stage starts only while the lease is certain to be ours: for `lease_ttl - self_fence_margin`
//    from the *send* of the last Sync that renewed it, on the clock that counts suspend: a box that
//    wakes starts nothing before it has asked. What runs on the box itself is timed by the clock
//    that sleeps with it (Clock::Awake): no worker dies for having been asleep;
//  - a finished result is offered until a durable verdict comes. Only one that nobody took for
//    `orphan_keep` after the last contact with any coordinator is given up, and that is counted;
//  - a lease lost to another fence or to a cancel dies with its worker, and nothing is reported.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/clock.h"
#include "daemon/backoff.h"
#include "daemon/node_events.h"
#include "daemon/profile_teller.h"
#include "daemon/trouble.h"
#include "daemon/worker_slots.h"
#include "proto/admin.pb.h"

namespace rn {

// Versions of proto/node.proto that we speak.
inline constexpr std::uint32_t kProtocolMin = 1;
inline constexpr std::uint32_t kProtocolMax = 1;

struct NodeLimits {
  WorkerLimits workers;
  std::vector<std::string> speech_engines;  // Configured, beside the workers' own.
  std::int64_t prefetch = 2;     // Leases held beyond the free slots, so that fetches run ahead.
  std::int64_t held_max = 64;    // Leases in all, uncommitted ones included: then no more pulled.
  std::int64_t fetches_max = 2;  // At once.
  std::int64_t uploads_max = 2;  // At once.
  std::int64_t commits_max = 2;  // At once.
  std::int64_t upload_refusals_max = 5;  // Then the item fails: the store says no to this very one.
  // Lives of the daemon that may end while one lease is worked on: then it is given back as lost.
  std::int64_t adoptions_max = 5;
  absl::Duration stall_timeout = absl::Seconds(30);
  absl::Duration self_fence_margin = absl::Seconds(5);
  absl::Duration drain_timeout = absl::Seconds(90);
  absl::Duration drain_reserve = absl::Seconds(3);  // Its last part: for reporting interruptions.
  absl::Duration sync_spacing = absl::Milliseconds(20);  // Between two Syncs, at least.
  absl::Duration progress_spacing =
      absl::Milliseconds(1000);                  // Between two that only say progress.
  absl::Duration hello_wait = absl::Seconds(1);  // For a worker's first word before OpenSession.
  BackoffLimits coordinator_retry{.min = absl::Milliseconds(200), .max = absl::Seconds(5)};
  // After a session that was refused for what we are (protocol versions, a copied journal): until
  // somebody does something about it.
  BackoffLimits refused_retry{.min = absl::Seconds(5), .max = absl::Minutes(1)};
  BackoffLimits store_retry{.min = absl::Milliseconds(500), .max = absl::Seconds(15)};
  // After a write to one of our own disks that failed: journal, cache, work folder.
  BackoffLimits journal_retry{.min = absl::Seconds(1), .max = absl::Seconds(10)};
};

struct NodeIdentity {
  std::string node_id;
  std::string boot_id;
  std::uint64_t incarnation = 0;
  std::string version;
  std::string journal_id = {};
};

// A lease as the journal kept it over a restart.
struct JournalledLease {
  rendernode::Lease lease;
  absl::Duration age;  // Since its grant.
  std::optional<rendernode::ItemResult> result;
  bool uploaded = false;  // The result is ready to commit; otherwise its artifacts are local files.
  std::int64_t starts = 0;  // Lives of the daemon in which work on it began.
};

enum class Stage {
  kJournalLease,  // Not ours to touch before it is on disk.
  kFetch,
  kRender,
  kJournalOutput,  // So that a failed upload never costs a render.
  kUpload,
  kJournalResult,
  kCommit,
};

// Not thread-safe: one thread owns it. Never blocks, does no I/O.
class Node {
 public:
  // `clock` outlives us. `random` in [0, 1) jitters the retries.
  Node(NodeLimits limits,
       NodeIdentity identity,
       std::vector<JournalledLease> journalled,
       Clock& clock,
       RandomSource random);

  // What is to be done now, in this order. The first call's event is Tick.
  std::vector<Command> Handle(const Event& event);

  // Obeyed from now on; a Tick should follow at once. What is held stays held, also above a smaller
  // held_max.
  void SetLimits(const NodeLimits& limits);

  // When to send a Tick, as a time since boot, if no other event comes first.
  absl::Duration WakeAt() const { return wake_at_; }

  // As NodeAdmin reports it; fields that the state machine does not know are left unset.
  rendernode::NodeStatus Status() const;

 private:
  struct Held {
    rendernode::Lease lease;
    std::uint64_t order = 0;  // Of arrival.
    Stage stage = Stage::kJournalLease;
    bool running = false;  // The stage was asked for and has not ended.
    absl::Duration safe_until = -absl::InfiniteDuration();  // No stage starts from then on.
    absl::Duration deadline = absl::InfiniteDuration();     // Awake.
    rendernode::ItemResult result;                          // From kJournalOutput on.
    rendernode::Progress progress;                          // Of the render.
    absl::Duration progressed_at;                           // Awake.
    Backoff backoff;                                        // Of the present stage.
    absl::Duration retry_at = -absl::InfiniteDuration();
    int refusals = 0;           // Uploads that the store refused for good.
    bool put = false;           // Something of it may be in the object store.
    bool uploading = false;     // An upload was asked for and has not answered, wanted or not.
    std::string session;        // Of the commit under way.
    std::string store_trouble;  // The last upload's failure, when the store is to blame.
  };
  struct Draining {
    bool exit = false;
    absl::Duration started_at;
    absl::Duration interrupt_at = absl::InfiniteDuration();
    absl::Duration exit_at = absl::InfiniteDuration();
  };
  // What is outstanding with the coordinator.
  enum class Call { kNone, kOpening, kSyncing, kClosing };

  // Events (node.cc).
  void On(const Tick&) {}
  void On(const DiskChecked& event);
  void On(const StoreChecked& event);
  void On(const SessionOpened& event);
  void On(const SessionFailed& event);
  void On(const SessionClosed& event);
  void On(const SyncAnswered& event);
  void On(const SyncFailed& event);
  void On(const CommitAnswered& event);
  void On(const CommitFailed& event);
  void On(const LeasesJournalled& event);
  void On(const ResultJournalled& event);
  void On(const Fetched& event);
  void On(const FetchFailed& event);
  void On(const Uploaded& event);
  void On(const UploadFailed& event);
  void On(const WorkerReady& event);
  void On(const WorkerProgressed& event);
  void On(const WorkerDone& event);
  void On(const WorkerGone& event);
  void On(const DrainRequested& event);
  void On(const UndrainRequested& event);
  void On(const CancelRequested& event);

  void Restore(JournalledLease journalled);
  void Accept(const rendernode::Lease& lease, absl::Duration renewed_at);
  void Renew(const rendernode::LeaseRef& ref, absl::Duration renewed_at);
  void Obey(const rendernode::Timing& timing);
  void Reconnected();
  void Pace(const SyncAnswered& event);
  void LoseSession(const absl::Status& status);
  void BeRefused(absl::string_view why);
  void HearFromCoordinator();
  void GiveUpOrphans();
  void NoteJournal(const absl::Status& status);
  void Note(Trouble& trouble, absl::string_view what, absl::string_view message);
  std::vector<const Trouble*> DiskTroubles() const {
    return {&journal_trouble_, &work_trouble_, &cache_trouble_};
  }

  // A lease's way (node_stages.cc). Each does what is due now and notes when to look again.
  void Advance();
  void EnforceDeadlines();
  void EnforceDrain();
  void ReleaseQueued();
  void StartStages();
  void StartStage(Held& held);
  bool MayStart(const Held& held);
  void JournalNewLeases();
  void ToStage(Held& held, Stage stage);
  void Retry(Held& held, const BackoffLimits& limits);
  // The item ends here, well or ill: journal, then commit.
  void EndWith(Held& held, rendernode::ItemResult result);
  // Gone without a report: killed, discarded, forgotten.
  void Drop(const LeaseKey& key);
  void Forget(const LeaseKey& key);
  // After the coordinator's last word alone, for a crash before it would offer the attempt again:
  // what it put into the object store is removed, once no upload of it runs any more.
  void AbandonOutput(const Held& held);
  void UploadEnded(const LeaseKey& key);
  void Release(const LeaseKey& key);

  // The session (node_session.cc).
  void Converse();
  void MaybeOpen();
  void MaybeSync();
  void MaybeLeave();
  rendernode::SyncRequest ComposeSync(std::uint32_t want, const std::string& reason);
  rendernode::NodeCapabilities Capabilities() const;
  rendernode::HeldLease Describe(const Held& held) const;
  std::uint32_t Want(const std::string& reason) const;
  std::string NotReadyReason() const;
  rendernode::NodeState State(const std::string& reason) const;
  std::string Gist(std::uint32_t want, const std::string& reason) const;

  bool DrainWanted() const { return draining_.has_value() || coordinator_drains_; }
  Held* Find(const LeaseKey& key);
  // The held lease, if it is in `stage` and that stage runs; late events find nothing.
  Held* Running(const LeaseKey& key, Stage stage);
  absl::Duration Now() const { return clock_.SinceBoot(); }
  absl::Duration Awake() const { return clock_.Awake(); }
  void WakeBy(absl::Duration at) { wake_at_ = std::min(wake_at_, at); }
  void WakeByAwake(absl::Duration at) { WakeBy(Now() + (at - Awake())); }
  void Do(Command command) { commands_.push_back(std::move(command)); }

  NodeLimits limits_;
  const NodeIdentity identity_;
  Clock& clock_;  // Outlives us.
  const RandomSource random_;
  const absl::Duration started_at_;

  std::vector<Command> commands_;  // Of the Handle under way.
  absl::Duration wake_at_ = absl::InfiniteDuration();

  std::map<LeaseKey, Held> held_;
  std::uint64_t next_order_ = 0;
  WorkerSlots workers_;
  std::int64_t fetching_ = 0;  // Asked for and unanswered, discarded ones included.
  std::int64_t uploading_ = 0;
  std::int64_t committing_ = 0;
  std::map<LeaseKey, std::string> abandoned_;  // Uploads that were told to stop: their prefixes.

  std::optional<Draining> draining_;
  bool coordinator_drains_ = false;
  bool exited_ = false;
  absl::Status disk_ = absl::OkStatus();
  absl::Status store_ = absl::OkStatus();
  Trouble journal_trouble_;
  Trouble cache_trouble_;  // Full, the disk or its own bound.
  Trouble work_trouble_;   // Full.

  std::string session_;  // "" = none.
  Call call_ = Call::kNone;
  bool cutting_ = false;       // CutSync was asked for.
  bool cut_ = false;           // The last Sync ended so.
  bool waiting_ = false;       // The last Sync may be held open.
  bool session_lost_ = false;  // A commit found out; acted upon between two calls.
  bool connected_ = false;
  Backoff call_backoff_;
  absl::Duration call_at_ = -absl::InfiniteDuration();  // Not before.
  absl::Duration poll_at_ = -absl::InfiniteDuration();  // The next Sync without news.
  Backoff quiet_backoff_;  // Against a coordinator that does not hold a Sync open.
  absl::Duration synced_at_ = -absl::InfiniteDuration();  // When the last Sync was asked for.
  std::uint64_t seq_ = 0;
  std::string said_;  // The gist of the last Sync.
  bool said_progress_ = true;
  ProfileTeller profile_;
  std::set<LeaseKey> released_;          // To be said until a Sync that said it was answered.
  std::vector<LeaseKey> released_said_;  // In the Sync under way.
  absl::Duration sync_interval_ = absl::Seconds(5);
  absl::Duration lease_ttl_ = absl::Seconds(30);
  absl::Duration orphan_keep_ = absl::Hours(24);
  absl::Duration heard_at_;     // Awake: a coordinator's last word, or our start.
  std::uint32_t protocol_ = 0;  // Of the last session.
  Backoff refused_backoff_;     // Sessions, since the last that was not.
  std::string coordinator_error_;

  std::uint64_t items_completed_ = 0;
  std::uint64_t items_failed_ = 0;
  std::uint64_t results_orphaned_ = 0;
};

}  // namespace rn
