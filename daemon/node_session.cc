// The conversation with the coordinator: when to speak, and what is said.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/node.h"

namespace rn {
namespace {

// Of the whole item; a stage that cannot measure itself counts as its beginning.
constexpr std::uint32_t kFetchingPermille = 10;
constexpr std::uint32_t kSpeakingPermille = 50;
constexpr std::uint32_t kRenderingPermille = 100;
constexpr std::uint32_t kUploadingPermille = 900;
constexpr std::uint32_t kCommittingPermille = 990;

rendernode::Phase PhaseOf(Stage stage, bool running, const rendernode::Progress& progress) {
  switch (stage) {
    case Stage::kJournalLease:
      return rendernode::QUEUED;
    case Stage::kFetch:
      return running ? rendernode::FETCHING : rendernode::QUEUED;
    case Stage::kRender:
      if (!running) return rendernode::QUEUED;
      return progress.phase() == rendernode::RENDERING ? rendernode::RENDERING
                                                       : rendernode::SPEAKING;
    case Stage::kJournalOutput:
    case Stage::kUpload:
      return rendernode::UPLOADING;
    case Stage::kJournalResult:
    case Stage::kCommit:
      return rendernode::COMMITTING;
  }
  return rendernode::PHASE_UNSPECIFIED;
}

std::uint32_t PermilleOf(rendernode::Phase phase, const rendernode::Progress& progress) {
  switch (phase) {
    case rendernode::FETCHING:
      return kFetchingPermille;
    case rendernode::SPEAKING:
      return kSpeakingPermille;
    case rendernode::RENDERING: {
      const std::uint64_t total = std::max<std::uint64_t>(1, progress.frames_total());
      const std::uint64_t done = std::min<std::uint64_t>(progress.frames_done(), total);
      return kRenderingPermille +
             static_cast<std::uint32_t>((kUploadingPermille - kRenderingPermille) * done / total);
    }
    case rendernode::UPLOADING:
      return kUploadingPermille;
    case rendernode::COMMITTING:
      return kCommittingPermille;
    default:
      return 0;
  }
}

}  // namespace

void Node::Converse() {
  if (session_lost_ && call_ == Call::kNone) {
    session_lost_ = false;
    session_.clear();
  }
  MaybeLeave();
  if (exited_ || call_ == Call::kClosing) {
    return;
  }
  MaybeOpen();
  MaybeSync();
}

// A worker's first word says which encoder and voices this node has, so it is worth a moment.
void Node::MaybeOpen() {
  if (!session_.empty() || call_ != Call::kNone) {
    return;
  }
  absl::Duration due = call_at_;
  if (!workers_.hello().has_value()) {
    due = std::max(due, started_at_ + limits_.hello_wait);
  }
  if (Now() < due) {
    return WakeBy(due);
  }
  OpenSession open;
  open.request.set_node_id(identity_.node_id);
  open.request.set_boot_id(identity_.boot_id);
  open.request.set_incarnation(identity_.incarnation);
  open.request.set_version(identity_.version);
  open.request.set_journal_id(identity_.journal_id);
  open.request.set_protocol_min(kProtocolMin);
  open.request.set_protocol_max(kProtocolMax);
  *open.request.mutable_capabilities() = Capabilities();
  for (const auto& [key, held] : held_) {
    *open.request.add_held() = Describe(held);
  }
  call_ = Call::kOpening;
  Do(std::move(open));
}

// One Sync is always under way. News cuts it short, and the next is then answered at once: a
// stream of news must never starve the renewals.
void Node::MaybeSync() {
  if (session_.empty() || (call_ != Call::kNone && call_ != Call::kSyncing) || cutting_) {
    return;
  }
  const std::string reason = NotReadyReason();
  const std::uint32_t want = Want(reason);
  std::string gist = Gist(want, reason);
  absl::Duration due = absl::InfiniteDuration();
  if (gist != said_ || session_lost_) {
    due = synced_at_ + limits_.sync_spacing;
  } else if (call_ == Call::kNone) {
    due = poll_at_;
  } else if (!said_progress_) {
    due = synced_at_ + limits_.progress_spacing;
  }
  due = std::max(due, call_at_);
  if (Now() < due) {
    return WakeBy(due);
  }
  if (call_ == Call::kSyncing) {
    cutting_ = true;
    return Do(CutSync{});
  }
  call_ = Call::kSyncing;
  synced_at_ = Now();
  said_ = std::move(gist);
  said_progress_ = true;
  Do(Sync{ComposeSync(want, reason)});
}

// Drained means: nothing held, and every release heard. Without a coordinator to hear them there
// is no point in waiting; what is finished stays in the journal for the next start.
void Node::MaybeLeave() {
  if (!draining_.has_value() || !draining_->exit) {
    return;
  }
  const absl::Duration unheard = draining_->started_at + limits_.drain_reserve;
  const bool heard = released_.empty() || (!connected_ && Now() >= unheard);
  if (Now() < draining_->exit_at && !(held_.empty() && heard)) {
    WakeBy(draining_->exit_at);
    if (held_.empty()) {
      WakeBy(std::max(unheard, Now() + limits_.sync_spacing));
    }
    return;
  }
  if (call_ == Call::kSyncing) {
    if (!std::exchange(cutting_, true)) {
      Do(CutSync{});
    }
    return;
  }
  if (call_ == Call::kClosing) {
    return;
  }
  if (session_.empty() || call_ == Call::kOpening) {
    exited_ = true;
    return Do(Exit{});
  }
  call_ = Call::kClosing;
  CloseSession close;
  close.request.set_session(session_);
  Do(std::move(close));
}

rendernode::SyncRequest Node::ComposeSync(std::uint32_t want, const std::string& reason) {
  rendernode::SyncRequest request;
  request.set_session(session_);
  request.set_seq(++seq_);
  for (const auto& [key, held] : held_) {
    *request.add_held() = Describe(held);
  }
  request.set_want(want);
  request.set_state(State(reason));
  request.set_reason(reason);
  const rendernode::NodeCapabilities capabilities = Capabilities();
  request.set_slots(capabilities.slots());
  request.set_version(identity_.version);
  *request.mutable_devices() = capabilities.devices();
  released_said_.assign(released_.begin(), released_.end());
  for (const LeaseKey& key : released_said_) {
    *request.add_released() = key.ToProto();
  }
  waiting_ = !std::exchange(cut_, false) && released_.empty();
  request.set_wait(waiting_);
  if (auto profile = profile_.ToSay()) {
    *request.mutable_profile() = *std::move(profile);
  }
  return request;
}

rendernode::NodeCapabilities Node::Capabilities() const {
  rendernode::NodeCapabilities capabilities;
  capabilities.set_slots(static_cast<std::uint32_t>(limits_.workers.slots));
  if (workers_.hello().has_value()) {
    // Until devices are probed one by one, the worker's encoder stands for the processor.
    rendernode::EncoderDevice* device = capabilities.add_devices();
    device->set_uuid("cpu");
    device->set_name(workers_.hello()->encoder());
    device->set_backend(rendernode::CPU);
    *capabilities.mutable_speech_engines() = workers_.hello()->speech_engines();
  }
  for (const std::string& engine : limits_.speech_engines) {
    capabilities.add_speech_engines(engine);
  }
  return capabilities;
}

rendernode::HeldLease Node::Describe(const Held& held) const {
  rendernode::HeldLease described;
  *described.mutable_ref() = held.lease.ref();
  described.set_phase(PhaseOf(held.stage, held.running, held.progress));
  described.set_progress_permille(PermilleOf(described.phase(), held.progress));
  if (held.stage == Stage::kRender && held.running) {
    described.set_device_uuid("cpu");
    described.set_frames_per_second(held.progress.frames_per_second());
  }
  if (held.stage == Stage::kCommit) {
    *described.mutable_uncommitted() = held.result;
  }
  return described;
}

std::uint32_t Node::Want(const std::string& reason) const {
  if (State(reason) != rendernode::READY) {
    return 0;
  }
  const auto ahead = std::count_if(held_.begin(), held_.end(), [](const auto& entry) {
    return entry.second.stage <= Stage::kRender;
  });
  const std::int64_t room =
      std::min(limits_.workers.slots + limits_.prefetch - static_cast<std::int64_t>(ahead),
               limits_.held_max - static_cast<std::int64_t>(held_.size()));
  return static_cast<std::uint32_t>(std::max<std::int64_t>(0, room));
}

std::string Node::NotReadyReason() const {
  if (!disk_.ok()) {
    return std::string(disk_.message());
  }
  if (!store_.ok()) {
    return absl::StrCat("object store: ", store_.message());
  }
  for (const Trouble* trouble : DiskTroubles()) {
    if (std::string reason = trouble->Reason(Now()); !reason.empty()) {
      return reason;
    }
  }
  if (std::string crash_loop = workers_.CrashLoop(Awake()); !crash_loop.empty()) {
    return crash_loop;
  }
  for (const auto& [key, held] : held_) {
    if (!held.store_trouble.empty()) {
      return held.store_trouble;
    }
  }
  return "";
}

rendernode::NodeState Node::State(const std::string& reason) const {
  if (DrainWanted()) {
    return rendernode::DRAINING;
  }
  return reason.empty() ? rendernode::READY : rendernode::NOT_READY;
}

// All that would make the coordinator act otherwise; phases and frames are only worth a look.
std::string Node::Gist(std::uint32_t want, const std::string& reason) const {
  std::string gist = absl::StrCat(want, " ", State(reason), " ", reason);
  for (const auto& [key, held] : held_) {
    absl::StrAppend(&gist, "\n+", key.item_id, "/", key.fence);
  }
  for (const LeaseKey& key : released_) {
    absl::StrAppend(&gist, "\n-", key.item_id, "/", key.fence);
  }
  return gist;
}

rendernode::NodeStatus Node::Status() const {
  const std::string reason = NotReadyReason();
  rendernode::NodeStatus status;
  status.set_node_id(identity_.node_id);
  status.set_version(identity_.version);
  status.set_state(State(reason));
  status.set_reason(reason);
  status.set_connected(connected_);
  status.set_uptime_s(static_cast<std::uint32_t>(absl::ToInt64Seconds(Now() - started_at_)));
  for (int slot = 0; slot < static_cast<int>(workers_.count()); ++slot) {
    if (!workers_.Exists(slot)) {
      continue;
    }
    rendernode::SlotStatus* described = status.add_slots();
    described->set_slot(static_cast<std::uint32_t>(slot));
    described->set_worker_pid(workers_.PidOf(slot));
    described->set_item_id(workers_.ItemOf(slot));
  }
  for (const auto& [key, held] : held_) {
    const rendernode::HeldLease lease = Describe(held);
    rendernode::HeldItem* item = status.add_items();
    item->set_item_id(key.item_id);
    item->set_fence(key.fence);
    item->set_job_id(held.lease.job_id());
    item->set_row(held.lease.item().row());
    item->set_phase(lease.phase());
    item->set_progress_permille(lease.progress_permille());
    item->set_frames_per_second(held.progress.frames_per_second());
    if (workers_.hello().has_value()) {
      item->set_encoder(workers_.hello()->encoder());
    }
  }
  if (workers_.hello().has_value()) {
    *status.mutable_sandbox() = workers_.hello()->sandbox();
  }
  status.set_session_open(!session_.empty());
  *status.mutable_devices() = Capabilities().devices();
  status.set_items_completed(items_completed_);
  status.set_items_failed(items_failed_);
  status.set_coordinator_error(coordinator_error_);
  status.set_protocol(protocol_);
  status.set_journal_id(identity_.journal_id);
  status.set_incarnation(identity_.incarnation);
  status.set_results_orphaned(results_orphaned_);
  return status;
}

}  // namespace rn
