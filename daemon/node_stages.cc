// A lease's way through its stages: what may start now, what has taken too long, what is given up.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/node.h"

namespace rn {
namespace {

using rendernode::ItemResult;

// The API has no code for "too late": the stage that was under way gives its own.
rendernode::ItemErrorCode CodeOf(Stage stage) {
  switch (stage) {
    case Stage::kJournalLease:
    case Stage::kFetch:
      return rendernode::ITEM_ERROR_ASSET_DOWNLOAD_FAILED;
    case Stage::kRender:
    case Stage::kJournalOutput:
      return rendernode::ITEM_ERROR_VIDEO_ENCODING_ERROR;
    case Stage::kUpload:
    case Stage::kJournalResult:
    case Stage::kCommit:
      return rendernode::ITEM_ERROR_STORAGE_UPLOAD_FAILED;
  }
  return rendernode::ITEM_ERROR_UNSPECIFIED;
}

const char* NameOf(Stage stage) {
  switch (stage) {
    case Stage::kJournalLease:
    case Stage::kFetch:
      return "fetching assets";
    case Stage::kRender:
    case Stage::kJournalOutput:
      return "rendering";
    case Stage::kUpload:
    case Stage::kJournalResult:
    case Stage::kCommit:
      return "uploading";
  }
  return "";
}

ItemResult TooLate(Stage stage, const std::string& trouble) {
  ItemResult result;
  result.set_outcome(rendernode::FAILED);
  result.set_error_code(CodeOf(stage));
  result.set_error_message(absl::StrCat("the item's processing deadline passed while ",
                                        NameOf(stage),
                                        trouble.empty() ? "" : ": ",
                                        trouble));
  return result;
}

ItemResult Stalled(const rendernode::Progress& progress, absl::Duration timeout) {
  ItemResult result;
  result.set_outcome(rendernode::FAILED);
  result.set_error_code(rendernode::ITEM_ERROR_VIDEO_ENCODING_ERROR);
  result.set_error_message(absl::StrCat("render worker killed: no progress for ",
                                        absl::FormatDuration(timeout),
                                        " at frame ",
                                        progress.frames_done(),
                                        " of ",
                                        progress.frames_total()));
  result.set_retryable(true);
  result.set_infrastructure(true);
  return result;
}

ItemResult Interrupted(Stage stage) {
  ItemResult result;
  result.set_outcome(rendernode::INTERRUPTED);
  result.set_error_message(absl::StrCat("the node shut down while ", NameOf(stage)));
  result.set_retryable(true);
  result.set_infrastructure(true);
  return result;
}

}  // namespace

void Node::Advance() {
  for (const Trouble* trouble : DiskTroubles()) {
    if (Now() < trouble->until()) {
      WakeBy(trouble->until());
    }
  }
  if (Awake() < workers_.closed_until()) {
    WakeByAwake(workers_.closed_until());
  }
  EnforceDeadlines();
  GiveUpOrphans();
  if (DrainWanted() || !workers_.CrashLoop(Awake()).empty()) {
    ReleaseQueued();
  }
  EnforceDrain();
  if (!draining_.has_value() || !draining_->exit) {
    WakeByAwake(workers_.StartDue(Awake(), commands_));
  }
  JournalNewLeases();
  StartStages();
}

void Node::EnforceDeadlines() {
  for (auto& [key, held] : held_) {
    if (held.stage >= Stage::kJournalResult) {
      continue;  // It ended in time; saying so may take as long as it takes.
    }
    if (Awake() >= held.deadline) {
      EndWith(held, TooLate(held.stage, held.store_trouble));
      continue;
    }
    WakeByAwake(held.deadline);
    if (held.stage != Stage::kRender || !held.running) {
      continue;
    }
    if (Awake() >= held.progressed_at + limits_.stall_timeout) {
      SPDLOG_ERROR("worker stalled item={} fence={}", key.item_id, key.fence);
      EndWith(held, Stalled(held.progress, limits_.stall_timeout));
      continue;
    }
    WakeByAwake(held.progressed_at + limits_.stall_timeout);
  }
}

// Nobody has taken it and nobody is there: by now the item is another node's, or forgotten.
void Node::GiveUpOrphans() {
  std::vector<LeaseKey> orphans;
  for (const auto& [key, held] : held_) {
    if (held.stage >= Stage::kUpload && !held.running) {
      orphans.push_back(key);
    }
  }
  if (orphans.empty()) {
    return;
  }
  if (Awake() < heard_at_ + orphan_keep_) {
    return WakeByAwake(heard_at_ + orphan_keep_);
  }
  for (const LeaseKey& key : orphans) {
    SPDLOG_ERROR("finished result given up: no coordinator for {} item={} fence={} outcome={}",
                 absl::FormatDuration(orphan_keep_),
                 key.item_id,
                 key.fence,
                 rendernode::Outcome_Name(Find(key)->result.outcome()));
    ++results_orphaned_;
    Forget(key);
  }
}

// With too little time left, what still runs is reported as interrupted: the coordinator reassigns
// it now, not when a TTL ends.
void Node::EnforceDrain() {
  if (!draining_.has_value() || !draining_->exit) {
    return;
  }
  if (Now() < draining_->interrupt_at) {
    return WakeBy(draining_->interrupt_at);
  }
  for (auto& [key, held] : held_) {
    if (held.stage < Stage::kJournalResult) {
      EndWith(held, Interrupted(held.stage));
    }
  }
}

void Node::ReleaseQueued() {
  std::vector<LeaseKey> queued;
  for (const auto& [key, held] : held_) {
    if (held.stage < Stage::kRender || (held.stage == Stage::kRender && !held.running)) {
      queued.push_back(key);
    }
  }
  for (const LeaseKey& key : queued) {
    Release(key);
  }
}

// All that came with one reply share one fsync.
void Node::JournalNewLeases() {
  JournalLeases command;
  for (auto& [key, held] : held_) {
    if (held.stage == Stage::kJournalLease && !held.running) {
      held.running = true;
      command.leases.push_back(held.lease);
    }
  }
  if (!command.leases.empty()) {
    Do(std::move(command));
  }
}

void Node::StartStages() {
  std::vector<Held*> waiting;
  for (auto& [key, held] : held_) {
    if (!held.running) {
      waiting.push_back(&held);
    }
  }
  std::sort(waiting.begin(), waiting.end(), [](const Held* a, const Held* b) {
    return a->lease.priority() != b->lease.priority() ? a->lease.priority() > b->lease.priority()
                                                      : a->order < b->order;
  });
  for (Held* held : waiting) {
    if (MayStart(*held)) {
      StartStage(*held);
    }
  }
}

bool Node::MayStart(const Held& held) {
  if (Now() < held.retry_at) {
    WakeBy(held.retry_at);
    return false;
  }
  const bool ours = Now() < held.safe_until;
  switch (held.stage) {
    case Stage::kJournalLease:
      return false;  // JournalNewLeases() has them all.
    case Stage::kFetch:
      return ours && disk_.ok() && fetching_ < limits_.fetches_max;
    case Stage::kRender:
      if (Now() < work_trouble_.until()) {
        return false;
      }
      return ours && disk_.ok() && workers_.Free().has_value();
    case Stage::kUpload:
      return ours && uploading_ < limits_.uploads_max;
    case Stage::kJournalOutput:
    case Stage::kJournalResult:
      return true;
    case Stage::kCommit:
      return !session_.empty() && committing_ < limits_.commits_max;
  }
  return false;
}

void Node::StartStage(Held& held) {
  held.running = true;
  const LeaseKey key = LeaseKey::Of(held.lease.ref());
  switch (held.stage) {
    case Stage::kJournalLease:
      return;
    case Stage::kFetch:
      ++fetching_;
      Do(JournalStart{key});
      return Do(FetchItem{held.lease});
    case Stage::kRender:
      held.progress.Clear();
      held.progressed_at = Awake();
      WakeByAwake(held.progressed_at + limits_.stall_timeout);
      return workers_.Render(*workers_.Free(), held.lease, commands_);
    case Stage::kJournalOutput:
      return Do(JournalResult{key, held.result, /*uploaded=*/false});
    case Stage::kUpload:
      ++uploading_;
      held.put = true;
      held.uploading = true;
      return Do(UploadItem{held.lease, held.result});
    case Stage::kJournalResult:
      return Do(JournalResult{key, held.result, /*uploaded=*/true});
    case Stage::kCommit: {
      ++committing_;
      held.session = session_;
      Commit commit;
      commit.request.set_session(session_);
      *commit.request.mutable_ref() = held.lease.ref();
      *commit.request.mutable_result() = held.result;
      return Do(std::move(commit));
    }
  }
}

void Node::ToStage(Held& held, Stage stage) {
  held.stage = stage;
  held.running = false;
  held.backoff.Reset();
  held.retry_at = -absl::InfiniteDuration();
  said_progress_ = false;
}

void Node::Retry(Held& held, const BackoffLimits& limits) {
  held.running = false;
  held.retry_at = Now() + held.backoff.Next(limits, random_);
}

void Node::EndWith(Held& held, ItemResult result) {
  const LeaseKey key = LeaseKey::Of(held.lease.ref());
  if (!workers_.Kill(key, /*discard=*/true, commands_)) {
    Do(Discard{key});
  }
  result.clear_artifacts();
  held.result = std::move(result);
  held.store_trouble.clear();
  ToStage(held, Stage::kJournalResult);
}

// A result that may already be on its way is left to the coordinator's verdict: SUPERSEDED ends it.
void Node::Drop(const LeaseKey& key) {
  Held* held = Find(key);
  if (held == nullptr) {
    return;
  }
  if (held->stage == Stage::kCommit) {
    held->retry_at = -absl::InfiniteDuration();
    return;
  }
  SPDLOG_INFO("lease lost item={} fence={}", key.item_id, key.fence);
  AbandonOutput(*held);
  Forget(key);
}

void Node::Forget(const LeaseKey& key) {
  if (!workers_.Kill(key, /*discard=*/true, commands_)) {
    Do(Discard{key});
  }
  Do(JournalForget{{key}});
  held_.erase(key);
}

void Node::AbandonOutput(const Held& held) {
  if (!held.put || held.lease.output_prefix().empty()) {
    return;
  }
  const LeaseKey key = LeaseKey::Of(held.lease.ref());
  if (held.uploading) {
    abandoned_[key] = held.lease.output_prefix();
  } else {
    Do(RemoveAttempt{key, held.lease.output_prefix()});
  }
}

void Node::UploadEnded(const LeaseKey& key) {
  --uploading_;
  if (Held* held = Find(key); held != nullptr) {
    held->uploading = false;
  }
  if (auto abandoned = abandoned_.extract(key)) {
    Do(RemoveAttempt{key, std::move(abandoned.mapped())});
  }
}

void Node::Release(const LeaseKey& key) {
  Forget(key);
  released_.insert(key);
}

}  // namespace rn
