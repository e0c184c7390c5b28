// What a store does, in memory and without care for speed: the reference that a real one is held
// against, step by step. Written from store.h and the lease protocol, not from the SQL.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "coordinator/sqlite_store.h"
#include "coordinator/store.h"

namespace rn {

class StoreModel {
 public:
  using Verdict = rendernode::CommitItemResponse::Verdict;
  using Refs = std::vector<rendernode::LeaseRef>;

  struct ModelItem {
    ItemState state = ItemState::kPending;
    std::uint64_t fence = 0, closed_fence = 0;
    int failures = 0, losses = 0;
    absl::Time ready = absl::InfinitePast();
    std::string node;
    absl::Time renewed;  // While leased.
  };
  struct ModelJob {
    JobState state = JobState::kPending;
    bool started = false;
    std::map<std::string, ModelItem> items;
  };

  explicit StoreModel(StoreLimits limits) : limits_(std::move(limits)) {}

  const std::map<std::string, ModelJob>& jobs() const { return jobs_; }

  void CreateJob(const std::string& id, int items) {
    for (int row = 1; row <= items; ++row) {
      jobs_[id].items[absl::StrCat(id, "-", row)] = {};
    }
  }

  // Adopted ones.
  std::set<std::string> OpenSession(const std::string& node,
                                    const std::string& session,
                                    const Refs& held,
                                    absl::Time now) {
    sessions_[node] = session;
    std::set<std::string> adopted;
    for (const auto& ref : held) {
      if (Keep(node, ref, now)) {
        adopted.insert(ref.item_id());
      }
    }
    ForEach([&](ModelJob&, const std::string& id, ModelItem& item) {
      if (item.state == ItemState::kLeased && item.node == node && adopted.count(id) == 0) {
        Requeue(item, now);
      }
    });
    return adopted;
  }

  // Renewed ones; nullopt: not the newest session.
  std::optional<std::set<std::string>> Sync(const std::string& session,
                                            const Refs& held,
                                            const Refs& released,
                                            absl::Time now) {
    const auto node = NodeOf(session);
    if (!node.has_value()) {
      return std::nullopt;
    }
    for (const auto& ref : released) {
      ModelItem* item = Find(ref.item_id()).second;
      if (item != nullptr && item->state == ItemState::kLeased && item->node == *node &&
          item->fence == ref.fence()) {
        item->closed_fence = item->fence;
        Requeue(*item, now);
      }
    }
    std::set<std::string> renewed;
    for (const auto& ref : held) {
      if (Keep(*node, ref, now)) {
        renewed.insert(ref.item_id());
      }
    }
    return renewed;
  }

  // The fence; nullopt: not given.
  std::optional<std::uint64_t> Assign(const std::string& session,
                                      const std::string& item_id,
                                      absl::Time now) {
    const auto node = NodeOf(session);
    const auto [job, item] = Find(item_id);
    if (!node.has_value() || item == nullptr || item->state != ItemState::kPending ||
        item->ready > now ||
        (job->state != JobState::kPending && job->state != JobState::kRunning)) {
      return std::nullopt;
    }
    job->state = JobState::kRunning;
    job->started = true;
    item->state = ItemState::kLeased;
    item->node = *node;
    item->renewed = now;
    return ++item->fence;
  }

  // Nullopt: not the newest session.
  std::optional<Verdict> Commit(const std::string& session,
                                const rendernode::LeaseRef& ref,
                                const rendernode::ItemResult& result,
                                absl::Time now) {
    const auto node = NodeOf(session);
    if (!node.has_value()) {
      return std::nullopt;
    }
    const auto [job, item] = Find(ref.item_id());
    if (item == nullptr) {
      return rendernode::CommitItemResponse::SUPERSEDED;
    }
    if (item->closed_fence == ref.fence()) {
      return rendernode::CommitItemResponse::DUPLICATE;
    }
    if (!MayStillBring(*item, *node, ref)) {
      return rendernode::CommitItemResponse::SUPERSEDED;
    }
    item->closed_fence = item->fence;
    Conclude(*item, result, now);
    EndIfDone(*job);
    return rendernode::CommitItemResponse::COMMITTED;
  }

  void CloseSession(const std::string& session, absl::Time now) {
    const auto node = NodeOf(session);
    if (!node.has_value()) {
      return;
    }
    sessions_.erase(*node);
    ForEach([&](ModelJob&, const std::string&, ModelItem& item) {
      if (item.state == ItemState::kLeased && item.node == *node) {
        Requeue(item, now);
      }
    });
  }

  std::int64_t Expire(absl::Time now) {
    std::int64_t returned = 0;
    ForEach([&](ModelJob& job, const std::string&, ModelItem& item) {
      if (item.state != ItemState::kLeased ||
          now - item.renewed < limits_.lease.ttl + limits_.lease.reassign_grace) {
        return;
      }
      if (++item.losses < limits_.retry.losses_max) {
        Requeue(item, now);
        ++returned;
      } else {
        item.state = ItemState::kFailed;
        EndIfDone(job);
      }
    });
    return returned;
  }

  void CancelJob(const std::string& id) {
    ModelJob& job = jobs_.at(id);
    if (IsTerminal(job.state)) {
      return;
    }
    for (auto& [item_id, item] : job.items) {
      if (item.state == ItemState::kPending || item.state == ItemState::kLeased) {
        item.state = ItemState::kCanceled;
      }
    }
    job.state = JobState::kCanceled;
  }
  void PauseJob(const std::string& id) {
    ModelJob& job = jobs_.at(id);
    job.state = IsTerminal(job.state) ? job.state : JobState::kPaused;
  }
  void ResumeJob(const std::string& id) {
    ModelJob& job = jobs_.at(id);
    if (job.state == JobState::kPaused) {
      job.state = job.started ? JobState::kRunning : JobState::kPending;
    }
  }
  void RetryFailed(const std::string& id) {
    ModelJob& job = jobs_.at(id);
    if (job.state == JobState::kCanceled) {
      return;
    }
    for (auto& [item_id, item] : job.items) {
      if (item.state == ItemState::kFailed) {
        const std::uint64_t fence = item.fence;
        item = {.fence = fence, .closed_fence = fence, .node = item.node};
        job.state = IsTerminal(job.state) ? JobState::kRunning : job.state;
      }
    }
  }

 private:
  template <typename Each>
  void ForEach(const Each& each) {
    for (auto& [job_id, job] : jobs_) {
      for (auto& [item_id, item] : job.items) {
        each(job, item_id, item);
      }
    }
  }

  std::optional<std::string> NodeOf(const std::string& session) const {
    for (const auto& [node, newest] : sessions_) {
      if (newest == session) {
        return node;
      }
    }
    return std::nullopt;
  }

  std::pair<ModelJob*, ModelItem*> Find(const std::string& item_id) {
    for (auto& [job_id, job] : jobs_) {
      if (const auto item = job.items.find(item_id); item != job.items.end()) {
        return {&job, &item->second};
      }
    }
    return {nullptr, nullptr};
  }

  static bool MayStillBring(const ModelItem& item,
                            const std::string& node,
                            const rendernode::LeaseRef& ref) {
    return (item.state == ItemState::kPending || item.state == ItemState::kLeased) &&
           ref.fence() != 0 && item.fence == ref.fence() && item.closed_fence != item.fence &&
           item.node == node;
  }

  bool Keep(const std::string& node, const rendernode::LeaseRef& ref, absl::Time now) {
    ModelItem* item = Find(ref.item_id()).second;
    if (item == nullptr || !MayStillBring(*item, node, ref)) {
      return false;
    }
    item->state = ItemState::kLeased;
    item->renewed = now;
    return true;
  }

  static void Requeue(ModelItem& item, absl::Time ready) {
    item.state = ItemState::kPending;
    item.ready = ready;
  }

  void Conclude(ModelItem& item, const rendernode::ItemResult& result, absl::Time now) const {
    const RetryLimits& retry = limits_.retry;
    if (result.outcome() == rendernode::SUCCEEDED) {
      item.state = ItemState::kCompleted;
    } else if (result.outcome() == rendernode::INTERRUPTED) {
      Requeue(item, now);
    } else if (result.error_code() == rendernode::ITEM_ERROR_QUOTA_EXCEEDED) {
      Requeue(item, now + retry.backoff_max);
    } else {
      const int attempts = result.infrastructure() ? ++item.losses : ++item.failures;
      const int attempts_max = result.infrastructure() ? retry.losses_max : retry.failures_max;
      if ((result.infrastructure() || result.retryable()) && attempts < attempts_max) {
        Requeue(item, now + std::min(retry.backoff_min * (1 << (attempts - 1)), retry.backoff_max));
      } else {
        item.state = ItemState::kFailed;
      }
    }
  }

  static void EndIfDone(ModelJob& job) {
    bool completed = false;
    for (const auto& [id, item] : job.items) {
      if (item.state == ItemState::kPending || item.state == ItemState::kLeased) {
        return;
      }
      completed |= item.state == ItemState::kCompleted;
    }
    if (!IsTerminal(job.state)) {
      job.state = completed ? JobState::kCompleted : JobState::kFailed;
    }
  }

  const StoreLimits limits_;
  std::map<std::string, ModelJob> jobs_;
  std::map<std::string, std::string> sessions_;  // By node.
};

}  // namespace rn
