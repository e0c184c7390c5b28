#include "coordinator/lease_desk.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/ulid.h"
#include "coordinator/trace.h"

namespace rn {
namespace {

using rendernode::CommitItemRequest;
using rendernode::CommitItemResponse;
using rendernode::HeldLease;
using rendernode::Lease;
using rendernode::LeaseRef;
using rendernode::OpenSessionRequest;
using rendernode::OpenSessionResponse;
using rendernode::SyncRequest;
using rendernode::SyncResponse;

constexpr std::uint32_t kProtocolMin = 1;
constexpr std::uint32_t kProtocolMax = 1;
constexpr std::size_t kNodeIdMax = 128;

// Who has not said a word for so long has no lease any more, and is forgotten here; the store
// still knows its session.
constexpr absl::Duration kNodeKept = absl::Hours(1);

std::pair<std::string, std::uint64_t> IdOf(const LeaseRef& ref) {
  return {ref.item_id(), ref.fence()};
}

std::uint32_t Milliseconds(absl::Duration duration) {
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(absl::ToInt64Milliseconds(duration), 0, UINT32_MAX));
}

absl::Status SessionEnded(const std::string& node_id) {
  return absl::FailedPreconditionError(
      absl::StrCat("node ", node_id, " has a newer session; this one has ended"));
}

absl::Status Overtaken() {
  return absl::AbortedError("a later Sync of this session overtook it");
}

bool IsNodeName(const std::string& name) {
  return !name.empty() && name.size() <= kNodeIdMax &&
         std::all_of(
             name.begin(), name.end(), [](unsigned char c) { return absl::ascii_isgraph(c); });
}

// The highest version that both sides speak.
absl::StatusOr<std::uint32_t> AgreeOnProtocol(const OpenSessionRequest& request) {
  const std::uint32_t highest = std::min(request.protocol_max(), kProtocolMax);
  if (highest >= std::max(request.protocol_min(), kProtocolMin)) {
    return highest;
  }
  return absl::FailedPreconditionError(
      absl::StrCat("coordinator speaks protocol ",
                   kProtocolMin,
                   "-",
                   kProtocolMax,
                   ", this node ",
                   request.protocol_min(),
                   "-",
                   request.protocol_max(),
                   ": update the ",
                   request.protocol_max() < kProtocolMin ? "node" : "coordinator"));
}

// Items are named "<job>-<row>".
std::string JobOfItem(const std::string& item_id) {
  return item_id.substr(0, item_id.rfind('-'));
}

bool IsOfJob(absl::string_view item_id, absl::string_view job_id) {
  return absl::StartsWith(item_id, job_id) && item_id.size() > job_id.size() &&
         item_id[job_id.size()] == '-';
}

bool HoldsOfJob(const SyncRequest& request, absl::string_view job_id) {
  return std::any_of(request.held().begin(), request.held().end(), [&](const HeldLease& held) {
    return IsOfJob(held.ref().item_id(), job_id);
  });
}

}  // namespace

LeaseDesk::LeaseDesk(Store& store, Clock& clock, const LeaseDeskOptions& options)
    : options_(options),
      store_(store),
      clock_(clock),
      backlog_(store, clock, options.backlog),
      reassign_not_before_(clock.Now() + options.lease.ttl + options.lease.reassign_grace),
      expire_at_(clock.SinceBoot()),
      worker_([this] { Work(); }),
      timer_([this] { Tick(); }) {}

LeaseDesk::~LeaseDesk() {
  Stop();
  worker_.join();
  timer_.join();
}

void LeaseDesk::Stop() {
  Answers answers;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    work_changed_.NotifyAll();
    due_changed_.NotifyAll();
    for (auto& [node_id, node] : nodes_) {
      AnswerNow(node_id, answers);
    }
  }
  Send(std::move(answers));
}

// ---------------------------------------------------------------- sessions

// A node's sessions are opened one after the other, so that the store and we agree which is the
// newest.
class LeaseDesk::Opening {
 public:
  Opening(LeaseDesk& desk, const std::string& node_id) : desk_(desk), node_id_(node_id) {
    MutexLock lock(desk_.mutex_);
    while (desk_.opening_.count(node_id_) > 0) {
      desk_.opened_.Wait(desk_.mutex_);
    }
    desk_.opening_.insert(node_id_);
  }
  ~Opening() {
    MutexLock lock(desk_.mutex_);
    desk_.opening_.erase(node_id_);
    desk_.opened_.NotifyAll();
  }
  Opening(const Opening&) = delete;

 private:
  LeaseDesk& desk_;
  const std::string node_id_;
};

absl::StatusOr<OpenSessionResponse> LeaseDesk::OpenSession(const OpenSessionRequest& request) {
  const std::string& node_id = request.node_id();
  if (!IsNodeName(node_id)) {
    return absl::InvalidArgumentError(
        "node_id must be 1 to 128 printable ASCII characters without spaces");
  }
  ASSIGN_OR_RETURN(const std::uint32_t protocol, AgreeOnProtocol(request));
  const Opening opening(*this, node_id);
  {
    MutexLock lock(mutex_);
    std::size_t others = nodes_.size() - nodes_.count(node_id);
    for (const std::string& other : opening_) {
      others += other != node_id && nodes_.count(other) == 0 ? 1 : 0;
    }
    if (static_cast<std::int64_t>(others) >= options_.nodes_max) {
      return absl::FailedPreconditionError(
          absl::StrCat("there are ", others, " nodes already, which is the most allowed"));
    }
  }
  const absl::Time now = clock_.Now();
  ASSIGN_OR_RETURN(const SessionInfo info, store_.OpenSession(request, NewUlid(now), now));
  Answers answers;
  FarmNode view;
  {
    MutexLock lock(mutex_);
    Refuse(node_id, SessionEnded(node_id), answers);
    Node& node = nodes_[node_id];
    node_of_session_.erase(node.session);
    node_of_session_[info.session] = node_id;
    node.session = info.session;
    node.heard_at = clock_.SinceBoot();
    node.seq = 0;
    node.unconfirmed.clear();  // The store took back what the node does not hold.
    node.view.node_id = node_id;
    node.slots = request.capabilities().slots();
    node.view.slots = node.slots;
    node.profiled = false;
    view = node.view;
    BacklogChanged();
  }
  backlog_.SetNode(view);
  Send(std::move(answers));
  if (info.new_journal) {
    SPDLOG_WARN(
        "node has another journal than before: was it installed anew, or do two share its name? "
        "node={} journal={}",
        node_id,
        request.journal_id());
  }
  SPDLOG_INFO("session opened node={} version={} incarnation={} session={} adopted={} dropped={}",
              node_id,
              request.version(),
              request.incarnation(),
              info.session,
              info.adopt.size(),
              info.drop.size());
  OpenSessionResponse response;
  response.set_session(info.session);
  *response.mutable_adopt() = {info.adopt.begin(), info.adopt.end()};
  *response.mutable_drop() = {info.drop.begin(), info.drop.end()};
  *response.mutable_timing() = Timing();
  response.set_protocol(protocol);
  return response;
}

absl::Status LeaseDesk::CloseSession(const std::string& session) {
  RETURN_IF_ERROR(store_.CloseSession(session, clock_.Now()));
  Answers answers;
  std::string node_id;
  {
    MutexLock lock(mutex_);
    if (const auto found = node_of_session_.find(session); found != node_of_session_.end()) {
      node_id = found->second;
      SPDLOG_INFO("session closed node={} session={}", node_id, session);
      Refuse(node_id, absl::FailedPreconditionError("the session was closed"), answers);
      roster_.Closed(node_id);
      node_of_session_.erase(found);
      nodes_.erase(node_id);
    }
    BacklogChanged();
  }
  backlog_.ForgetNode(node_id);
  Send(std::move(answers));
  return absl::OkStatus();
}

// The node of a session that the store knows; we may not, if it is older than our own start.
absl::StatusOr<std::string> LeaseDesk::AdoptSession(const std::string& session) {
  {
    MutexLock lock(mutex_);
    if (const auto known = node_of_session_.find(session); known != node_of_session_.end()) {
      return known->second;
    }
  }
  ASSIGN_OR_RETURN(const std::string node_id, store_.SessionNode(session));
  std::string ended;  // A session of the node that we know, but the store does not any more.
  while (true) {
    std::string known;
    Answers answers;
    {
      MutexLock lock(mutex_);
      Node& node = nodes_[node_id];
      if (node.session == session) {
        return node_id;
      }
      known = node.session;
      if (known == ended) {
        Refuse(node_id, SessionEnded(node_id), answers);
        node_of_session_.erase(known);
        node_of_session_[session] = node_id;
        node.session = session;
        node.seq = 0;
        node.unconfirmed.clear();
      }
    }
    Send(std::move(answers));
    if (known == ended) {
      return node_id;
    }
    // Either was opened later: ours, after we asked, or the other one, at another coordinator.
    const absl::Status later = store_.SessionNode(known).status();
    if (!absl::IsFailedPrecondition(later)) {
      return later.ok() ? SessionEnded(node_id) : later;
    }
    ended = known;
  }
}

absl::StatusOr<std::string> LeaseDesk::NodeOf(const std::string& session) {
  {
    MutexLock lock(mutex_);
    if (const auto known = node_of_session_.find(session); known != node_of_session_.end()) {
      return known->second;
    }
  }
  return store_.SessionNode(session);
}

LeaseDesk::Node* LeaseDesk::FindNode(const std::string& session) {
  const auto found = node_of_session_.find(session);
  return found == node_of_session_.end() ? nullptr : &nodes_.at(found->second);
}

// Who is silent for a TTL is not counted on; who is for long, is forgotten.
void LeaseDesk::ForgetSilentNodes() {
  const absl::Duration now = clock_.SinceBoot();
  std::vector<std::string> forgotten;
  std::vector<FarmNode> silent;
  {
    MutexLock lock(mutex_);
    for (auto it = nodes_.begin(); it != nodes_.end();) {
      Node& node = it->second;
      if (node.waiting.has_value() || node.heard_at > now - kNodeKept) {
        if (node.view.slots > 0 && node.heard_at < now - options_.lease.ttl) {
          node.view.slots = 0;
          silent.push_back(node.view);
        }
        ++it;
        continue;
      }
      forgotten.push_back(it->first);
      node_of_session_.erase(node.session);
      it = nodes_.erase(it);
    }
  }
  for (const FarmNode& view : silent) {
    backlog_.SetNode(view);
  }
  for (const std::string& node_id : forgotten) {
    backlog_.ForgetNode(node_id);
  }
  roster_.ForgetSilentSince(now - kNodeKept);
}

// ---------------------------------------------------------------- Sync

void LeaseDesk::Sync(SyncRequest request, SyncCaller& caller) {
  std::uint64_t cancels = 0;
  bool overtaken = false;
  {
    MutexLock lock(mutex_);
    cancels = cancels_;
    if (Node* node = FindNode(request.session())) {
      overtaken = request.seq() < node->seq;
      node->seq = std::max(node->seq, request.seq());
    }
  }
  if (overtaken) {  // What it says is no longer so.
    return caller.Reply(Overtaken());
  }
  const std::set<LeaseId> listed = ListUnconfirmed(request);
  absl::StatusOr<SyncOutcome> outcome = store_.Sync(request, clock_.Now());
  if (!outcome.ok()) {
    if (!absl::IsFailedPrecondition(outcome.status())) {
      SuppressExpiry(outcome.status().message());
    }
    return caller.Reply(outcome.status());
  }
  TellProgress(request);
  const absl::StatusOr<std::string> node_id = AdoptSession(request.session());
  if (!node_id.ok()) {
    return caller.Reply(node_id.status());
  }
  if (!roster_.Drains(*node_id).has_value()) {
    LearnDrains();
  }
  if (outcome->freed) {
    for (const LeaseRef& ref : request.released()) {
      SPDLOG_INFO("lease released {} node={}", JobFields(ref), *node_id);
    }
  }
  Answers answers;
  std::optional<FarmNode> view;
  {
    MutexLock lock(mutex_);
    if (outcome->freed) {
      BacklogChanged();
    }
    Node* node = FindNode(request.session());
    if (node == nullptr) {
      answers.push_back({&caller, SessionEnded(*node_id)});
    } else {
      SettleUnconfirmed(listed, *node, *outcome);
      view = NoteProfile(*node_id, request);
      const bool haste = !request.wait() || !outcome->cancel.empty() || !node->unconfirmed.empty();
      roster_.Heard(*node_id, request, clock_.SinceBoot());
      const bool asks = request.state() == rendernode::READY && request.want() > 0 &&
                        !roster_.Drains(*node_id).value_or(false);
      const std::int64_t want = asks ? std::min<std::int64_t>(request.want(), options_.want_max) -
                                           static_cast<std::int64_t>(node->unconfirmed.size())
                                     : 0;
      Park(*node_id,
           {.caller = &caller,
            .request = std::move(request),
            .outcome = *std::move(outcome),
            .want = want,
            .answer_by = clock_.SinceBoot() + options_.sync_interval,
            .answer_soon = haste},
           answers);
      if (cancels != cancels_) {  // While we asked the store: it may or may not have known.
        rechecks_.insert(*node_id);
        WakeWorker();
      }
    }
  }
  if (view.has_value()) {
    backlog_.SetNode(*view);
  }
  Send(std::move(answers));
}

// Of the items that the node holds; each of their jobs once.
void LeaseDesk::TellProgress(const SyncRequest& request) {
  std::set<std::string> jobs;
  for (const HeldLease& held : request.held()) {
    jobs.insert(JobOfItem(held.ref().item_id()));
  }
  for (const std::string& job_id : jobs) {
    options_.on_job_changed(job_id);
  }
}

// What the scheduler is to know of the node, if that is news. Slots that no Sync says are known
// from the session's opening; who asks has one at least.
std::optional<FarmNode> LeaseDesk::NoteProfile(const std::string& node_id,
                                               const SyncRequest& request) {
  Node& node = nodes_.at(node_id);
  if (request.slots() > 0) {
    node.slots = request.slots();
  } else if (request.want() > 0) {
    node.slots = std::max<std::int64_t>(node.slots, 1);
  }
  const std::int64_t slots = request.state() == rendernode::READY ? node.slots : 0;
  if (slots == node.view.slots && !request.has_profile()) {
    return std::nullopt;
  }
  node.view.node_id = node_id;
  node.view.slots = slots;
  FarmNode news = node.view;
  if (request.has_profile()) {
    const rendernode::NodeProfile& profile = request.profile();
    node.profiled = true;
    news.frames_per_second = profile.frames_per_second();
    news.specs = {profile.job_specs().begin(), profile.job_specs().end()};
    news.files = {profile.files().begin(), profile.files().end()};
    node.view = news;
    node.view.specs.clear();  // Said once; the scheduler remembers them.
  }
  return news;
}

// What was granted and this Sync does not list: the reply was lost, or crossed with this Sync. To
// the store it is held, or it would expire; returns what was added for that.
std::set<LeaseDesk::LeaseId> LeaseDesk::ListUnconfirmed(SyncRequest& request) {
  MutexLock lock(mutex_);
  std::set<LeaseId> added;
  Node* node = FindNode(request.session());
  if (node == nullptr) {
    return added;
  }
  for (const HeldLease& held : request.held()) {
    node->unconfirmed.erase(IdOf(held.ref()));
  }
  for (const LeaseRef& ref : request.released()) {
    node->unconfirmed.erase(IdOf(ref));
  }
  for (const auto& [id, granted] : node->unconfirmed) {
    HeldLease* held = request.add_held();
    *held->mutable_ref() = granted.lease.ref();
    held->set_phase(rendernode::QUEUED);
    added.insert(id);
  }
  return added;
}

// The node has not heard of these leases: no need to cancel what is lost of them.
void LeaseDesk::SettleUnconfirmed(const std::set<LeaseId>& listed,
                                  Node& node,
                                  SyncOutcome& outcome) {
  const auto lost =
      std::partition(outcome.cancel.begin(), outcome.cancel.end(), [&](const LeaseRef& ref) {
        return listed.count(IdOf(ref)) == 0;
      });
  for (auto ref = lost; ref != outcome.cancel.end(); ++ref) {
    node.unconfirmed.erase(IdOf(*ref));
  }
  outcome.cancel.erase(lost, outcome.cancel.end());
}

void LeaseDesk::Park(const std::string& node_id, Waiting waiting, Answers& answers) {
  Node& node = nodes_.at(node_id);
  node.heard_at = clock_.SinceBoot();
  if (waiting.caller->gone()) {
    answers.push_back({waiting.caller, absl::CancelledError("the caller has gone")});
    return;
  }
  if (node.waiting.has_value() && node.waiting->request.seq() > waiting.request.seq()) {
    answers.push_back({waiting.caller, Overtaken()});
    return;
  }
  Refuse(node_id, Overtaken(), answers);
  const bool asks = waiting.want > 0;
  const bool answer_now = stopping_ || (waiting.answer_soon && !asks);
  due_.insert({waiting.answer_by, node_id});
  if (asks) {
    asking_.insert(node_id);
  }
  node.waiting = std::move(waiting);
  if (answer_now) {
    return AnswerNow(node_id, answers);
  }
  if (due_.begin()->second == node_id) {
    due_changed_.NotifyAll();
  }
  if (asks) {
    WakeWorker();
  }
}

std::optional<LeaseDesk::Waiting> LeaseDesk::Unpark(const std::string& node_id) {
  const auto found = nodes_.find(node_id);
  if (found == nodes_.end() || !found->second.waiting.has_value()) {
    return std::nullopt;
  }
  due_.erase({found->second.waiting->answer_by, node_id});
  asking_.erase(node_id);
  return std::exchange(found->second.waiting, std::nullopt);
}

void LeaseDesk::AnswerNow(const std::string& node_id, Answers& answers) {
  std::optional<Waiting> waiting = Unpark(node_id);
  if (!waiting.has_value()) {
    return;
  }
  SyncResponse response;
  for (auto& [id, granted] : nodes_.at(node_id).unconfirmed) {
    Lease* lease = response.add_grant();
    *lease = granted.lease;
    if (lease->remaining_deadline_ms() > 0) {
      const std::uint32_t passed = Milliseconds(clock_.SinceBoot() - granted.at);
      // One, as zero would mean that there is no deadline.
      lease->set_remaining_deadline_ms(std::max(lease->remaining_deadline_ms(), passed + 1) -
                                       passed);
    }
  }
  *response.mutable_renewed() = {waiting->outcome.renewed.begin(), waiting->outcome.renewed.end()};
  *response.mutable_cancel() = {waiting->outcome.cancel.begin(), waiting->outcome.cancel.end()};
  *response.mutable_timing() = Timing();
  if (const std::optional<bool> drains = roster_.Drains(node_id)) {
    response.set_desired(*drains ? rendernode::DRAIN : rendernode::RUN);
  }
  response.set_profile_wanted(!nodes_.at(node_id).profiled);
  answers.push_back({waiting->caller, std::move(response)});
}

void LeaseDesk::Refuse(const std::string& node_id, const absl::Status& status, Answers& answers) {
  if (const std::optional<Waiting> waiting = Unpark(node_id)) {
    answers.push_back({waiting->caller, status});
  }
}

void LeaseDesk::Leave(SyncCaller& caller) {
  Answers answers;
  {
    MutexLock lock(mutex_);
    for (const auto& [node_id, node] : nodes_) {
      if (node.waiting.has_value() && node.waiting->caller == &caller) {
        Refuse(node_id, absl::CancelledError("the caller has gone"), answers);
        break;
      }
    }
  }
  Send(std::move(answers));
}

absl::Status LeaseDesk::DrainNode(const std::string& node_id, bool drain, const AuditEntry* audit) {
  MutexLock one_at_a_time(ordering_);
  RETURN_IF_ERROR(store_.SetNodeDrain(node_id, drain, clock_.Now(), audit));
  Answers answers;
  {
    MutexLock lock(mutex_);
    roster_.SetDrain(node_id, drain);
    AnswerNow(node_id, answers);
  }
  Send(std::move(answers));
  return absl::OkStatus();
}

std::int64_t LeaseDesk::waiting_syncs() {
  MutexLock lock(mutex_);
  return static_cast<std::int64_t>(due_.size());
}

DeskCounts LeaseDesk::counts() {
  MutexLock lock(mutex_);
  DeskCounts counts{.nodes = static_cast<std::int64_t>(nodes_.size()),
                    .waiting_syncs = static_cast<std::int64_t>(due_.size()),
                    .expired = expired_};
  for (const auto& [node_id, node] : nodes_) {
    counts.unconfirmed += static_cast<std::int64_t>(node.unconfirmed.size());
  }
  return counts;
}

void LeaseDesk::Send(Answers answers) {
  for (Answer& answer : answers) {
    answer.caller->Reply(std::move(answer.response));
  }
}

// Those who waited long enough.
void LeaseDesk::Tick() {
  while (true) {
    Answers answers;
    {
      MutexLock lock(mutex_);
      if (stopping_) {
        return;
      }
      const absl::Duration now = clock_.SinceBoot();
      while (!due_.empty() && due_.begin()->first <= now) {
        AnswerNow(std::string(due_.begin()->second), answers);
      }
      if (answers.empty()) {
        const absl::Duration idle =
            due_.empty() ? options_.sync_interval : due_.begin()->first - now;
        due_changed_.WaitFor(mutex_, idle);
      }
    }
    Send(std::move(answers));
  }
}

// ---------------------------------------------------------------- results and specs

absl::StatusOr<CommitItemResponse::Verdict> LeaseDesk::Commit(const CommitItemRequest& request) {
  std::string node_id;
  {
    MutexLock lock(mutex_);
    if (const auto known = node_of_session_.find(request.session());
        known != node_of_session_.end()) {
      node_id = known->second;
    }
  }
  ASSIGN_OR_RETURN(const CommitItemResponse::Verdict verdict, backlog_.Commit(request, node_id));
  const rendernode::ItemResult& result = request.result();
  SPDLOG_INFO("item committed {} outcome={} verdict={}",
              JobFields(request.ref()),
              rendernode::Outcome_Name(result.outcome()),
              CommitItemResponse::Verdict_Name(verdict));
  options_.on_job_changed(JobOfItem(request.ref().item_id()));
  if (result.outcome() == rendernode::FAILED && verdict == CommitItemResponse::COMMITTED) {
    SPDLOG_WARN("attempt {} {} code={} retryable={} error=\"{}\"",
                result.infrastructure() ? "lost" : "failed",
                JobFields(request.ref()),
                rendernode::ItemErrorCode_Name(result.error_code()),
                result.retryable(),
                absl::CEscape(result.error_message()));
  }
  const bool has_work = backlog_.HasWork();
  MutexLock lock(mutex_);
  if (Node* node = FindNode(request.session())) {
    node->unconfirmed.erase(IdOf(request.ref()));
  }
  if (result.outcome() != rendernode::SUCCEEDED) {
    BacklogChanged();  // It may wait again already.
  } else if (has_work && !asking_.empty()) {
    WakeWorker();  // Its tenant may have been at its limit.
  }
  return verdict;
}

absl::StatusOr<std::string> LeaseDesk::GetJobSpec(const std::string& session,
                                                  const std::string& digest) {
  RETURN_IF_ERROR(AdoptSession(session).status());
  return store_.GetJobSpec(digest);
}

// ---------------------------------------------------------------- handing out

// Who was at its limit may be so no more.
void LeaseDesk::SetShares(TenantShares shares) {
  backlog_.SetShares(std::move(shares));
  MutexLock lock(mutex_);
  WakeWorker();
}

void LeaseDesk::OnNewWork() {
  MutexLock lock(mutex_);
  BacklogChanged();
}

void LeaseDesk::OnJobCanceled(const std::string& job_id) {
  MutexLock lock(mutex_);
  ++cancels_;
  for (auto& [node_id, node] : nodes_) {
    std::erase_if(node.unconfirmed,
                  [&](const auto& entry) { return IsOfJob(entry.first.first, job_id); });
    if (node.waiting.has_value() && HoldsOfJob(node.waiting->request, job_id)) {
      rechecks_.insert(node_id);
    }
  }
  BacklogChanged();
}

void LeaseDesk::OnAnything() {
  MutexLock lock(mutex_);
  ++cancels_;
  for (const auto& [node_id, node] : nodes_) {
    if (node.waiting.has_value() && node.waiting->request.held_size() > 0) {
      rechecks_.insert(node_id);
    }
  }
  BacklogChanged();
}

void LeaseDesk::BacklogChanged() {
  backlog_.Changed();
  WakeWorker();
}

void LeaseDesk::WakeWorker() {
  look_ = true;
  work_changed_.NotifyAll();
}

void LeaseDesk::Work() {
  while (true) {
    std::set<std::string> rechecks;
    {
      MutexLock lock(mutex_);
      if (!look_ && !stopping_) {
        work_changed_.WaitFor(mutex_, std::min(backlog_.NextLook(), options_.expire_interval));
      }
      if (stopping_) {
        return;
      }
      look_ = false;
      rechecks.swap(rechecks_);
    }
    Recheck(rechecks);
    ExpireIfDue();
    HandOut();
  }
}

// Asks the store again what a waiting Sync asked it, as if the node had sent it again.
void LeaseDesk::Recheck(const std::set<std::string>& nodes) {
  for (const std::string& node_id : nodes) {
    SyncCaller* caller = nullptr;
    SyncRequest request;
    {
      MutexLock lock(mutex_);
      const auto found = nodes_.find(node_id);
      if (found == nodes_.end() || !found->second.waiting.has_value()) {
        continue;
      }
      caller = found->second.waiting->caller;
      request = found->second.waiting->request;
    }
    absl::StatusOr<SyncOutcome> outcome = store_.Sync(request, clock_.Now());
    if (!outcome.ok() || outcome->cancel.empty()) {
      continue;  // An error: the node's next Sync asks again.
    }
    Answers answers;
    {
      MutexLock lock(mutex_);
      const auto found = nodes_.find(node_id);
      if (found != nodes_.end() && found->second.waiting.has_value() &&
          found->second.waiting->caller == caller) {
        found->second.waiting->outcome = *std::move(outcome);
        AnswerNow(node_id, answers);
      }
    }
    Send(std::move(answers));
  }
}

void LeaseDesk::ExpireIfDue() {
  const absl::Duration now = clock_.SinceBoot();
  if (now < expire_at_) {
    return;
  }
  // Half a TTL: while we stand still, or wait for the store, Syncs pile up that no lease shows yet.
  const absl::Duration stall = options_.lease.ttl / 2;
  if (now - expire_at_ > stall) {
    SuppressExpiry("the coordinator stood still");
  }
  expire_at_ = now + options_.expire_interval;
  LearnDrains();
  absl::Time not_before;
  {
    MutexLock lock(mutex_);
    not_before = reassign_not_before_;
    if (expiry_suppressed_ && clock_.Now() >= not_before) {
      expiry_suppressed_ = false;
      SPDLOG_INFO("leases may expire again");
    }
  }
  const auto lost = store_.Expire(clock_.Now(), not_before);
  if (!lost.ok()) {
    SuppressExpiry(lost.status().message());
  } else {
    for (const LostLease& lease : *lost) {
      backlog_.Changed();
      SPDLOG_WARN(
          "lease lost {} node={} again={}", JobFields(lease.ref), lease.node_id, lease.again);
      options_.on_job_changed(JobOfItem(lease.ref.item_id()));
    }
    if (clock_.SinceBoot() - now > stall) {
      SuppressExpiry("the store stood still");
    }
  }
  if (lost.ok() && !lost->empty()) {
    MutexLock lock(mutex_);
    expired_ += std::ssize(*lost);
  }
  ForgetSilentNodes();
}

// As they were before our start, or as another replica was asked for them.
void LeaseDesk::LearnDrains() {
  MutexLock one_at_a_time(ordering_);
  absl::StatusOr<std::set<std::string>> drained = store_.DrainedNodes();
  if (!drained.ok()) {
    return;  // As before; the next look will tell.
  }
  Answers answers;
  {
    MutexLock lock(mutex_);
    for (const std::string& node_id : roster_.SetDrained(*std::move(drained))) {
      AnswerNow(node_id, answers);
    }
  }
  Send(std::move(answers));
}

// Nodes could not renew, or not so that the store knows it: no lease expires for that.
void LeaseDesk::SuppressExpiry(absl::string_view why) {
  MutexLock lock(mutex_);
  reassign_not_before_ = clock_.Now() + options_.lease.ttl + options_.lease.reassign_grace;
  if (!std::exchange(expiry_suppressed_, true)) {
    SPDLOG_WARN("no lease expires for {} error=\"{}\"",
                absl::FormatDuration(options_.lease.ttl + options_.lease.reassign_grace),
                std::string(why));
  }
}

// What every line about an attempt says.
std::string LeaseDesk::JobFields(const LeaseRef& ref) {
  const std::string job_id = JobOfItem(ref.item_id());
  std::optional<std::string> correlation;
  {
    MutexLock lock(mutex_);
    if (const auto known = correlations_.find(job_id); known != correlations_.end()) {
      correlation = known->second;
    }
  }
  if (!correlation.has_value()) {
    correlation = store_.CorrelationId(job_id).value_or("");
    MutexLock lock(mutex_);
    if (correlations_.size() >= static_cast<std::size_t>(options_.correlations_max)) {
      correlations_.clear();
    }
    correlations_[job_id] = *correlation;
  }
  return absl::StrCat("job=",
                      job_id,
                      " item=",
                      ref.item_id(),
                      " fence=",
                      ref.fence(),
                      " correlation_id=",
                      *correlation,
                      " trace_id=",
                      TraceId(job_id));
}

void LeaseDesk::HandOut() {
  const std::vector<Asker> askers = Askers();
  std::set<std::string> granted;  // Sessions.
  const auto grant = [&](absl::Span<const Assignment> assignments) {
    for (const Assignment& assignment : assignments) {
      granted.insert(assignment.session);
    }
    return Grant(assignments);
  };
  const absl::Status status = backlog_.HandOut(askers, grant);
  if (!status.ok() && !store_fails_) {
    SPDLOG_WARN("nothing handed out error=\"{}\"", status.ToString());
  }
  store_fails_ = !status.ok();
  AnswerAfter(askers, granted);
}

std::vector<Asker> LeaseDesk::Askers() {
  MutexLock lock(mutex_);
  std::vector<Asker> askers;
  askers.reserve(asking_.size());
  for (const std::string& node_id : asking_) {
    const Node& node = nodes_.at(node_id);
    askers.push_back({.session = node.session, .node_id = node_id, .want = node.waiting->want});
  }
  return askers;
}

// Durable first; told by AnswerAfter().
absl::StatusOr<std::int64_t> LeaseDesk::Grant(absl::Span<const Assignment> assignments) {
  const absl::Duration at = clock_.SinceBoot();
  std::vector<ItemsFor> wanted;
  for (const Assignment& assignment : assignments) {
    wanted.push_back({assignment.session, assignment.item_ids});
  }
  ASSIGN_OR_RETURN(auto granted, store_.AssignAll(wanted, clock_.Now()));
  std::set<std::string> jobs;
  for (std::size_t i = 0; i < granted.size(); ++i) {
    if (!granted[i].ok()) {
      continue;
    }
    for (const Lease& lease : *granted[i]) {
      SPDLOG_INFO("lease granted {} node={}", JobFields(lease.ref()), assignments[i].node_id);
      jobs.insert(lease.job_id());
    }
  }
  for (const std::string& job_id : jobs) {
    options_.on_job_changed(job_id);
  }
  std::int64_t leases = 0;
  Answers answers;
  {
    MutexLock lock(mutex_);
    for (std::size_t i = 0; i < granted.size(); ++i) {
      leases += NoteGrant(assignments[i].session, std::move(granted[i]), at, answers);
    }
  }
  Send(std::move(answers));
  return leases;
}

// How many leases. A session that ended meanwhile has none: the store returned them.
std::int64_t LeaseDesk::NoteGrant(const std::string& session,
                                  Store::Leases leases,
                                  absl::Duration at,
                                  Answers& answers) {
  const auto found = node_of_session_.find(session);
  if (found == node_of_session_.end()) {
    return 0;
  }
  if (!leases.ok()) {
    Refuse(std::string(found->second), leases.status(), answers);
    return 0;
  }
  Node& node = nodes_.at(found->second);
  for (Lease& lease : *leases) {
    const LeaseId id = IdOf(lease.ref());
    node.unconfirmed[id] = {std::move(lease), at};
  }
  return std::ssize(*leases);
}

// Those who got something, and those who only waited for the look.
void LeaseDesk::AnswerAfter(const std::vector<Asker>& looked_for,
                            const std::set<std::string>& granted) {
  Answers answers;
  {
    MutexLock lock(mutex_);
    for (const Asker& asker : looked_for) {
      Node* node = FindNode(asker.session);
      if (node != nullptr && node->waiting.has_value() &&
          (node->waiting->answer_soon ||
           (granted.count(asker.session) > 0 && !node->unconfirmed.empty()))) {
        AnswerNow(asker.node_id, answers);
      }
    }
  }
  Send(std::move(answers));
}

rendernode::Timing LeaseDesk::Timing() const {
  rendernode::Timing timing;
  timing.set_sync_ms(Milliseconds(options_.sync_interval));
  timing.set_lease_ttl_ms(Milliseconds(options_.lease.ttl));
  timing.set_orphan_keep_ms(Milliseconds(options_.orphan_keep));
  return timing;
}

}  // namespace rn
