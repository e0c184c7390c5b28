// The node against a small model of the coordinator and a hostile world, in simulated time: lost
// requests and replies, partitions beyond the TTL, crashing and stalling workers, a store that is
// away, full or refuses, full disks, a failing journal, a wall clock that jumps, a box that falls
// asleep, kill -9 of the daemon. Each seed is one history; every one must end with each item done
// once and an empty journal, no step may ever be seen before it was durable, and no worker may be
// blamed for what its box did.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/disk_full.h"
#include "daemon/node.h"
#include "proto/item_error.h"
#include "tests/fakes/fake_clock.h"

namespace rn {
namespace {

using rendernode::CommitItemResponse;

constexpr absl::Duration kTtl = absl::Seconds(30);
constexpr absl::Duration kHold = absl::Seconds(5);
const absl::Duration kReassign = kTtl + absl::Seconds(10);

// What lease-protocol.md promises of a coordinator, and no more.
class ModelCoordinator {
 public:
  struct Item {
    bool leased = false;
    bool done = false;
    std::uint64_t fence = 0;
    std::uint64_t done_fence = 0;
    absl::Duration renewed_at;
  };

  explicit ModelCoordinator(int items) {
    for (int i = 0; i < items; ++i) {
      items_[absl::StrCat("item-", i)];
    }
  }

  rendernode::OpenSessionResponse Open(const rendernode::OpenSessionRequest& request,
                                       absl::Duration now) {
    Expire(now);
    session_ = absl::StrCat("s", ++sessions_);
    rendernode::OpenSessionResponse response;
    response.set_session(session_);
    SetTiming(*response.mutable_timing());
    for (const auto& held : request.held()) {
      *(Renew(held.ref(), now) ? response.add_adopt() : response.add_drop()) = held.ref();
    }
    return response;
  }

  absl::StatusOr<rendernode::SyncResponse> Sync(const rendernode::SyncRequest& request,
                                                absl::Duration now) {
    Expire(now);
    if (request.session() != session_) {
      return absl::FailedPreconditionError("not the newest session");
    }
    rendernode::SyncResponse response;
    SetTiming(*response.mutable_timing());
    std::map<std::string, bool> said;
    for (const auto& held : request.held()) {
      said[held.ref().item_id()] = true;
      *(Renew(held.ref(), now) ? response.add_renewed() : response.add_cancel()) = held.ref();
    }
    for (const auto& ref : request.released()) {
      said[ref.item_id()] = true;
      Item& item = items_.at(ref.item_id());
      item.leased = item.leased && item.fence != ref.fence();
    }
    std::uint32_t want = request.want();
    for (auto& [id, item] : items_) {
      const bool reply_lost = item.leased && !said[id];
      if (item.done || (item.leased && !reply_lost) || want == 0) {
        continue;
      }
      --want;
      item.fence += reply_lost ? 0 : 1;
      item.leased = true;
      item.renewed_at = now;
      rendernode::Lease* lease = response.add_grant();
      lease->mutable_ref()->set_item_id(id);
      lease->mutable_ref()->set_fence(item.fence);
      lease->set_output_prefix(absl::StrCat("job/", id, "/", item.fence, "/"));
    }
    return response;
  }

  absl::StatusOr<CommitItemResponse::Verdict> Commit(const rendernode::CommitItemRequest& request,
                                                     absl::Duration now) {
    Expire(now);
    if (request.session() != session_) {
      return absl::FailedPreconditionError("not the newest session");
    }
    Item& item = items_.at(request.ref().item_id());
    if (item.done && item.done_fence == request.ref().fence()) {
      return CommitItemResponse::DUPLICATE;
    }
    if (item.done || !item.leased || item.fence != request.ref().fence()) {
      return CommitItemResponse::SUPERSEDED;
    }
    item.leased = false;
    if (request.result().outcome() == rendernode::SUCCEEDED) {
      item.done = true;
      item.done_fence = item.fence;
      ++done_;
    } else {
      EXPECT_TRUE(request.result().retryable()) << request.result().ShortDebugString();
    }
    return CommitItemResponse::COMMITTED;
  }

  bool IsOurs(const LeaseKey& key, absl::Duration now) {
    Expire(now);
    return items_.at(key.item_id).fence == key.fence;
  }
  // The attempt whose files clients are shown.
  bool IsCommitted(const LeaseKey& key) const {
    const Item& item = items_.at(key.item_id);
    return item.done && item.done_fence == key.fence;
  }
  int done() const { return done_; }
  bool all_done() const { return done_ == static_cast<int>(items_.size()); }

 private:
  static void SetTiming(rendernode::Timing& timing) {
    timing.set_sync_ms(static_cast<std::uint32_t>(absl::ToInt64Milliseconds(kHold)));
    timing.set_lease_ttl_ms(static_cast<std::uint32_t>(absl::ToInt64Milliseconds(kTtl)));
  }

  bool Renew(const rendernode::LeaseRef& ref, absl::Duration now) {
    Item& item = items_.at(ref.item_id());
    if (!item.leased || item.fence != ref.fence()) {
      return false;
    }
    item.renewed_at = now;
    return true;
  }

  void Expire(absl::Duration now) {
    for (auto& [id, item] : items_) {
      if (item.leased && now > item.renewed_at + kReassign) {
        item.leased = false;
        ++item.fence;  // As if another node had it for a moment.
      }
    }
  }

  std::map<std::string, Item> items_;
  std::string session_;
  int sessions_ = 0;
  int done_ = 0;
};

class Simulation {
 public:
  explicit Simulation(unsigned seed) : random_(seed) {
    limits_.workers.slots = 2;
    limits_.workers.items_per_worker = 4;
    limits_.held_max = 12;
    Restart();
  }

  // True once everything is done and forgotten.
  bool Run() {
    for (int step = 0; step < 100000 && !::testing::Test::HasFailure(); ++step) {
      if (coordinator_.all_done() && JournalIsEmpty()) {
        return true;
      }
      hostile_ = clock_.SinceBoot() < absl::Hours(1) + absl::Minutes(30);
      if (hostile_ && Chance(0.004)) {
        Restart();
      }
      if (hostile_ && Chance(0.004)) {
        partitioned_until_ = clock_.SinceBoot() + absl::Seconds(Uniform(1, 120));
      }
      if (hostile_ && Chance(0.003)) {
        FillDisks(absl::Seconds(Uniform(1, 120)), /*seen=*/Chance(0.5));
      }
      if (hostile_ && Chance(0.003)) {
        store_away_until_ = clock_.SinceBoot() + absl::Seconds(Uniform(1, 120));
      }
      if (hostile_ && Chance(0.003)) {
        FallAsleep(absl::Seconds(Uniform(1, 120)));
      }
      if (hostile_ && Chance(0.01)) {
        clock_.JumpWallClock(absl::Hours(Uniform(-10000, 10000)));
      }
      DeliverNext();
    }
    return false;
  }

  const ModelCoordinator& coordinator() const { return coordinator_; }

 private:
  struct Worker {
    bool running = false;
    bool ready = false;
    std::optional<LeaseKey> renders;
  };
  enum class Source { kTick, kSession, kSync, kCommit, kTransfer, kWorker };
  struct Pending {
    Event event;
    Source source;
    int slot = -1;
  };

  bool JournalIsEmpty() const {
    return std::all_of(journal_.begin(), journal_.end(), [this](const auto& entry) {
      return owed_.count(entry.first) > 0;
    });
  }

  double Uniform(double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random_);
  }
  bool Chance(double probability) { return Uniform(0, 1) < probability; }
  bool Mishap(double probability) { return hostile_ && Chance(probability); }
  bool Partitioned() const { return clock_.SinceBoot() < partitioned_until_; }
  bool DisksFull() const { return clock_.SinceBoot() < disks_full_until_; }
  bool StoreAway() const { return clock_.SinceBoot() < store_away_until_; }

  // Not `seen`: a quota, of which only who writes learns.
  void FillDisks(absl::Duration length, bool seen) {
    disks_full_until_ = clock_.SinceBoot() + length;
    if (seen) {
      Post(absl::ZeroDuration(),
           DiskChecked{absl::ResourceExhaustedError("12 MiB left")},
           Source::kTick);
    }
    Post(length, DiskChecked{absl::OkStatus()}, Source::kTick);
  }

  // Everything on this box stands still, the coordinator goes on; what it answered meanwhile is
  // there at the awakening.
  void FallAsleep(absl::Duration length) {
    std::multimap<absl::Duration, Pending> later;
    for (auto& [at, pending] : pending_) {
      later.emplace(at + length, std::move(pending));
    }
    pending_ = std::move(later);
    clock_.Suspend(length);
  }

  // kill -9: what was under way is gone, what was journalled is not.
  void Restart() {
    pending_.clear();
    workers_.assign(static_cast<std::size_t>(limits_.workers.slots), Worker{});
    session_calls_ = 0;
    started_.clear();
    owed_.clear();
    std::vector<JournalledLease> journalled;
    for (const auto& [key, lease] : journal_) {
      journalled.push_back(lease);
    }
    node_ = std::make_unique<Node>(
        limits_, NodeIdentity{"node", "boot", 1, "test"}, journalled, clock_, [this] {
          return Uniform(0, 1);
        });
    Post(absl::ZeroDuration(), Tick{}, Source::kTick);
  }

  void Post(absl::Duration in, Event event, Source source, int slot = -1) {
    pending_.emplace(clock_.SinceBoot() + in, Pending{std::move(event), source, slot});
  }

  void Withdraw(Source source, int slot = -1) {
    std::erase_if(pending_, [&](const auto& entry) {
      return entry.second.source == source && entry.second.slot == slot;
    });
  }

  void DeliverNext() {
    const absl::Duration now = clock_.SinceBoot();
    const absl::Duration wake = node_->WakeAt();
    if (pending_.empty() || wake < pending_.begin()->first) {
      ASSERT_LT(wake, absl::InfiniteDuration()) << "nothing will ever happen again";
      idle_ticks_ = wake <= now ? idle_ticks_ + 1 : 0;
      ASSERT_LT(idle_ticks_, 100) << "the node wakes without end";
      clock_.Advance(std::max(absl::ZeroDuration(), wake - now));
      return Deliver(Tick{}, Source::kTick);
    }
    idle_ticks_ = 0;
    auto next = pending_.extract(pending_.begin());
    clock_.Advance(std::max(absl::ZeroDuration(), next.key() - now));
    Deliver(next.mapped().event, next.mapped().source);
  }

  void Deliver(const Event& event, Source source) {
    session_calls_ -= source == Source::kSession || source == Source::kSync ? 1 : 0;
    if (const auto* ready = std::get_if<WorkerReady>(&event)) {
      workers_[static_cast<std::size_t>(ready->slot)].ready = true;
    }
    if (const auto* done = std::get_if<WorkerDone>(&event)) {
      workers_[static_cast<std::size_t>(done->slot)].renders.reset();
    }
    if (const auto* gone = std::get_if<WorkerGone>(&event)) {
      workers_[static_cast<std::size_t>(gone->slot)] = Worker{};
    }
    for (const Command& command : node_->Handle(event)) {
      std::visit([this](const auto& what) { Do(what); }, command);
    }
  }

  // A request reaches the coordinator, its reply may not come back.
  template <typename Reply, typename Failed>
  void Call(Reply reply, Failed failed, Source source) {
    if (Partitioned() || Mishap(0.05)) {
      return Post(absl::Seconds(Uniform(0.01, 10)), failed(absl::UnavailableError("lost")), source);
    }
    Event answer = reply();
    if (Mishap(0.05)) {
      return Post(
          absl::Seconds(Uniform(0.01, 10)), failed(absl::UnavailableError("reply lost")), source);
    }
    Post(absl::Milliseconds(Uniform(1, 50)), std::move(answer), source);
  }

  void CountSessionCall() {
    ++session_calls_;
    ASSERT_EQ(session_calls_, 1) << "two session calls at once";
  }

  void Do(const OpenSession& open) {
    CountSessionCall();
    const absl::Duration now = clock_.SinceBoot();
    Call(
        [&]() -> Event {
          return SessionOpened{coordinator_.Open(open.request, now), now};
        },
        [](absl::Status status) { return SessionFailed{std::move(status)}; },
        Source::kSession);
  }
  void Do(const Sync& sync) {
    CountSessionCall();
    const absl::Duration now = clock_.SinceBoot();
    Call(
        [&]() -> Event {
          const auto response = coordinator_.Sync(sync.request, now);
          if (!response.ok()) return SyncFailed{response.status()};
          return SyncAnswered{*response, now};
        },
        [](absl::Status status) { return SyncFailed{std::move(status)}; },
        Source::kSync);
    HoldOpen(sync);
  }
  // Nothing to say: the reply comes when the hold ends.
  void HoldOpen(const Sync& sync) {
    for (auto it = pending_.begin(); it != pending_.end(); ++it) {
      const auto* answered = std::get_if<SyncAnswered>(&it->second.event);
      if (answered != nullptr && sync.request.wait() && answered->response.grant().empty() &&
          answered->response.cancel().empty()) {
        auto held = pending_.extract(it);
        held.key() = clock_.SinceBoot() + kHold;
        pending_.insert(std::move(held));
        return;
      }
    }
  }
  void Do(const CutSync&) {
    Withdraw(Source::kSync);
    Post(absl::Milliseconds(1), SyncFailed{absl::CancelledError("cut")}, Source::kSync);
  }
  void Do(const CloseSession&) { FAIL() << "nobody asked for a drain"; }
  void Do(const Commit& commit) {
    const LeaseKey key = LeaseKey::Of(commit.request.ref());
    ASSERT_TRUE(journal_.count(key) > 0 && journal_[key].result.has_value() &&
                journal_[key].uploaded)
        << "told before it was durable";
    Call(
        [&]() -> Event {
          const auto verdict = coordinator_.Commit(commit.request, clock_.SinceBoot());
          if (!verdict.ok()) return CommitFailed{key, verdict.status()};
          EXPECT_FALSE(coordinator_.IsCommitted(key) && removed_.count(key) > 0)
              << "committed what was removed";
          return CommitAnswered{key, *verdict};
        },
        [&](absl::Status status) {
          return CommitFailed{key, std::move(status)};
        },
        Source::kCommit);
  }

  void Do(const JournalLeases& command) {
    LeasesJournalled answer;
    answer.status = WriteToJournal();
    for (const auto& lease : command.leases) {
      const LeaseKey key = LeaseKey::Of(lease.ref());
      answer.keys.push_back(key);
      if (answer.status.ok()) {
        owed_.erase(key);
        journal_[key] = JournalledLease{.lease = lease};
      }
    }
    Post(absl::ZeroDuration(), std::move(answer), Source::kTick);
  }
  void Do(const JournalStart& command) {
    if (const auto found = journal_.find(command.key);
        found != journal_.end() && started_.insert(command.key).second) {
      ++found->second.starts;
    }
  }
  void Do(const JournalResult& command) {
    ResultJournalled answer{command.key, WriteToJournal()};
    if (command.result.error_message().find("no progress") != std::string::npos) {
      ASSERT_EQ(hanging_.count(command.key), 1u) << "blamed for what its box did";
    }
    if (answer.status.ok()) {
      ASSERT_EQ(journal_.count(command.key), 1u) << "a result of a lease that was never durable";
      journal_[command.key].result = command.result;
      journal_[command.key].uploaded = command.uploaded;
    }
    Post(absl::ZeroDuration(), std::move(answer), Source::kTick);
  }
  void Do(const JournalForget& command) {
    owed_.insert(command.keys.begin(), command.keys.end());
    (void)WriteToJournal();
  }
  // What could not be forgotten goes with the next write that succeeds.
  absl::Status WriteToJournal() {
    if (DisksFull() || Mishap(0.02)) {
      return absl::ResourceExhaustedError("disk");
    }
    for (const LeaseKey& key : std::exchange(owed_, {})) {
      journal_.erase(key);
    }
    return absl::OkStatus();
  }

  void ExpectMayWorkOn(const LeaseKey& key) {
    ASSERT_EQ(journal_.count(key), 1u) << "touched before it was durable";
    ASSERT_TRUE(coordinator_.IsOurs(key, clock_.SinceBoot()))
        << "a stage started on somebody else's lease";
  }
  void Do(const FetchItem& command) {
    const LeaseKey key = LeaseKey::Of(command.lease.ref());
    ExpectMayWorkOn(key);
    Event event = Fetched{key};
    if (Mishap(0.03)) event = FetchFailed{key, absl::UnavailableError("503")};
    if (DisksFull())
      event = FetchFailed{
          key, WriteErrnoStatus(ENOSPC, "cache"), /*item_fault=*/false, /*no_room=*/true};
    Post(absl::Milliseconds(Uniform(10, 500)), std::move(event), Source::kTransfer);
  }
  void Do(const UploadItem& command) {
    const LeaseKey key = LeaseKey::Of(command.lease.ref());
    ExpectMayWorkOn(key);
    ASSERT_TRUE(journal_[key].result.has_value()) << "visible before it was durable";
    Event event = Uploaded{key, command.result};
    if (Mishap(0.1)) event = UploadFailed{key, absl::UnavailableError("store")};
    if (StoreAway()) event = UploadFailed{key, StoreTrouble()};
    Post(absl::Milliseconds(Uniform(10, 500)), std::move(event), Source::kTransfer);
  }
  absl::Status StoreTrouble() {
    if (Chance(0.1)) return absl::PermissionDeniedError("403");
    return Chance(0.5) ? absl::UnavailableError("connection refused")
                       : WithItemError(absl::ResourceExhaustedError("507"),
                                       rendernode::ITEM_ERROR_QUOTA_EXCEEDED);
  }
  void Do(const Discard&) {}
  void Do(const RemoveAttempt& command) {
    ASSERT_FALSE(coordinator_.IsCommitted(command.key)) << "removed what was committed";
    removed_.insert(command.key);
  }

  void Do(const StartWorker& command) {
    Worker& worker = workers_[static_cast<std::size_t>(command.slot)];
    ASSERT_FALSE(worker.running) << "two workers in one slot";
    worker = Worker{.running = true};
    Event event = WorkerReady{command.slot, {}};
    if (Mishap(0.05)) event = WorkerGone{command.slot, "exit code 1"};
    Post(absl::Milliseconds(50), std::move(event), Source::kWorker, command.slot);
  }
  void Do(const KillWorker& command) {
    ASSERT_TRUE(workers_[static_cast<std::size_t>(command.slot)].running);
    Withdraw(Source::kWorker, command.slot);
    Post(
        absl::Milliseconds(5), WorkerGone{command.slot, "signal 9"}, Source::kWorker, command.slot);
  }
  void Do(const RenderItem& command) {
    const LeaseKey key = LeaseKey::Of(command.lease.ref());
    ExpectMayWorkOn(key);
    for (const Worker& worker : workers_) {
      ASSERT_NE(worker.renders, std::optional(key)) << "rendered twice at once";
    }
    Worker& worker = workers_[static_cast<std::size_t>(command.slot)];
    ASSERT_TRUE(worker.ready && !worker.renders.has_value());
    worker.renders = key;
    if (Mishap(0.02)) {
      hanging_.insert(key);
      return;
    }
    // Some outlast a lease that nobody renews.
    const absl::Duration length = absl::Seconds(Chance(0.1) ? Uniform(20, 90) : Uniform(0.2, 8));
    WorkerProgressed progress{.slot = command.slot};
    progress.progress.set_item_id(key.item_id);
    progress.progress.set_fence(key.fence);
    for (absl::Duration at = absl::Milliseconds(900); at < length; at += absl::Milliseconds(900)) {
      progress.progress.set_frames_done(progress.progress.frames_done() + 1);
      Post(at, progress, Source::kWorker, command.slot);
    }
    if (Mishap(0.05)) {
      return Post(length, WorkerGone{command.slot, "signal 11"}, Source::kWorker, command.slot);
    }
    WorkerDone done{.slot = command.slot};
    done.done.set_item_id(key.item_id);
    done.done.set_fence(key.fence);
    if (DisksFull()) {
      *done.done.mutable_result() = FailedResult(WriteErrnoStatus(ENOSPC, "video.mp4"));
    } else {
      done.done.mutable_result()->set_outcome(rendernode::SUCCEEDED);
      done.done.mutable_result()->add_artifacts()->set_path("/video.mp4");
    }
    Post(length, std::move(done), Source::kWorker, command.slot);
  }
  void Do(const Exit&) { FAIL() << "nobody asked for a drain"; }

  std::mt19937 random_;
  NodeLimits limits_;
  FakeClock clock_;
  ModelCoordinator coordinator_{150};
  std::map<LeaseKey, JournalledLease> journal_;
  std::set<LeaseKey> started_;  // In this life of the daemon.
  std::unique_ptr<Node> node_;
  std::multimap<absl::Duration, Pending> pending_;
  std::vector<Worker> workers_;
  std::set<LeaseKey> removed_;  // From the store.
  std::set<LeaseKey> owed_;     // Forgotten, and the journal does not know it yet.
  std::set<LeaseKey> hanging_;  // Whose worker really hung.
  absl::Duration partitioned_until_, disks_full_until_, store_away_until_;
  int session_calls_ = 0;
  int idle_ticks_ = 0;
  bool hostile_ = true;
};

class NodeSimulation : public ::testing::TestWithParam<unsigned> {};

TEST_P(NodeSimulation, EveryItemIsDoneOnceAndTheJournalEndsEmpty) {
  Simulation simulation(GetParam());
  EXPECT_TRUE(simulation.Run()) << simulation.coordinator().done() << " items done";
}

INSTANTIATE_TEST_SUITE_P(Seeds, NodeSimulation, ::testing::Range(1u, 101u));

}  // namespace
}  // namespace rn
