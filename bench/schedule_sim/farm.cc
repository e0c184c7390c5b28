#include "bench/schedule_sim/farm.h"

#include <algorithm>
#include <bitset>
#include <deque>
#include <functional>
#include <queue>
#include <random>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status.h"

namespace rn::sim {
namespace {

constexpr int kAssetsMax = 256;
constexpr Seconds kFetchAsset = 1.5;
constexpr double kColdWork = 0.15;             // Of an item's work: the first of its job on a node.
constexpr double kJitter = 0.15;               // By which items of a job differ.
constexpr Seconds kSample = 2;                 // Between two looks at the shares.
constexpr std::int64_t kItemsToForetell = 40;  // Smaller jobs end before they are worth a forecast.

struct NodeState {
  bool busy = false;
  int job = -1;
  Seconds began = 0, ends = 0;
  Seconds wasted = 0;     // Of the item under way: on what was fetched for it.
  std::deque<int> specs;  // The latest last.
  std::bitset<kAssetsMax> assets;
};

struct Event {
  Seconds at;
  enum Kind { kEnds, kArrives, kDeadline } kind;
  int which;  // Node or job.

  bool operator>(const Event& other) const {
    return std::tie(at, kind, which) > std::tie(other.at, other.kind, other.which);
  }
};

struct JobNotes {
  std::int64_t done = 0, missed = 0;
  bool arrived = false, over = false;
  Seconds ended = 0;
  Seconds foretold_at = 0, foretold = -1;
};

class Farm {
 public:
  Farm(const Workload& load, Policy& policy, unsigned seed)
      : load_(load),
        policy_(policy),
        random_(seed),
        nodes_(load.nodes.size()),
        states_(load.jobs.size()),
        notes_(load.jobs.size()),
        running_(load.tenants.size()),
        waiting_(load.tenants.size()),
        got_(load.tenants.size()),
        entitled_(load.tenants.size()) {}

  absl::StatusOr<Outcome> Run() {
    for (std::size_t i = 0; i < load_.jobs.size(); ++i) {
      events_.push({load_.jobs[i].arrives, Event::kArrives, static_cast<int>(i)});
      if (load_.jobs[i].deadline > 0) {
        events_.push({load_.jobs[i].deadline, Event::kDeadline, static_cast<int>(i)});
      }
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      idle_.push_back(static_cast<int>(i));
    }
    while (!events_.empty()) {
      const Event event = events_.top();
      events_.pop();
      PassTime(event.at);
      switch (event.kind) {
        case Event::kEnds:
          RETURN_IF_ERROR(End(event.which));
          break;
        case Event::kArrives:
          RETURN_IF_ERROR(Arrive(event.which));
          break;
        case Event::kDeadline:
          RETURN_IF_ERROR(MeetDeadline(event.which));
          break;
      }
    }
    return Conclude();
  }

 private:
  const SimJob& JobAt(int job) const { return load_.jobs[static_cast<std::size_t>(job)]; }
  JobState& StateOf(int job) { return states_[static_cast<std::size_t>(job)]; }
  JobNotes& NotesOf(int job) { return notes_[static_cast<std::size_t>(job)]; }
  std::size_t TenantOf(int job) const { return static_cast<std::size_t>(JobAt(job).tenant); }

  void PassTime(Seconds now) {
    if (MayStart()) {
      waited_ += now - now_;
      busy_ += (now - now_) * static_cast<double>(nodes_.size() - idle_.size());
    }
    while (sampled_ + kSample <= now) {
      sampled_ += kSample;
      Sample();
    }
    now_ = now;
  }

  bool MayStart() const {
    for (std::size_t t = 0; t < waiting_.size(); ++t) {
      if (waiting_[t] > 0 && running_[t] < load_.tenants[t].share.items_running_max) {
        return true;
      }
    }
    return false;
  }

  // By weight, and nobody more than it wants or may: what some leave over, the others share.
  void Sample() {
    const auto nodes = static_cast<double>(nodes_.size());
    std::vector<double> wants;
    double wanted = 0;
    for (std::size_t t = 0; t < load_.tenants.size(); ++t) {
      const auto limit = static_cast<double>(load_.tenants[t].share.items_running_max);
      wants.push_back(std::min(static_cast<double>(running_[t] + waiting_[t]), limit));
      wanted += wants.back();
    }
    if (wanted <= nodes) {
      return;
    }
    std::vector<bool> sated(wants.size(), false);
    double left = nodes;
    std::vector<double> gets(wants.size(), 0);
    for (bool again = true; again;) {
      again = false;
      double weights = 0;
      for (std::size_t t = 0; t < wants.size(); ++t) {
        weights += sated[t] ? 0 : load_.tenants[t].share.weight;
      }
      for (std::size_t t = 0; t < wants.size(); ++t) {
        gets[t] = sated[t] ? wants[t] : left * load_.tenants[t].share.weight / weights;
      }
      for (std::size_t t = 0; t < wants.size(); ++t) {
        if (!sated[t] && wants[t] <= gets[t]) {
          sated[t] = true;
          left -= wants[t];
          again = true;
        }
      }
    }
    for (std::size_t t = 0; t < wants.size(); ++t) {
      got_[t] += static_cast<double>(running_[t]);
      entitled_[t] += gets[t];
    }
  }

  absl::Status Arrive(int job) {
    NotesOf(job).arrived = true;
    StateOf(job).pending = JobAt(job).items;
    waiting_[TenantOf(job)] += JobAt(job).items;
    total_waiting_ += JobAt(job).items;
    policy_.SetJobs(states_, now_);
    return GiveOut(std::exchange(idle_, {}));
  }

  // As the store does it: what is open then has failed. What a node renders, it renders in vain.
  absl::Status MeetDeadline(int job) {
    JobState& state = StateOf(job);
    JobNotes& notes = NotesOf(job);
    if (notes.over) {
      return absl::OkStatus();
    }
    notes.missed += state.pending + state.leased;
    waiting_[TenantOf(job)] -= state.pending;
    total_waiting_ -= state.pending;
    running_[TenantOf(job)] -= state.leased;
    notes.over = true;
    notes.ended = now_;
    state = {};
    policy_.SetJobs(states_, now_);
    std::vector<int> freed = std::exchange(idle_, {});
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].busy && nodes_[i].job == job) {
        useless_ += now_ - nodes_[i].began;
        nodes_[i].busy = false;
        freed.push_back(static_cast<int>(i));
      }
    }
    return GiveOut(std::move(freed));
  }

  absl::Status End(int node) {
    NodeState& state = nodes_[static_cast<std::size_t>(node)];
    if (!state.busy || state.ends != now_) {
      return absl::OkStatus();  // It was told to stop meanwhile.
    }
    const int job = state.job;
    state.busy = false;
    useless_ += state.wasted;
    useful_ += now_ - state.began - state.wasted;
    policy_.Ended(job, node, now_ - state.began);
    --StateOf(job).leased;
    --running_[TenantOf(job)];
    JobNotes& notes = NotesOf(job);
    if (++notes.done == (JobAt(job).items + 3) / 4 && JobAt(job).items >= kItemsToForetell) {
      notes.foretold = policy_.Foretell(job, now_).value_or(-1);
      notes.foretold_at = now_;
    }
    if (StateOf(job).pending == 0 && StateOf(job).leased == 0) {
      notes.over = true;
      notes.ended = now_;
    }
    std::vector<int> asking = {node};
    if (!idle_.empty() && total_waiting_ > 0) {  // One that a limit kept out.
      asking.push_back(idle_.back());
      idle_.pop_back();
    }
    return GiveOut(std::move(asking));
  }

  absl::Status GiveOut(std::vector<int> asking) {
    if (total_waiting_ == 0) {
      idle_.insert(idle_.end(), asking.begin(), asking.end());
      return absl::OkStatus();
    }
    const absl::Duration began = Clock::System().Awake();
    const auto given = policy_.Assign(asking, now_);
    deciding_ += Clock::System().Awake() - began;
    for (const auto& [node, job] : given) {
      NodeState& state = nodes_[static_cast<std::size_t>(node)];
      if (state.busy || StateOf(job).pending <= 0) {
        return absl::InternalError(absl::StrCat("job ", job, " has nothing for node ", node));
      }
      ++decided_;
      --StateOf(job).pending;
      ++StateOf(job).leased;
      --waiting_[TenantOf(job)];
      --total_waiting_;
      if (++running_[TenantOf(job)] > load_.tenants[TenantOf(job)].share.items_running_max) {
        return absl::InternalError(absl::StrCat("tenant ", TenantOf(job), " is above its limit"));
      }
      Begin(node, job);
    }
    for (const int node : asking) {
      if (!nodes_[static_cast<std::size_t>(node)].busy) {
        idle_.push_back(node);
      }
    }
    return absl::OkStatus();
  }

  void Begin(int node, int job) {
    NodeState& state = nodes_[static_cast<std::size_t>(node)];
    const SimJob& what = JobAt(job);
    const double speed = load_.nodes[static_cast<std::size_t>(node)].speed;
    state.busy = true;
    state.job = job;
    state.began = now_;
    state.wasted = 0;
    if (std::erase(state.specs, job) == 0) {
      state.wasted += kColdWork * what.work / speed;
    } else {
      ++hits_;
    }
    state.specs.push_back(job);
    if (state.specs.size() > kSpecsPerNode) {
      state.specs.pop_front();
    }
    for (const int asset : what.assets) {
      if (!state.assets.test(static_cast<std::size_t>(asset))) {
        state.assets.set(static_cast<std::size_t>(asset));
        state.wasted += kFetchAsset;
      }
    }
    const double jitter = 1 - kJitter + 2 * kJitter * static_cast<double>(random_()) / 4294967296.0;
    state.ends = now_ + state.wasted + what.work * jitter / speed;
    events_.push({state.ends, Event::kEnds, node});
  }

  absl::StatusOr<Outcome> Conclude() {
    Outcome outcome{.ends_at = now_};
    std::int64_t items = 0;
    double waited = 0;
    for (std::size_t i = 0; i < load_.jobs.size(); ++i) {
      const SimJob& job = load_.jobs[i];
      const JobNotes& notes = notes_[i];
      items += job.items;
      outcome.items_done += notes.done;
      outcome.items_missed += notes.missed;
      outcome.jobs_with_deadline += job.deadline > 0 ? 1 : 0;
      outcome.jobs_missed += notes.missed > 0 ? 1 : 0;
      waited += notes.ended - job.arrives;
      const Seconds took = notes.ended - notes.foretold_at;
      if (notes.foretold > 0 && took > 0 && notes.missed == 0) {
        outcome.eta_errors.push_back(std::max(notes.foretold / took, took / notes.foretold));
      }
    }
    if (outcome.items_done + outcome.items_missed != items || total_waiting_ != 0) {
      return absl::InternalError(absl::StrCat(
          outcome.items_done, " done and ", outcome.items_missed, " missed of ", items));
    }
    const auto nodes = static_cast<double>(nodes_.size());
    outcome.utilisation = waited_ > 0 ? busy_ / (nodes * waited_) : 1;
    outcome.useful = useful_ / std::max(useless_ + useful_, 1e-9);
    outcome.spec_hits = static_cast<double>(hits_) / static_cast<double>(decided_);
    outcome.mean_wait_s = waited / static_cast<double>(load_.jobs.size());
    outcome.decisions_per_second = static_cast<double>(decided_) / absl::ToDoubleSeconds(deciding_);
    double sum = 0;
    double squares = 0;
    double count = 0;
    outcome.worst_share = 1;
    for (std::size_t t = 0; t < got_.size(); ++t) {
      if (entitled_[t] > 0) {
        const double share = got_[t] / entitled_[t];
        sum += share;
        squares += share * share;
        count += 1;
        outcome.worst_share = std::min(outcome.worst_share, share);
      }
    }
    outcome.jain = count > 0 ? sum * sum / (count * squares) : 1;
    return outcome;
  }

  const Workload& load_;
  Policy& policy_;
  std::mt19937 random_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  Seconds now_ = 0, sampled_ = 0;
  std::vector<NodeState> nodes_;
  std::vector<int> idle_;
  std::vector<JobState> states_;
  std::vector<JobNotes> notes_;
  std::vector<std::int64_t> running_, waiting_;  // By tenant.
  std::vector<double> got_, entitled_;
  std::int64_t total_waiting_ = 0, decided_ = 0, hits_ = 0;
  double waited_ = 0, busy_ = 0, useless_ = 0, useful_ = 0;
  absl::Duration deciding_;
};

}  // namespace

absl::StatusOr<Outcome> Simulate(const Workload& load, Policy& policy, unsigned seed) {
  return Farm(load, policy, seed).Run();
}

}  // namespace rn::sim
