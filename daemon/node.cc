// What each event means. What follows from it is decided in node_stages.cc and node_session.cc.
#include "daemon/node.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/item_error.h"

namespace rn {
namespace {

using rendernode::CommitItemResponse;
using rendernode::ItemResult;

ItemResult InfrastructureLoss(rendernode::ItemErrorCode code, absl::string_view message) {
  ItemResult result;
  result.set_outcome(rendernode::FAILED);
  result.set_error_code(code);
  result.set_error_message(std::string(message));
  result.set_retryable(true);
  result.set_infrastructure(true);
  return result;
}

bool DiskWasFull(const ItemResult& result) {
  return result.error_code() == rendernode::ITEM_ERROR_QUOTA_EXCEEDED;
}

// A worker is not trusted: what it calls a success must at least name a file.
ItemResult Checked(ItemResult result) {
  if (result.outcome() == rendernode::SUCCEEDED && result.artifacts().empty()) {
    return InfrastructureLoss(rendernode::ITEM_ERROR_VIDEO_ENCODING_ERROR,
                              "the render worker reported success without a file");
  }
  if (result.outcome() != rendernode::SUCCEEDED && result.outcome() != rendernode::FAILED) {
    return InfrastructureLoss(rendernode::ITEM_ERROR_VIDEO_ENCODING_ERROR,
                              "the render worker reported an unknown outcome");
  }
  if (result.outcome() == rendernode::FAILED && DiskWasFull(result)) {
    return InfrastructureLoss(rendernode::ITEM_ERROR_QUOTA_EXCEEDED, result.error_message());
  }
  // What only the machine runs out of: sessions of an encoder, memory. Of anything else the item
  // may be the cause: no worker's word makes that a loss, which is tried more often.
  result.set_infrastructure(result.infrastructure() &&
                            result.error_code() == rendernode::ITEM_ERROR_VIDEO_ENCODING_ERROR);
  switch (result.error_code()) {
    case rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR:  // The same anywhere, at any time.
      result.set_retryable(false);
      break;
    case rendernode::ITEM_ERROR_VIDEO_ENCODING_ERROR:  // The coordinator tries one other encoder.
      result.set_retryable(true);
      break;
    default:
      break;
  }
  return result;
}

// The request or the object itself is refused: asking again in a second will not help.
bool IsRefusal(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kUnimplemented:
      return true;
    default:
      return false;
  }
}

// The coordinator no longer knows our session, or knows a newer one.
bool IsSessionLost(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) || absl::IsUnauthenticated(status);
}

}  // namespace

Node::Node(NodeLimits limits,
           NodeIdentity identity,
           std::vector<JournalledLease> journalled,
           Clock& clock,
           RandomSource random)
    : limits_(std::move(limits)),
      identity_(std::move(identity)),
      clock_(clock),
      random_(std::move(random)),
      started_at_(clock.SinceBoot()),
      workers_(limits_.workers, random_),
      heard_at_(clock.Awake()) {
  for (JournalledLease& lease : journalled) {
    Restore(std::move(lease));
  }
}

std::vector<Command> Node::Handle(const Event& event) {
  std::visit([this](const auto& what) { On(what); }, event);
  wake_at_ = absl::InfiniteDuration();
  if (!exited_) {
    Advance();
    Converse();
  }
  return std::exchange(commands_, {});
}

void Node::SetLimits(const NodeLimits& limits) {
  limits_ = limits;
  workers_.SetLimits(limits.workers);
}

// Nothing starts before the coordinator adopted the lease; a finished result is offered at once.
void Node::Restore(JournalledLease journalled) {
  Held held;
  held.order = next_order_++;
  if (journalled.lease.remaining_deadline_ms() > 0) {
    held.deadline =
        Awake() + absl::Milliseconds(journalled.lease.remaining_deadline_ms()) - journalled.age;
  }
  held.stage = Stage::kFetch;
  if (journalled.result.has_value()) {
    held.stage = journalled.uploaded ? Stage::kCommit : Stage::kUpload;
    held.result = *std::move(journalled.result);
    held.put = held.result.outcome() == rendernode::SUCCEEDED;
  }
  held.lease = std::move(journalled.lease);
  const LeaseKey key = LeaseKey::Of(held.lease.ref());
  Held& kept = held_.emplace(key, std::move(held)).first->second;
  if (kept.stage == Stage::kFetch && journalled.starts >= limits_.adoptions_max) {
    SPDLOG_ERROR(
        "lease given up item={} fence={} starts={}", key.item_id, key.fence, journalled.starts);
    EndWith(kept,
            InfrastructureLoss(
                rendernode::ITEM_ERROR_VIDEO_ENCODING_ERROR,
                absl::StrCat(
                    "the node ended ", journalled.starts, " times while it worked on this item")));
  }
}

void Node::On(const DiskChecked& event) {
  disk_ = event.status;
}

// Says nothing of a bucket that is full: only an upload finds out.
void Node::On(const StoreChecked& event) {
  if (event.status.ok() != store_.ok()) {
    SPDLOG_INFO("object store checked status=\"{}\"", event.status.ToString());
  }
  store_ = event.status;
}

// ---------------------------------------------------------------- the coordinator

void Node::On(const SessionOpened& event) {
  call_ = Call::kNone;
  HearFromCoordinator();
  const std::uint32_t protocol = event.response.protocol();
  if (protocol != 0 && (protocol < kProtocolMin || protocol > kProtocolMax)) {
    return BeRefused(absl::StrCat("coordinator speaks protocol ",
                                  protocol,
                                  ", this node ",
                                  kProtocolMin,
                                  "-",
                                  kProtocolMax,
                                  ": update the ",
                                  protocol > kProtocolMax ? "node" : "coordinator"));
  }
  protocol_ = std::max(protocol, kProtocolMin);  // The first version did not say.
  refused_backoff_.Reset();
  session_ = event.response.session();
  SPDLOG_INFO("session opened session={} adopted={} dropped={}",
              session_,
              event.response.adopt_size(),
              event.response.drop_size());
  said_.clear();
  profile_.OnSession();
  Obey(event.response.timing());
  Reconnected();
  for (const auto& ref : event.response.adopt()) {
    Renew(ref, event.sent_at);
  }
  for (const auto& ref : event.response.drop()) {
    Drop(LeaseKey::Of(ref));
  }
}

void Node::On(const SessionFailed& event) {
  call_ = Call::kNone;
  if (absl::IsFailedPrecondition(event.status) || absl::IsUnimplemented(event.status)) {
    HearFromCoordinator();
    return BeRefused(event.status.message());
  }
  LoseSession(event.status);
}

void Node::On(const SessionClosed& event) {
  call_ = Call::kNone;
  session_.clear();
  if (!event.status.ok()) {
    SPDLOG_WARN("session not closed error=\"{}\"", event.status.ToString());
  }
  exited_ = true;
  Do(Exit{});
}

void Node::On(const SyncAnswered& event) {
  call_ = Call::kNone;
  cut_ = std::exchange(cutting_, false);
  HearFromCoordinator();
  const rendernode::SyncResponse& response = event.response;
  Pace(event);
  profile_.OnAnswer(response);
  Obey(response.timing());
  Reconnected();
  call_backoff_.Reset();
  for (const LeaseKey& key : std::exchange(released_said_, {})) {
    released_.erase(key);
  }
  for (const auto& ref : response.renewed()) {
    Renew(ref, event.sent_at);
  }
  for (const auto& ref : response.cancel()) {
    Drop(LeaseKey::Of(ref));
  }
  if (response.desired() != rendernode::DESIRED_STATE_UNSPECIFIED) {
    coordinator_drains_ = response.desired() == rendernode::DRAIN;
  }
  for (const rendernode::Lease& lease : response.grant()) {
    Accept(lease, event.sent_at);
  }
}

void Node::On(const SyncFailed& event) {
  call_ = Call::kNone;
  profile_.OnFailure();
  released_said_.clear();
  poll_at_ = -absl::InfiniteDuration();
  cut_ = std::exchange(cutting_, false);
  if (cut_ && absl::IsCancelled(event.status)) {
    return;
  }
  if (IsSessionLost(event.status) || absl::IsNotFound(event.status)) {
    session_.clear();
  }
  LoseSession(event.status);
}

void Node::On(const CommitAnswered& event) {
  --committing_;
  HearFromCoordinator();
  Held* held = Running(event.key, Stage::kCommit);
  if (held == nullptr) {
    return;
  }
  if (event.verdict == CommitItemResponse::RETRY) {
    return Retry(*held, limits_.coordinator_retry);
  }
  SPDLOG_INFO("item ended item={} fence={} outcome={} verdict={}",
              event.key.item_id,
              event.key.fence,
              rendernode::Outcome_Name(held->result.outcome()),
              CommitItemResponse::Verdict_Name(event.verdict));
  const bool superseded = event.verdict == CommitItemResponse::SUPERSEDED;
  const bool succeeded = held->result.outcome() == rendernode::SUCCEEDED;
  if (superseded || !succeeded) {
    AbandonOutput(*held);
  }
  if (!superseded) {
    ++(succeeded ? items_completed_ : items_failed_);
  }
  Forget(event.key);
}

// Whatever the reason, the result stays: only a verdict ends it.
void Node::On(const CommitFailed& event) {
  --committing_;
  if (Held* held = Running(event.key, Stage::kCommit)) {
    session_lost_ |= IsSessionLost(event.status) && held->session == session_;
    SPDLOG_WARN("commit failed item={} fence={} error=\"{}\"",
                event.key.item_id,
                event.key.fence,
                event.status.ToString());
    Retry(*held, limits_.coordinator_retry);
  }
}

void Node::Obey(const rendernode::Timing& timing) {
  if (timing.sync_ms() > 0) {
    sync_interval_ = absl::Milliseconds(timing.sync_ms());
  }
  if (timing.lease_ttl_ms() > 0) {
    lease_ttl_ = absl::Milliseconds(timing.lease_ttl_ms());
  }
  if (timing.orphan_keep_ms() > 0) {
    orphan_keep_ = absl::Milliseconds(timing.orphan_keep_ms());
  }
}

void Node::HearFromCoordinator() {
  heard_at_ = Awake();
}

// Nothing is wrong with what we hold: it waits until one of us is updated or put right.
void Node::BeRefused(absl::string_view why) {
  connected_ = false;
  coordinator_error_ = std::string(why);
  call_at_ = Now() + refused_backoff_.Next(limits_.refused_retry, random_);
  SPDLOG_ERROR("session refused retry_in={} error=\"{}\"",
               absl::FormatDuration(call_at_ - Now()),
               coordinator_error_);
}

// After an outage every finished result is offered now, not when its back-off happens to end.
void Node::Reconnected() {
  call_at_ = -absl::InfiniteDuration();
  coordinator_error_.clear();
  if (std::exchange(connected_, true)) {
    return;
  }
  for (auto& [key, held] : held_) {
    if (held.stage == Stage::kCommit && !held.running) {
      held.retry_at = -absl::InfiniteDuration();
      held.backoff.Reset();
    }
  }
}

// One that was allowed to wait and had nothing to say should have waited.
void Node::Pace(const SyncAnswered& event) {
  const rendernode::SyncResponse& response = event.response;
  const bool quiet = waiting_ && !cut_ && Now() - event.sent_at < sync_interval_ / 2 &&
                     response.grant().empty() && response.cancel().empty();
  if (!quiet) {
    quiet_backoff_.Reset();
    poll_at_ = synced_at_ + limits_.sync_spacing;
    return;
  }
  poll_at_ = Now() + quiet_backoff_.Next({limits_.sync_spacing, limits_.progress_spacing}, random_);
}

void Node::LoseSession(const absl::Status& status) {
  connected_ = false;
  coordinator_error_ = std::string(status.message());
  call_at_ = Now() + call_backoff_.Next(limits_.coordinator_retry, random_);
  SPDLOG_WARN("coordinator call failed retry_in={} error=\"{}\"",
              absl::FormatDuration(call_at_ - Now()),
              status.ToString());
}

// A grant repeated, because its first reply was lost, is a renewal.
void Node::Accept(const rendernode::Lease& lease, absl::Duration renewed_at) {
  const LeaseKey key = LeaseKey::Of(lease.ref());
  if (Find(key) != nullptr) {
    return Renew(lease.ref(), renewed_at);
  }
  std::vector<LeaseKey> older;
  for (auto it = held_.lower_bound({key.item_id, 0});
       it != held_.end() && it->first.item_id == key.item_id;
       ++it) {
    if (it->first.fence > key.fence) {
      return;  // An old reply; what we hold is newer.
    }
    older.push_back(it->first);
  }
  for (const LeaseKey& lost : older) {
    Drop(lost);
  }
  if (DrainWanted() || static_cast<std::int64_t>(held_.size()) >= limits_.held_max ||
      released_.count(key) > 0) {
    released_.insert(key);
    return;
  }
  Held held;
  held.lease = lease;
  held.order = next_order_++;
  if (lease.remaining_deadline_ms() > 0) {
    held.deadline = Awake() + absl::Milliseconds(lease.remaining_deadline_ms());
  }
  held_.emplace(key, std::move(held));
  Renew(lease.ref(), renewed_at);
}

void Node::Renew(const rendernode::LeaseRef& ref, absl::Duration renewed_at) {
  if (Held* held = Find(LeaseKey::Of(ref))) {
    const absl::Duration margin = std::min(limits_.self_fence_margin, lease_ttl_ / 2);
    held->safe_until = std::max(held->safe_until, renewed_at + lease_ttl_ - margin);
  }
}

// ---------------------------------------------------------------- the journal

void Node::On(const LeasesJournalled& event) {
  NoteJournal(event.status);
  for (const LeaseKey& key : event.keys) {
    Held* held = Running(key, Stage::kJournalLease);
    if (held == nullptr) {
      continue;
    }
    if (event.status.ok()) {
      ToStage(*held, Stage::kFetch);
    } else {
      Release(key);
    }
  }
}

void Node::On(const ResultJournalled& event) {
  NoteJournal(event.status);
  Held* held = Find(event.key);
  if (held == nullptr || !held->running ||
      (held->stage != Stage::kJournalOutput && held->stage != Stage::kJournalResult)) {
    return;
  }
  if (!event.status.ok()) {
    return Retry(*held, limits_.journal_retry);
  }
  ToStage(*held, held->stage == Stage::kJournalOutput ? Stage::kUpload : Stage::kCommit);
}

void Node::NoteJournal(const absl::Status& status) {
  if (status.ok()) {
    return journal_trouble_.Clear();
  }
  Note(journal_trouble_, "journal: ", status.message());
  SPDLOG_ERROR("journal write failed error=\"{}\"", status.ToString());
}

void Node::Note(Trouble& trouble, absl::string_view what, absl::string_view message) {
  trouble.Note(absl::StrCat(what, message), Now(), limits_.journal_retry, random_);
}

// ---------------------------------------------------------------- fetch and upload

void Node::On(const Fetched& event) {
  --fetching_;
  if (Held* held = Running(event.key, Stage::kFetch)) {
    cache_trouble_.Clear();
    profile_.OnFetched(held->lease.job_spec_digest(), event.files);
    ToStage(*held, Stage::kRender);
  }
}

void Node::On(const FetchFailed& event) {
  --fetching_;
  Held* held = Running(event.key, Stage::kFetch);
  if (held == nullptr) {
    return;
  }
  SPDLOG_WARN("fetch failed item={} fence={} error=\"{}\"",
              event.key.item_id,
              event.key.fence,
              event.status.ToString());
  if (!disk_.ok() || absl::IsCancelled(event.status)) {
    return Retry(*held, limits_.coordinator_retry);  // Ours is the fault, and it may pass.
  }
  if (event.no_room) {
    Note(cache_trouble_, "", event.status.message());
    return Retry(*held, limits_.journal_retry);
  }
  if (event.item_fault) {
    return EndWith(
        *held,
        FailedResult(WithItemError(event.status, rendernode::ITEM_ERROR_ASSET_DOWNLOAD_FAILED)));
  }
  if (absl::IsNotFound(event.status) || absl::IsInvalidArgument(event.status) ||
      absl::IsDataLoss(event.status) || absl::IsOutOfRange(event.status)) {
    return EndWith(*held,
                   InfrastructureLoss(rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR,
                                      absl::StrCat("job spec: ", event.status.message())));
  }
  Retry(*held, limits_.coordinator_retry);
}

void Node::On(const Uploaded& event) {
  UploadEnded(event.key);
  if (Held* held = Running(event.key, Stage::kUpload)) {
    held->result = event.result;
    held->store_trouble.clear();
    ToStage(*held, Stage::kJournalResult);
  }
}

void Node::On(const UploadFailed& event) {
  UploadEnded(event.key);
  Held* held = Running(event.key, Stage::kUpload);
  if (held == nullptr) {
    return;
  }
  held->running = false;
  SPDLOG_WARN("upload failed item={} fence={} error=\"{}\"",
              event.key.item_id,
              event.key.fence,
              event.status.ToString());
  if (absl::IsDataLoss(event.status)) {  // Our file is not what the worker wrote.
    return EndWith(
        *held,
        InfrastructureLoss(rendernode::ITEM_ERROR_STORAGE_UPLOAD_FAILED, event.status.message()));
  }
  const bool quota = ItemErrorOf(event.status) == rendernode::ITEM_ERROR_QUOTA_EXCEEDED;
  const bool refused = !quota && IsRefusal(event.status);
  const bool ours = absl::IsUnauthenticated(event.status);  // This node's keys.
  if (refused && ++held->refusals >= limits_.upload_refusals_max) {
    if (ours) {
      return EndWith(
          *held,
          InfrastructureLoss(rendernode::ITEM_ERROR_STORAGE_UPLOAD_FAILED, event.status.message()));
    }
    ItemResult result =
        FailedResult(WithItemError(event.status, rendernode::ITEM_ERROR_STORAGE_UPLOAD_FAILED));
    result.set_error_code(rendernode::ITEM_ERROR_STORAGE_UPLOAD_FAILED);
    result.set_retryable(true);
    return EndWith(*held, std::move(result));
  }
  // What one bucket refuses concerns nobody else's items.
  held->store_trouble = refused && !ours
                            ? ""
                            : absl::StrCat(quota ? "object store is full: " : "object store: ",
                                           event.status.message());
  Retry(*held, limits_.store_retry);
}

// ---------------------------------------------------------------- the workers

void Node::On(const WorkerReady& event) {
  workers_.OnReady(event.slot, event.hello);
}

// A worker that only says it is alive is not making progress: what it reports must move.
void Node::On(const WorkerProgressed& event) {
  const rendernode::Progress& progress = event.progress;
  Held* held = Running({progress.item_id(), progress.fence()}, Stage::kRender);
  if (held == nullptr) {
    return;
  }
  if (progress.phase() != held->progress.phase() ||
      progress.frames_done() != held->progress.frames_done() ||
      progress.frames_total() != held->progress.frames_total()) {
    held->progressed_at = Awake();
    said_progress_ = false;
  }
  held->progress = progress;
}

void Node::On(const WorkerDone& event) {
  const LeaseKey key = {event.done.item_id(), event.done.fence()};
  ItemResult result = Checked(event.done.result());
  const bool succeeded = result.outcome() == rendernode::SUCCEEDED;
  if (!workers_.OnDone(event.slot, key, succeeded, commands_)) {
    return;
  }
  Held* held = Running(key, Stage::kRender);
  if (held == nullptr) {
    return Do(Discard{key});
  }
  if (!succeeded) {
    if (DiskWasFull(result)) {
      Note(work_trouble_, "work folder: ", result.error_message());
    }
    return EndWith(*held, std::move(result));
  }
  work_trouble_.Clear();
  profile_.OnRendered(result.usage());
  held->result = std::move(result);
  ToStage(*held, Stage::kJournalOutput);
}

void Node::On(const WorkerGone& event) {
  const std::optional<LeaseKey> lost =
      workers_.OnGone(event.slot, event.message, Awake(), commands_);
  Held* held = lost.has_value() ? Running(*lost, Stage::kRender) : nullptr;
  if (held == nullptr) {
    return;
  }
  SPDLOG_ERROR("worker lost item={} fence={} slot={} cause=\"{}\"",
               lost->item_id,
               lost->fence,
               event.slot,
               event.message);
  EndWith(*held,
          InfrastructureLoss(rendernode::ITEM_ERROR_VIDEO_ENCODING_ERROR,
                             absl::StrCat("render worker lost: ", event.message)));
}

// ---------------------------------------------------------------- the operator

void Node::On(const DrainRequested& event) {
  const absl::Duration now = Now();
  if (draining_.has_value() && draining_->exit) {
    if (event.exit) {  // Asked again: waits for nothing that still runs.
      draining_->interrupt_at = now;
      draining_->exit_at = std::min(draining_->exit_at, now + limits_.drain_reserve);
    }
    return;
  }
  draining_ = Draining{.exit = event.exit};
  if (event.exit) {
    const absl::Duration reserve = std::min(limits_.drain_reserve, limits_.drain_timeout / 2);
    draining_->started_at = now;
    draining_->exit_at = now + limits_.drain_timeout;
    draining_->interrupt_at = draining_->exit_at - reserve;
  }
}

void Node::On(const UndrainRequested&) {
  if (draining_.has_value() && !draining_->exit) {
    draining_.reset();
  }
}

// What is finished stays finished. The coordinator leases the item again, here or elsewhere.
void Node::On(const CancelRequested& event) {
  std::vector<LeaseKey> held;
  for (const auto& [key, lease] : held_) {
    if (key.item_id == event.item_id && lease.stage < Stage::kJournalResult) {
      held.push_back(key);
    }
  }
  for (const LeaseKey& key : held) {
    Held& lease = held_.at(key);
    SPDLOG_INFO("lease given up by an operator item={} fence={}", key.item_id, key.fence);
    if (lease.stage < Stage::kRender || (lease.stage == Stage::kRender && !lease.running)) {
      Release(key);
      continue;
    }
    ItemResult result;
    result.set_outcome(rendernode::INTERRUPTED);
    result.set_error_message("an operator of the node gave the item up");
    result.set_retryable(true);
    result.set_infrastructure(true);
    EndWith(lease, std::move(result));
  }
}

Node::Held* Node::Find(const LeaseKey& key) {
  const auto found = held_.find(key);
  return found == held_.end() ? nullptr : &found->second;
}

Node::Held* Node::Running(const LeaseKey& key, Stage stage) {
  Held* held = Find(key);
  return held != nullptr && held->running && held->stage == stage ? held : nullptr;
}

}  // namespace rn
