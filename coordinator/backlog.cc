#include "coordinator/backlog.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/digest_prefix.h"
#include "base/status.h"

namespace rn {
namespace {

using rendernode::CommitItemRequest;
using rendernode::CommitItemResponse;

constexpr std::int64_t kItemsPerPageMin = 16;

// Between two looks at the store, as a multiple of how long one takes.
constexpr int kSpacing = 2;

// Of jobs that are new, at one look at the store: bounds how long it takes after a start.
constexpr int kSpecsPerLook = 64;

constexpr std::size_t kTenantsPerPage = 1000;

// Items are named "<job>-<row>".
std::string JobOfItem(const std::string& item_id) {
  return item_id.substr(0, item_id.rfind('-'));
}

std::optional<absl::Duration> RenderTime(const rendernode::ItemResult& result) {
  if (result.outcome() != rendernode::SUCCEEDED || result.usage().wall_s() <= 0) {
    return std::nullopt;
  }
  return absl::Seconds(result.usage().wall_s());
}

// From what the askers want; how much that is. Assignments are in the askers' order.
std::int64_t Subtract(const std::vector<Assignment>& assignments, std::vector<Asker>& askers) {
  std::int64_t given = 0;
  auto asker = askers.begin();
  for (const Assignment& assignment : assignments) {
    while (asker->session != assignment.session) {
      ++asker;
    }
    asker->want -= std::ssize(assignment.item_ids);
    given += std::ssize(assignment.item_ids);
  }
  return given;
}

}  // namespace

Backlog::Backlog(Store& store, Clock& clock, BacklogOptions options)
    : store_(store),
      clock_(clock),
      options_(std::move(options)),
      configured_(options_.scheduler.shares),
      scheduler_(options_.scheduler) {}

void Backlog::Changed() {
  MutexLock lock(changes_);
  changed_ = true;
}

absl::Duration Backlog::NextLook() const {
  MutexLock lock(changes_);
  if (!changed_) {
    return options_.look_interval;
  }
  const absl::Duration left = refreshed_at_ + spacing_ - clock_.SinceBoot();
  return std::clamp(left, absl::ZeroDuration(), options_.look_interval);
}

absl::Status Backlog::HandOut(std::vector<Asker> askers, Grant grant) {
  std::int64_t wanted = 0;
  for (const Asker& asker : askers) {
    wanted += asker.want;
  }
  RETURN_IF_ERROR(RefreshIfDue(/*asked=*/wanted > 0));
  const absl::Duration end = clock_.SinceBoot() + options_.look_interval;
  while (wanted > 0) {
    Decisions decisions;
    {
      MutexLock lock(scheduling_);
      decisions = scheduler_.Decide(askers, clock_.Now());
    }
    const std::int64_t given = Subtract(decisions.assignments, askers);
    const absl::StatusOr<std::int64_t> granted = GrantAll(decisions.assignments, grant);
    if (!granted.ok() || *granted < given) {  // The store knows better.
      Changed();
      return granted.status();
    }
    wanted -= given;
    if (decisions.unknown.empty()) {
      return absl::OkStatus();
    }
    if (given > 0 && clock_.SinceBoot() >= end) {
      Changed();
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(Load(decisions.unknown, wanted));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::int64_t> Backlog::GrantAll(absl::Span<const Assignment> assignments,
                                               Grant grant) const {
  std::int64_t granted = 0;
  while (!assignments.empty()) {
    std::size_t count = 0;
    for (std::int64_t items = 0; count < assignments.size() && items < options_.items_per_grant;) {
      items += std::ssize(assignments[count++].item_ids);
    }
    ASSIGN_OR_RETURN(const std::int64_t some, grant(assignments.first(count)));
    granted += some;
    assignments.remove_prefix(count);
  }
  return granted;
}

absl::Status Backlog::RefreshIfDue(bool asked) {
  const absl::Duration began = clock_.SinceBoot();
  {
    MutexLock lock(changes_);
    const bool due = changed_ ? began >= refreshed_at_ + spacing_
                              : asked && began >= refreshed_at_ + options_.look_interval;
    if (!due) {
      return absl::OkStatus();
    }
    changed_ = false;  // What changes from here on may or may not be seen.
  }
  absl::Status status = Refresh();
  MutexLock lock(changes_);
  refreshed_at_ = clock_.SinceBoot();
  spacing_ = std::min(kSpacing * (refreshed_at_ - began), options_.look_interval);
  if (!status.ok()) {
    changed_ = true;
    spacing_ = options_.look_interval;
  }
  return status;
}

// Of everybody who is named, in the store or in the configuration.
absl::Status Backlog::LearnShares() {
  TenantShares shares;
  {
    MutexLock lock(scheduling_);
    shares = configured_;
  }
  std::vector<Tenant> page;
  do {
    const std::string after = page.empty() ? "" : page.back().id;
    ASSIGN_OR_RETURN(page, store_.ListTenants(after, static_cast<int>(kTenantsPerPage)));
    for (const Tenant& tenant : page) {
      TenantShare& share = shares.named.emplace(tenant.id, shares.others).first->second;
      share.weight = tenant.limits.weight.value_or(share.weight);
      if (const auto running_max = tenant.limits.items_running_max) {
        share.items_running_max = *running_max > 0 ? *running_max : TenantShare().items_running_max;
      }
      if (tenant.state == TenantState::kSuspended) {
        share.items_running_max = 0;
      }
    }
  } while (page.size() == kTenantsPerPage);
  MutexLock lock(scheduling_);
  scheduler_.SetShares(std::move(shares));
  return absl::OkStatus();
}

absl::Status Backlog::Refresh() {
  RETURN_IF_ERROR(LearnShares());
  const absl::Time now = clock_.Now();
  ASSIGN_OR_RETURN(std::vector<WaitingJob> jobs, store_.OpenJobs(now));
  std::set<std::string> specs;
  int unread = kSpecsPerLook;
  for (WaitingJob& job : jobs) {
    specs.insert(job.spec_digest);
    if (assets_.count(job.spec_digest) > 0 || unread-- > 0) {
      job.assets = AssetsOf(job.spec_digest);
    }
  }
  std::erase_if(assets_, [&](const auto& entry) { return specs.count(entry.first) == 0; });
  MutexLock lock(scheduling_);
  for (WaitingJob& job : jobs) {
    if (const auto commits = committing_.find(job.job_id); commits != committing_.end()) {
      job.leased += commits->second;
    }
  }
  scheduler_.SetJobs(std::move(jobs), now);
  return absl::OkStatus();
}

// Files are for affinity only: those of a spec that cannot be read are not missed.
const std::vector<std::uint64_t>& Backlog::AssetsOf(const std::string& spec_digest) {
  const auto [known, is_new] = assets_.try_emplace(spec_digest);
  if (!is_new) {
    return known->second;
  }
  const absl::StatusOr<std::string> bytes = store_.GetJobSpec(spec_digest);
  rendernode::JobSpec spec;
  if (bytes.ok() && spec.ParseFromString(*bytes)) {
    for (const rendernode::Asset& asset : spec.assets()) {
      if (const auto prefix = DigestPrefix(asset.sha256())) {
        known->second.push_back(*prefix);
      }
    }
  }
  return known->second;
}

absl::Status Backlog::Load(const std::vector<std::string>& job_ids, std::int64_t wanted) {
  const auto page = static_cast<int>(
      std::clamp<std::int64_t>(2 * wanted, kItemsPerPageMin, options_.items_per_page));
  for (const std::string& job_id : job_ids) {
    absl::StatusOr<WaitingItems> items = store_.ReadyItems(job_id, page, clock_.Now());
    if (!items.ok()) {
      Changed();
      return items.status();
    }
    MutexLock lock(scheduling_);
    scheduler_.SetItems(job_id, *std::move(items));
  }
  return absl::OkStatus();
}

absl::StatusOr<CommitItemResponse::Verdict> Backlog::Commit(const CommitItemRequest& request,
                                                            const std::string& node_id) {
  const std::string job_id = JobOfItem(request.ref().item_id());
  {
    MutexLock lock(scheduling_);
    ++committing_[job_id];
  }
  auto verdict = store_.Commit(request, clock_.Now());
  MutexLock lock(scheduling_);
  if (--committing_[job_id] == 0) {
    committing_.erase(job_id);
  }
  if (verdict.ok() && *verdict == CommitItemResponse::COMMITTED) {
    scheduler_.Ended(job_id, node_id, RenderTime(request.result()));
  }
  return verdict;
}

bool Backlog::HasWork() const {
  MutexLock lock(scheduling_);
  return scheduler_.HasWork();
}

void Backlog::SetNode(const FarmNode& node) {
  MutexLock lock(scheduling_);
  scheduler_.SetNode(node);
}

void Backlog::ForgetNode(const std::string& node_id) {
  MutexLock lock(scheduling_);
  scheduler_.ForgetNode(node_id);
}

void Backlog::SetShares(TenantShares shares) {
  {
    MutexLock lock(scheduling_);
    configured_ = std::move(shares);
  }
  Changed();
}

std::optional<Forecast> Backlog::Foretell(const std::string& job_id) const {
  MutexLock lock(scheduling_);
  return scheduler_.Foretell(job_id, clock_.Now());
}

}  // namespace rn
