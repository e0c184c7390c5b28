// What the node's state machine hears (Event) and asks for (Command). Plain values: a test reads as
// a list of the one and a list of the other.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "proto/node.pb.h"
#include "proto/worker.pb.h"

namespace rn {

// A lease's identity. A newer fence of the same item is another lease.
struct LeaseKey {
  std::string item_id;
  std::uint64_t fence = 0;

  static LeaseKey Of(const rendernode::LeaseRef& ref) { return {ref.item_id(), ref.fence()}; }
  rendernode::LeaseRef ToProto() const {
    rendernode::LeaseRef ref;
    ref.set_item_id(item_id);
    ref.set_fence(fence);
    return ref;
  }
  friend auto operator<=>(const LeaseKey&, const LeaseKey&) = default;
};

// ---------------------------------------------------------------- events

// Time passed: sent whenever Node::WakeAt() is reached.
struct Tick {};
// Is there room for another item on the work and state disks? Sent before each pull.
struct DiskChecked {
  absl::Status status;
};

// Could a result be put into the object store? Until the first word no new lease is taken.
struct StoreChecked {
  absl::Status status;
};

// Durations are times since boot (Clock::SinceBoot) just before the request left.
struct SessionOpened {
  rendernode::OpenSessionResponse response;
  absl::Duration sent_at;
};
struct SessionFailed {
  absl::Status status;
};
struct SessionClosed {
  absl::Status status;
};
struct SyncAnswered {
  rendernode::SyncResponse response;
  absl::Duration sent_at;
};
struct SyncFailed {  // Cancelled after CutSync is no failure.
  absl::Status status;
};
struct CommitAnswered {
  LeaseKey key;
  rendernode::CommitItemResponse::Verdict verdict;
};
struct CommitFailed {
  LeaseKey key;
  absl::Status status;
};

struct LeasesJournalled {
  std::vector<LeaseKey> keys;
  absl::Status status;
};
struct ResultJournalled {
  LeaseKey key;
  absl::Status status;
};

struct Fetched {
  LeaseKey key;
  std::vector<std::uint64_t> files = {};  // Those that the job's items share, by DigestPrefix().
};
struct FetchFailed {
  LeaseKey key;
  absl::Status status;
  // An asset of the item; otherwise the job's spec could not be had, or our cache had trouble.
  bool item_fault = true;
  bool no_room = false;  // The trouble is a full disk, or a cache full of what is in use.
};
struct Uploaded {
  LeaseKey key;
  rendernode::ItemResult result;
};
struct UploadFailed {
  LeaseKey key;
  absl::Status status;
};

struct WorkerReady {
  int slot = 0;
  rendernode::Hello hello;
};
struct WorkerProgressed {
  int slot = 0;
  rendernode::Progress progress;
};
struct WorkerDone {
  int slot = 0;
  rendernode::Done done;
};
// The process is gone and reaped, or could not be started.
struct WorkerGone {
  int slot = 0;
  std::string message;
};

// `exit`: the process ends once drained (SIGTERM). A second one interrupts what still runs.
struct DrainRequested {
  bool exit = false;
};
struct UndrainRequested {};
// An operator wants the item gone from this node.
struct CancelRequested {
  std::string item_id;
};

using Event = std::variant<Tick,
                           DiskChecked,
                           StoreChecked,
                           SessionOpened,
                           SessionFailed,
                           SessionClosed,
                           SyncAnswered,
                           SyncFailed,
                           CommitAnswered,
                           CommitFailed,
                           LeasesJournalled,
                           ResultJournalled,
                           Fetched,
                           FetchFailed,
                           Uploaded,
                           UploadFailed,
                           WorkerReady,
                           WorkerProgressed,
                           WorkerDone,
                           WorkerGone,
                           DrainRequested,
                           UndrainRequested,
                           CancelRequested>;

// ---------------------------------------------------------------- commands

// Each of OpenSession, Sync, CloseSession is answered by exactly one event, and the Node has at
// most one of the three outstanding.
struct OpenSession {
  rendernode::OpenSessionRequest request;
};
struct Sync {
  rendernode::SyncRequest request;
};
// Ends the outstanding Sync early: there is news. Answered by that Sync's own event.
struct CutSync {};
struct CloseSession {
  rendernode::CloseSessionRequest request;
};
// One event each.
struct Commit {
  rendernode::CommitItemRequest request;
};

// Answered by one event each, once durable.
struct JournalLeases {
  std::vector<rendernode::Lease> leases;
};
struct JournalResult {
  LeaseKey key;
  rendernode::ItemResult result;
  bool uploaded = false;  // Ready to commit; otherwise its artifacts are local files.
};
// Unanswered: work on the lease begins. A lease that takes the daemon down with it, life after
// life, is known by the count.
struct JournalStart {
  LeaseKey key;
};
// Unanswered: a lease remembered too long is committed again and found a duplicate.
struct JournalForget {
  std::vector<LeaseKey> keys;
};

// Job spec and assets. One event, even when discarded meanwhile.
struct FetchItem {
  rendernode::Lease lease;
};
// Answered by WorkerProgressed…, then WorkerDone or WorkerGone.
struct RenderItem {
  int slot = 0;
  rendernode::Lease lease;
};
// One event, even when discarded meanwhile.
struct UploadItem {
  rendernode::Lease lease;
  rendernode::ItemResult result;
};
// Stops a fetch or upload still running for the lease; its files go, its assets are unpinned.
struct Discard {
  LeaseKey key;
};

// Unanswered: what the attempt put into the object store is nobody's, and goes.
struct RemoveAttempt {
  LeaseKey key;
  std::string prefix;  // Lease.output_prefix
};

// Answered by WorkerReady or WorkerGone.
struct StartWorker {
  int slot = 0;
};
// SIGKILL. Answered by WorkerGone.
struct KillWorker {
  int slot = 0;
};

// The last command: nothing is left to do.
struct Exit {};

using Command = std::variant<OpenSession,
                             Sync,
                             CutSync,
                             CloseSession,
                             Commit,
                             JournalLeases,
                             JournalStart,
                             JournalResult,
                             JournalForget,
                             FetchItem,
                             RenderItem,
                             UploadItem,
                             Discard,
                             RemoveAttempt,
                             StartWorker,
                             KillWorker,
                             Exit>;

}  // namespace rn
