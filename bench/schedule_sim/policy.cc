#include "bench/schedule_sim/policy.h"

#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace rn::sim {
namespace {

constexpr std::int64_t kPage = 128;  // Items of a job that are shown at once.

absl::Time TimeAt(Seconds seconds) {
  return absl::UnixEpoch() + absl::Seconds(seconds);
}

std::string JobName(int job) {
  return absl::StrCat("j", job);
}

// "j12-7" is an item of job 12.
int JobOfItem(absl::string_view item) {
  int job = -1;
  const absl::string_view number = item.substr(1, item.find('-') - 1);
  return absl::SimpleAtoi(number, &job) ? job : -1;
}

class SchedulerPolicy final : public Policy {
 public:
  explicit SchedulerPolicy(const Workload& load)
      : load_(load), scheduler_(OptionsFor(load)), states_(load.jobs.size()) {
    for (std::size_t i = 0; i < load.nodes.size(); ++i) {
      names_.push_back(absl::StrCat("n", i));
      scheduler_.SetNode({.node_id = names_.back(), .slots = 1});
    }
  }

  void SetJobs(const std::vector<JobState>& states, Seconds now) override {
    states_ = states;
    std::vector<WaitingJob> told;
    for (std::size_t i = 0; i < states.size(); ++i) {
      if (states[i].pending == 0 && states[i].leased == 0) {
        continue;
      }
      const SimJob& job = load_.jobs[i];
      told.push_back(
          {.job_id = JobName(static_cast<int>(i)),
           .tenant = load_.tenants[static_cast<std::size_t>(job.tenant)].name,
           .priority = job.priority,
           .created_at = TimeAt(job.arrives),
           .deadline_at = job.deadline > 0 ? TimeAt(job.deadline) : absl::InfiniteFuture(),
           .spec_digest = absl::StrCat("spec of j", i),
           .pending = states[i].pending,
           .leased = states[i].leased,
           .assets = {job.assets.begin(), job.assets.end()}});
    }
    scheduler_.SetJobs(std::move(told), TimeAt(now));
  }

  std::vector<std::pair<int, int>> Assign(const std::vector<int>& idle, Seconds now) override {
    std::vector<Asker> askers;
    for (const int node : idle) {
      const std::string& name = names_[static_cast<std::size_t>(node)];
      askers.push_back({.session = absl::StrCat(node), .node_id = name, .want = 1});
    }
    std::vector<std::pair<int, int>> given;
    while (!askers.empty()) {
      const Decisions decisions = scheduler_.Decide(askers, TimeAt(now));
      std::set<std::string> served;
      for (const Assignment& assignment : decisions.assignments) {
        int node = -1;
        const int job = JobOfItem(assignment.item_ids.front());
        if (!absl::SimpleAtoi(assignment.session, &node) || job < 0) {
          return given;
        }
        --states_[static_cast<std::size_t>(job)].pending;
        given.emplace_back(node, job);
        served.insert(assignment.session);
      }
      if (decisions.unknown.empty()) {
        break;
      }
      std::erase_if(askers, [&](const Asker& asker) { return served.count(asker.session) > 0; });
      for (const std::string& job_id : decisions.unknown) {
        scheduler_.SetItems(job_id, PageOf(job_id));
      }
    }
    return given;
  }

  void Ended(int job, int node, Seconds took) override {
    scheduler_.Ended(JobName(job), names_[static_cast<std::size_t>(node)], absl::Seconds(took));
  }

  std::optional<Seconds> Foretell(int job, Seconds now) const override {
    const auto forecast = scheduler_.Foretell(JobName(job), TimeAt(now));
    return forecast.has_value() && forecast->left.has_value()
               ? std::optional(absl::ToDoubleSeconds(*forecast->left))
               : std::nullopt;
  }

 private:
  static SchedulerOptions OptionsFor(const Workload& load) {
    SchedulerOptions options;
    options.specs_per_node = kSpecsPerNode;
    for (const SimTenant& tenant : load.tenants) {
      options.shares.named[tenant.name] = tenant.share;
    }
    return options;
  }

  // One item is as good as another: they are numbered by how many still wait.
  WaitingItems PageOf(const std::string& job_id) const {
    const int job = JobOfItem(job_id + "-");
    const std::int64_t pending = states_[static_cast<std::size_t>(job)].pending;
    WaitingItems items;
    for (std::int64_t i = 0; i < std::min(pending, kPage); ++i) {
      items.ids.push_back(absl::StrCat(job_id, "-", pending - i));
    }
    items.more = pending > kPage;
    return items;
  }

  const Workload& load_;
  Scheduler scheduler_;
  std::vector<std::string> names_;
  std::vector<JobState> states_;
};

class FifoPolicy final : public Policy {
 public:
  explicit FifoPolicy(const Workload& load) : load_(load), running_(load.tenants.size()) {}

  void SetJobs(const std::vector<JobState>& states, Seconds now) override {
    states_ = states;
    oldest_ = 0;
    std::fill(running_.begin(), running_.end(), 0);
    for (std::size_t job = 0; job < states_.size(); ++job) {
      running_[TenantOf(job)] += states_[job].leased;
    }
  }

  std::vector<std::pair<int, int>> Assign(const std::vector<int>& idle, Seconds now) override {
    std::vector<std::pair<int, int>> given;
    for (const int node : idle) {
      while (oldest_ < states_.size() && states_[oldest_].pending == 0) {
        ++oldest_;
      }
      std::size_t job = oldest_;
      while (job < states_.size() && (states_[job].pending == 0 || IsAtLimit(TenantOf(job)))) {
        ++job;
      }
      if (job == states_.size()) {
        break;
      }
      --states_[job].pending;
      ++running_[TenantOf(job)];
      given.emplace_back(node, static_cast<int>(job));
    }
    return given;
  }

  void Ended(int job, int node, Seconds took) override {
    --running_[TenantOf(static_cast<std::size_t>(job))];
  }
  std::optional<Seconds> Foretell(int job, Seconds now) const override { return std::nullopt; }

 private:
  std::size_t TenantOf(std::size_t job) const {
    return static_cast<std::size_t>(load_.jobs[job].tenant);
  }
  bool IsAtLimit(std::size_t tenant) const {
    return running_[tenant] >= load_.tenants[tenant].share.items_running_max;
  }

  const Workload& load_;
  std::vector<std::int64_t> running_;  // By tenant.
  std::vector<JobState> states_;
  std::size_t oldest_ = 0;
};

}  // namespace

std::unique_ptr<Policy> MakeScheduler(const Workload& load) {
  return std::make_unique<SchedulerPolicy>(load);
}

std::unique_ptr<Policy> MakeFifo(const Workload& load) {
  return std::make_unique<FifoPolicy>(load);
}

}  // namespace rn::sim
