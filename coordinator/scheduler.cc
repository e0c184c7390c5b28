#include "coordinator/scheduler.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <set>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "coordinator/item_order.h"

namespace rn {
namespace {

constexpr std::size_t kUnknownMax = 16;  // Jobs whose items are asked for together.
constexpr int kColdPlacesSeen = 8;       // Of equals that do not know a job, for its files.
constexpr double kSpeedMax = 32, kSpeedMin = 1 / kSpeedMax;
// So many items of a node are measured before they count more than its own word.
constexpr std::int64_t kItemsToTrust = 4;

// The latest samples count more, the first ones as much as each other. Of logarithms, since times
// and speeds err by factors.
class Pace {
 public:
  void Add(double sample, double newest_counts) {
    ++samples_;
    log_ += (std::log(sample) - log_) *
            std::max(newest_counts, 1.0 / static_cast<double>(std::min(samples_, kSamplesSeen)));
    value_ = std::exp(log_);
  }
  bool known() const { return samples_ > 0; }
  std::int64_t samples() const { return samples_; }
  double value() const { return value_; }

 private:
  static constexpr std::int64_t kSamplesSeen = 1 << 20;
  std::int64_t samples_ = 0;
  double log_ = 0, value_ = 1;
};

std::uint64_t KeyOf(const std::string& spec_digest) {
  return std::hash<std::string>()(spec_digest);
}

struct Node {
  std::int64_t slots = 0;
  double told_fps = 0;
  Pace speed;
  std::deque<std::uint64_t> specs;  // The latest last.
  std::unordered_set<std::uint64_t> files;
};

// An asker as the decisions fill it.
struct Place {
  const Asker* asker;
  Node* node;
  double speed;
  std::int64_t room;
  std::vector<std::string> item_ids;
};

struct Tenant;

struct Job {
  WaitingJob told;
  Tenant* tenant = nullptr;
  std::vector<std::string> item_ids;
  ItemOrder items;    // Of item_ids.
  bool more = false;  // There are items that are not known here.
  std::int64_t under_way = 0;
  double charged = 0;  // Work, for what is under way.
  Pace work;           // Of an item.
  absl::Time served_at;
  std::int64_t passed = 0;  // Times that affinity put it behind another.
  // Within a Decide().
  std::uint64_t warm_in = 0, useless_in = 0;
  std::deque<Place*> warm;  // Who knows it.

  bool waits() const { return more || !items.empty(); }
  bool has_deadline() const { return told.deadline_at != absl::InfiniteFuture(); }
  // What goes first compares less. Valid while the job's id is.
  auto Rank() const {
    return std::make_tuple(-static_cast<int>(told.priority),
                           told.deadline_at,
                           has_deadline() ? std::int64_t{0} : under_way,
                           told.created_at,
                           std::string_view(told.job_id));
  }
};

struct FirstInOrder {
  bool operator()(const Job* a, const Job* b) const { return a->Rank() < b->Rank(); }
};
struct LongestUnserved {
  bool operator()(const Job* a, const Job* b) const {
    return std::tie(a->served_at, a->told.job_id) < std::tie(b->served_at, b->told.job_id);
  }
};

struct Tenant {
  std::string name;
  TenantShare share;
  double claim = 0;  // Virtual time: the work that it was given, by its weight.
  std::int64_t running = 0;
  std::int64_t jobs = 0;
  std::int64_t since_starving = std::numeric_limits<std::int64_t>::max() / 2;
  bool takes_part = false;
  std::uint64_t useless_in = 0;  // Within a Decide().
  // Those that wait.
  std::set<Job*, FirstInOrder> order;
  std::set<Job*, LongestUnserved> unserved;
};

struct LeastClaim {
  bool operator()(const Tenant* a, const Tenant* b) const {
    return std::tie(a->claim, a->name) < std::tie(b->claim, b->name);
  }
};

// A tenant's work as a stream.
struct Flow {
  double left = 0, weight = 1, rate_max = 0;
  double rate = 0;
};
constexpr double kRounding = 1e-9;

// Of all nodes that take work.
struct Strength {
  double slots = 0, idle_slots = 0;
  double capacity = 0;                    // Work a second.
  double mean_speed = 1, slow_speed = 1;  // Of a slot; of one of the slower ones.
};

// What the forecasts of all jobs have in common.
struct Outlook {
  struct Wanted {
    const Job* job;
    double left;
  };
  Strength farm;
  std::map<const Tenant*, Flow> flows;  // Of those that have jobs.
  std::map<const Tenant*, std::vector<Wanted>> wanted;
};

// By weight; what somebody's limit leaves over, the others share.
void Share(double capacity, std::map<const Tenant*, Flow>& flows) {
  double weights = 0;
  for (auto& [tenant, flow] : flows) {
    flow.rate = -1;
    weights += flow.weight;
  }
  for (bool again = true; again;) {
    again = false;
    for (auto& [tenant, flow] : flows) {
      if (flow.rate < 0 && flow.rate_max < capacity * flow.weight / weights) {
        flow.rate = flow.rate_max;
        capacity -= flow.rate;
        weights -= flow.weight;
        again = true;
      }
    }
  }
  for (auto& [tenant, flow] : flows) {
    if (flow.rate < 0) {
      flow.rate = capacity * flow.weight / weights;
    }
  }
}

// Until the tenant was given so much work, if nothing new comes: who has all it wanted leaves its
// share to the others.
double TimeFor(const Tenant& tenant, double work, const Outlook& outlook) {
  std::map<const Tenant*, Flow> flows = outlook.flows;
  flows[&tenant].left = work;
  double time = 0;
  while (true) {
    Share(outlook.farm.capacity, flows);
    double step = std::numeric_limits<double>::infinity();
    for (const auto& [of, flow] : flows) {
      if (flow.rate > 0) {
        step = std::min(step, flow.left / flow.rate);
      }
    }
    time += step;
    const Flow& own = flows[&tenant];
    if (own.left <= own.rate * step * (1 + kRounding)) {
      return time;
    }
    for (auto& [of, flow] : flows) {
      flow.left -= flow.rate * step;
    }
    std::erase_if(flows, [&](const auto& entry) {
      return entry.first != &tenant && entry.second.left <= kRounding * outlook.farm.capacity;
    });
  }
}

// What the tenant wants done before the job is; without deadlines, equal jobs share.
double Ahead(const Job& job, double own, const Outlook& outlook) {
  double ahead = 0;
  for (const auto& [other, left] : outlook.wanted.at(job.tenant)) {
    if (other == &job || other->told.priority < job.told.priority) {
      continue;
    }
    const bool before = other->told.priority > job.told.priority ||
                        other->told.deadline_at < job.told.deadline_at ||
                        (job.has_deadline() && other->told.deadline_at == job.told.deadline_at &&
                         other->Rank() < job.Rank());
    if (before) {
      ahead += left;
    } else if (!job.has_deadline()) {
      ahead += std::min(left, own);
    }
  }
  return ahead;
}

struct Choice {
  Job* job = nullptr;
  Place* place = nullptr;
  Job* passed = nullptr;  // The job of a deadline that this one is put before.
};

}  // namespace

class Scheduler::Impl {
 public:
  explicit Impl(SchedulerOptions options) : options_(std::move(options)) {}

  void SetShares(TenantShares shares);
  void SetJobs(std::vector<WaitingJob> jobs, absl::Time now);
  void SetItems(const std::string& job_id, WaitingItems items);
  void SetNode(const FarmNode& view);
  void ForgetNode(const std::string& node_id);
  bool HasWork() const { return !claims_.empty(); }
  Decisions Decide(const std::vector<Asker>& askers, absl::Time now);
  void Ended(const std::string& job_id,
             const std::string& node_id,
             std::optional<absl::Duration> took);
  std::optional<Forecast> Foretell(const std::string& job_id, absl::Time now) const;

  // Ourselves, to be changed: what was foreseen is not any more.
  Impl& Changing() {
    outlook_.reset();
    return *this;
  }

 private:
  template <typename Change>
  void Alter(Job& job, Change change);
  void Withdraw(Tenant& tenant);
  void Enter(Tenant& tenant);
  Tenant& TenantNamed(const std::string& name);
  TenantShare ShareOf(const std::string& name) const;
  void Put(WaitingJob told, absl::Time now);
  void Remove(const std::string& job_id);
  void ForgetIdleTenants();

  double WorkOf(const Job& job) const;
  double SpeedOf(const Node& node) const;
  void Learn(Job& job, Node* node, double seconds);

  void Seat(const std::vector<Asker>& askers);
  void Warm(Place& place);
  bool Serve();
  std::optional<Choice> Choose();
  Choice ChooseFor(Job& head);
  Job* HeadOf(Tenant& tenant);
  bool IsStarving(const Tenant& tenant, const Job& job) const;
  bool SomebodyTakes(Job& job);
  bool Takes(const Place& place, const Job& job) const;
  bool IsFutile(const Job& job, double speed) const;
  Place* WarmPlace(Job& job);
  Place* ColdPlace(const Job& job);
  bool MayPass(Job& warm, const Job& head);
  void Give(const Choice& choice);
  std::vector<std::string> Unknown(const Job& first) const;

  Strength StrengthOfFarm() const;
  Outlook LookOut() const;
  double IdleSlotsFor(const Tenant& tenant, const Strength& farm) const;
  double Left(const Job& job) const;

  SchedulerOptions options_;
  std::unordered_map<std::string, std::unique_ptr<Job>> jobs_;
  std::map<std::string, Tenant> tenants_;
  std::unordered_map<std::string, Node> nodes_;
  std::unordered_map<std::uint64_t, std::vector<Job*>> jobs_of_spec_;
  std::set<Tenant*, LeastClaim> claims_;  // Of those who take part.
  double virtual_time_ = 0;
  Pace work_;  // Of any item.
  double told_fps_ = 0;
  std::int64_t told_fps_nodes_ = 0;
  // Kept from the first forecast after a change on: pages of jobs ask for many at once.
  mutable std::optional<Outlook> outlook_;

  // Within a Decide().
  absl::Time now_;
  std::uint64_t decision_ = 0;
  std::uint64_t pass_ = 0;
  bool futile_too_ = false;
  std::vector<Place> places_;
  std::deque<Place*> rotation_;  // So that one node does not fill up while its neighbour idles.
  std::vector<Job*> warm_jobs_;
  Node nobody_;
};

// ---------------------------------------------------------------- what there is

void Scheduler::Impl::Withdraw(Tenant& tenant) {
  if (tenant.takes_part) {
    claims_.erase(&tenant);
  }
}

// Who takes part again has missed its turn in the meantime, and claims nothing for it.
void Scheduler::Impl::Enter(Tenant& tenant) {
  const bool took_part = tenant.takes_part;
  tenant.takes_part = !tenant.order.empty() && tenant.running < tenant.share.items_running_max;
  if (tenant.takes_part) {
    if (!took_part) {
      tenant.claim = std::max(tenant.claim, virtual_time_);
    }
    claims_.insert(&tenant);
  }
}

// Everything that an order goes by is changed in here.
template <typename Change>
void Scheduler::Impl::Alter(Job& job, Change change) {
  Tenant& tenant = *job.tenant;
  Withdraw(tenant);
  tenant.order.erase(&job);
  tenant.unserved.erase(&job);
  change();
  if (job.waits()) {
    tenant.order.insert(&job);
    tenant.unserved.insert(&job);
  }
  Enter(tenant);
}

TenantShare Scheduler::Impl::ShareOf(const std::string& name) const {
  const auto named = options_.shares.named.find(name);
  return named == options_.shares.named.end() ? options_.shares.others : named->second;
}

Tenant& Scheduler::Impl::TenantNamed(const std::string& name) {
  const auto [tenant, is_new] = tenants_.try_emplace(name);
  if (is_new) {
    tenant->second.name = name;
    tenant->second.share = ShareOf(name);
  }
  return tenant->second;
}

void Scheduler::Impl::SetShares(TenantShares shares) {
  options_.shares = std::move(shares);
  for (auto& [name, tenant] : tenants_) {
    Withdraw(tenant);
    tenant.share = ShareOf(name);
    Enter(tenant);
  }
}

void Scheduler::Impl::SetJobs(std::vector<WaitingJob> jobs, absl::Time now) {
  std::unordered_set<std::string> named;
  for (const WaitingJob& job : jobs) {
    named.insert(job.job_id);
  }
  std::vector<std::string> gone;
  for (const auto& [job_id, job] : jobs_) {
    if (named.count(job_id) == 0) {
      gone.push_back(job_id);
    }
  }
  for (const std::string& job_id : gone) {
    Remove(job_id);
  }
  for (WaitingJob& job : jobs) {
    Put(std::move(job), now);
  }
  ForgetIdleTenants();
}

void Scheduler::Impl::Put(WaitingJob told, absl::Time now) {
  std::unique_ptr<Job>& slot = jobs_[told.job_id];
  if (slot == nullptr) {
    slot = std::make_unique<Job>();
    slot->told = told;
    slot->tenant = &TenantNamed(told.tenant);
    slot->served_at = now;
    ++slot->tenant->jobs;
    jobs_of_spec_[KeyOf(told.spec_digest)].push_back(slot.get());
  }
  Job& job = *slot;
  Alter(job, [&] {
    // What is no longer under way and never ended well was not worth its charge.
    if (told.leased < job.under_way) {
      const double kept =
          job.charged * static_cast<double>(told.leased) / static_cast<double>(job.under_way);
      job.tenant->claim -= (job.charged - kept) / job.tenant->share.weight;
      job.charged = kept;
    }
    job.tenant->running += told.leased - job.under_way;
    job.under_way = told.leased;
    job.items = ItemOrder();
    job.more = told.pending > 0;
    job.told = std::move(told);
  });
}

void Scheduler::Impl::Remove(const std::string& job_id) {
  const auto found = jobs_.find(job_id);
  Job& job = *found->second;
  Tenant& tenant = *job.tenant;
  Alter(job, [&] {
    job.items = ItemOrder();
    job.more = false;
    tenant.running -= job.under_way;
  });
  --tenant.jobs;
  const auto same_spec = jobs_of_spec_.find(KeyOf(job.told.spec_digest));
  std::erase(same_spec->second, &job);
  if (same_spec->second.empty()) {
    jobs_of_spec_.erase(same_spec);
  }
  jobs_.erase(found);
}

// One that comes back starts where the others are; only who is ahead of them is remembered.
void Scheduler::Impl::ForgetIdleTenants() {
  std::erase_if(tenants_, [this](const auto& entry) {
    return entry.second.jobs == 0 && entry.second.claim <= virtual_time_;
  });
}

void Scheduler::Impl::SetItems(const std::string& job_id, WaitingItems items) {
  const auto found = jobs_.find(job_id);
  if (found == jobs_.end()) {
    return;
  }
  Job& job = *found->second;
  Alter(job, [&] {
    job.more = items.more;
    job.items = ItemOrder(items.ids, items.avoided);
    job.item_ids = std::move(items.ids);
  });
}

void Scheduler::Impl::SetNode(const FarmNode& view) {
  Node& node = nodes_[view.node_id];
  node.slots = view.slots;
  if (node.told_fps > 0) {
    told_fps_ -= node.told_fps;
    --told_fps_nodes_;
  }
  node.told_fps = std::max(0.0, view.frames_per_second);
  if (node.told_fps > 0) {
    told_fps_ += node.told_fps;
    ++told_fps_nodes_;
  }
  for (const std::string& spec : view.specs) {
    const std::uint64_t key = KeyOf(spec);
    if (std::find(node.specs.begin(), node.specs.end(), key) == node.specs.end()) {
      node.specs.push_front(key);
    }
  }
  while (node.specs.size() > options_.specs_per_node) {
    node.specs.pop_front();
  }
  node.files = {view.files.begin(),
                view.files.begin() + static_cast<std::ptrdiff_t>(
                                         std::min(view.files.size(), options_.assets_per_node))};
}

void Scheduler::Impl::ForgetNode(const std::string& node_id) {
  const auto found = nodes_.find(node_id);
  if (found == nodes_.end()) {
    return;
  }
  if (found->second.told_fps > 0) {
    told_fps_ -= found->second.told_fps;
    --told_fps_nodes_;
  }
  nodes_.erase(found);
}

// ---------------------------------------------------------------- what work is

double Scheduler::Impl::WorkOf(const Job& job) const {
  return job.work.known() ? job.work.value() : work_.value();
}

double Scheduler::Impl::SpeedOf(const Node& node) const {
  const bool own_word = node.told_fps > 0 && node.speed.samples() < kItemsToTrust;
  const double speed = own_word ? node.told_fps * static_cast<double>(told_fps_nodes_) / told_fps_
                                : node.speed.value();
  return std::clamp(speed, kSpeedMin, kSpeedMax);
}

// A job's work is learned from nodes of a known speed, a node's speed from jobs of a known work.
void Scheduler::Impl::Learn(Job& job, Node* node, double seconds) {
  constexpr double kOfSpeed = 0.1, kOfJob = 0.1, kOfAll = 0.01;
  if (node != nullptr && job.work.known()) {
    node->speed.Add(std::clamp(job.work.value() / seconds, kSpeedMin, kSpeedMax), kOfSpeed);
  }
  const double work = seconds * (node != nullptr ? SpeedOf(*node) : 1);
  job.work.Add(work, kOfJob);
  work_.Add(work, kOfAll);
}

void Scheduler::Impl::Ended(const std::string& job_id,
                            const std::string& node_id,
                            std::optional<absl::Duration> took) {
  const auto found = jobs_.find(job_id);
  if (found == jobs_.end()) {
    return;
  }
  Job& job = *found->second;
  const auto node = nodes_.find(node_id);
  std::optional<double> work;
  if (took.has_value() && *took > absl::ZeroDuration()) {
    Learn(job, node == nodes_.end() ? nullptr : &node->second, absl::ToDoubleSeconds(*took));
    work = absl::ToDoubleSeconds(*took) * (node == nodes_.end() ? 1 : SpeedOf(node->second));
  }
  if (job.under_way <= 0) {
    return;
  }
  Alter(job, [&] {
    const double charge = job.charged / static_cast<double>(job.under_way);
    job.charged -= charge;
    if (charge > 0) {
      job.tenant->claim += (work.value_or(charge) - charge) / job.tenant->share.weight;
    }
    --job.under_way;
    --job.tenant->running;
  });
}

// ---------------------------------------------------------------- deciding

Decisions Scheduler::Impl::Decide(const std::vector<Asker>& askers, absl::Time now) {
  Decisions decisions;
  if (!HasWork()) {  // However many ask.
    return decisions;
  }
  now_ = now;
  ++decision_;
  Seat(askers);
  for (const bool futile_too : {false, true}) {
    futile_too_ = futile_too;
    ++pass_;
    while (decisions.unknown.empty()) {
      const std::optional<Choice> choice = Choose();
      if (!choice.has_value()) {
        break;
      }
      if (choice->job->items.empty()) {
        decisions.unknown = Unknown(*choice->job);
        break;
      }
      Give(*choice);
    }
  }
  for (Place& place : places_) {
    if (!place.item_ids.empty()) {
      decisions.assignments.push_back(
          {place.asker->session, place.asker->node_id, std::move(place.item_ids)});
    }
  }
  return decisions;
}

// The idlest node first: it starts at once what a busy one would only keep; then the fastest.
void Scheduler::Impl::Seat(const std::vector<Asker>& askers) {
  places_.clear();
  rotation_.clear();
  warm_jobs_.clear();
  places_.reserve(askers.size());
  for (const Asker& asker : askers) {
    const auto found = nodes_.find(asker.node_id);
    Node* node = found == nodes_.end() ? &nobody_ : &found->second;
    places_.push_back({.asker = &asker,
                       .node = node,
                       .speed = SpeedOf(*node),
                       .room = asker.want,
                       .item_ids = {}});
  }
  for (Place& place : places_) {
    if (place.room > 0) {
      rotation_.push_back(&place);
    }
  }
  std::stable_sort(rotation_.begin(), rotation_.end(), [](const Place* a, const Place* b) {
    return a->room != b->room ? a->room > b->room : a->speed > b->speed;
  });
  for (Place* place : rotation_) {
    Warm(*place);
  }
}

// Notes the place with the jobs that it knows.
void Scheduler::Impl::Warm(Place& place) {
  for (auto spec = place.node->specs.rbegin(); spec != place.node->specs.rend(); ++spec) {
    const auto known = jobs_of_spec_.find(*spec);
    if (known == jobs_of_spec_.end()) {
      continue;
    }
    for (Job* job : known->second) {
      if (!job->waits()) {
        continue;
      }
      if (std::exchange(job->warm_in, decision_) != decision_) {
        job->warm.clear();
        warm_jobs_.push_back(job);
      }
      job->warm.push_back(&place);
    }
  }
}

// What goes next and to whom; nothing when nobody can take an item or none is left.
std::optional<Choice> Scheduler::Impl::Choose() {
  while (!rotation_.empty() && rotation_.front()->room <= 0) {
    rotation_.pop_front();
  }
  if (rotation_.empty()) {
    return std::nullopt;
  }
  for (Tenant* tenant : claims_) {
    if (Job* head = HeadOf(*tenant)) {
      virtual_time_ = std::max(virtual_time_, tenant->claim);
      return ChooseFor(*head);
    }
  }
  return std::nullopt;
}

// To a node that knows the job; else another job goes first for which there is such a node, if it
// may; else to a node that has to learn it.
Choice Scheduler::Impl::ChooseFor(Job& head) {
  if (Place* place = WarmPlace(head)) {
    return {&head, place};
  }
  Choice best;
  const auto rank = [](const Job& job) { return std::tuple(job.tenant->claim, job.Rank()); };
  for (Job* job : warm_jobs_) {
    if (job == &head || !job->waits() || !job->tenant->takes_part || !MayPass(*job, head) ||
        (best.job != nullptr && rank(*best.job) < rank(*job))) {
      continue;
    }
    if (Place* place = WarmPlace(*job)) {
      best = {job, place};
    }
  }
  if (best.job == nullptr) {
    return {&head, ColdPlace(head)};
  }
  Job* behind = HeadOf(*best.job->tenant);
  if (behind != best.job && behind->has_deadline()) {
    best.passed = behind;
  }
  return best;
}

// Within the bounds that the header promises.
bool Scheduler::Impl::MayPass(Job& warm, const Job& head) {
  Tenant& tenant = *warm.tenant;
  const auto items = static_cast<double>(options_.affinity_items);
  if (tenant.claim > head.tenant->claim + items * WorkOf(warm) / tenant.share.weight) {
    return false;
  }
  const Job* first = HeadOf(tenant);
  if (first == nullptr || first == &warm) {
    return first != nullptr;
  }
  if (first->told.priority != warm.told.priority || IsStarving(tenant, *first)) {
    return false;
  }
  return first->has_deadline() ? first->passed < options_.affinity_items
                               : warm.under_way <= first->under_way + options_.affinity_items;
}

bool Scheduler::Impl::IsStarving(const Tenant& tenant, const Job& job) const {
  return tenant.since_starving >= options_.starving_turn - 1 &&
         now_ - job.served_at >= options_.starvation_after;
}

// The job of the tenant that somebody can take and that goes before its others.
Job* Scheduler::Impl::HeadOf(Tenant& tenant) {
  if (tenant.useless_in == pass_) {
    return nullptr;
  }
  for (Job* job : tenant.unserved) {
    if (!IsStarving(tenant, *job)) {
      break;
    }
    if (SomebodyTakes(*job)) {
      return job;
    }
  }
  for (Job* job : tenant.order) {
    if (SomebodyTakes(*job)) {
      return job;
    }
  }
  tenant.useless_in = pass_;
  return nullptr;
}

// What nobody can take now, nobody can later in this pass: there is only less room and fewer items.
bool Scheduler::Impl::SomebodyTakes(Job& job) {
  if (job.useless_in == pass_) {
    return false;
  }
  for (const Place* place : rotation_) {
    if (Takes(*place, job)) {
      return true;
    }
  }
  job.useless_in = pass_;
  return false;
}

bool Scheduler::Impl::Takes(const Place& place, const Job& job) const {
  const std::string& node_id = place.asker->node_id;
  return place.room > 0 && (job.items.empty() ? job.more : job.items.HasFor(node_id)) &&
         job.told.refused_nodes.count(node_id) == 0 && (futile_too_ || !IsFutile(job, place.speed));
}

// It could not end in time there. Only what was measured says so.
bool Scheduler::Impl::IsFutile(const Job& job, double speed) const {
  return job.has_deadline() && job.work.known() &&
         now_ + absl::Seconds(job.work.value() / speed) > job.told.deadline_at;
}

Place* Scheduler::Impl::WarmPlace(Job& job) {
  if (job.warm_in != decision_) {
    return nullptr;
  }
  std::deque<Place*>& warm = job.warm;
  while (!warm.empty() && warm.front()->room <= 0) {
    warm.pop_front();
  }
  const auto found = std::find_if(
      warm.begin(), warm.end(), [&](const Place* place) { return Takes(*place, job); });
  return found == warm.end() ? nullptr : *found;
}

// Somebody takes it. Of the next few, who has most of its files.
Place* Scheduler::Impl::ColdPlace(const Job& job) {
  const auto files = [&](const Place& place) {
    return std::count_if(job.told.assets.begin(), job.told.assets.end(), [&](std::uint64_t file) {
      return place.node->files.count(file) > 0;
    });
  };
  Place* best = nullptr;
  std::ptrdiff_t best_files = 0;
  int seen = 0;
  for (Place* place : rotation_) {
    if (!Takes(*place, job)) {
      continue;
    }
    const std::ptrdiff_t has = job.told.assets.empty() ? 0 : files(*place);
    if (best == nullptr || has > best_files) {
      best = place;
      best_files = has;
    }
    if (job.told.assets.empty() || ++seen >= kColdPlacesSeen) {
      break;
    }
  }
  return best;
}

void Scheduler::Impl::Give(const Choice& choice) {
  Job& job = *choice.job;
  Place& place = *choice.place;
  Tenant& tenant = *job.tenant;
  if (choice.passed != nullptr) {
    ++choice.passed->passed;
  }
  tenant.since_starving = IsStarving(tenant, job) ? 0 : tenant.since_starving + 1;
  place.item_ids.push_back(std::move(job.item_ids[job.items.TakeFor(place.asker->node_id)]));
  --place.room;
  const double work = WorkOf(job);
  Alter(job, [&] {
    ++job.under_way;
    --job.told.pending;
    job.charged += work;
    job.served_at = now_;
    tenant.claim += work / tenant.share.weight;
    ++tenant.running;
  });
  for (std::deque<Place*>* queue : {&rotation_, &job.warm}) {
    const auto at = std::find(queue->begin(), queue->end(), &place);
    if (at != queue->end()) {
      queue->erase(at);
      if (place.room > 0) {
        queue->push_back(&place);
      }
    }
  }
  if (place.node == &nobody_) {
    return;
  }
  std::deque<std::uint64_t>& specs = place.node->specs;
  const std::uint64_t key = KeyOf(job.told.spec_digest);
  if (specs.empty() || specs.back() != key) {
    std::erase(specs, key);
    specs.push_back(key);
    while (specs.size() > options_.specs_per_node) {
      specs.pop_front();
    }
  }
  for (const std::uint64_t file : job.told.assets) {
    if (place.node->files.size() < options_.assets_per_node) {
      place.node->files.insert(file);
    }
  }
}

// The one whose turn it is, and those that come soon.
std::vector<std::string> Scheduler::Impl::Unknown(const Job& first) const {
  std::vector<std::string> unknown = {first.told.job_id};
  for (const Tenant* tenant : claims_) {
    std::size_t seen = 0;
    for (const Job* job : tenant->order) {
      if (unknown.size() >= kUnknownMax || ++seen > kUnknownMax) {
        break;
      }
      if (job != &first && job->more && job->items.empty()) {
        unknown.push_back(job->told.job_id);
      }
    }
  }
  return unknown;
}

// ---------------------------------------------------------------- foretelling

Strength Scheduler::Impl::StrengthOfFarm() const {
  Strength farm;
  double squares = 0;
  double slowest = kSpeedMax;
  for (const auto& [node_id, node] : nodes_) {
    if (node.slots > 0) {
      const auto slots = static_cast<double>(node.slots);
      const double speed = SpeedOf(node);
      farm.slots += slots;
      farm.capacity += slots * speed;
      squares += slots * speed * speed;
      slowest = std::min(slowest, speed);
    }
  }
  if (farm.slots > 0) {
    farm.mean_speed = farm.capacity / farm.slots;
    const double variance = squares / farm.slots - farm.mean_speed * farm.mean_speed;
    farm.slow_speed = std::max(slowest, farm.mean_speed - std::sqrt(std::max(0.0, variance)));
  }
  for (const auto& [name, tenant] : tenants_) {
    farm.idle_slots -= static_cast<double>(tenant.running);
  }
  farm.idle_slots = std::max(0.0, farm.idle_slots + farm.slots);
  return farm;
}

Outlook Scheduler::Impl::LookOut() const {
  Outlook outlook = {.farm = StrengthOfFarm()};
  for (const auto& [job_id, job] : jobs_) {
    const double left = Left(*job);
    outlook.flows[job->tenant].left += left;
    outlook.wanted[job->tenant].push_back({job.get(), left});
  }
  for (auto& [tenant, flow] : outlook.flows) {
    flow.weight = tenant->share.weight;
    flow.rate_max = static_cast<double>(tenant->share.items_running_max) * outlook.farm.mean_speed;
  }
  return outlook;
}

// Those that its next items would start on at once.
double Scheduler::Impl::IdleSlotsFor(const Tenant& tenant, const Strength& farm) const {
  double weights = 0;
  for (const auto& [name, other] : tenants_) {
    weights += other.order.empty() && &other != &tenant ? 0 : other.share.weight;
  }
  return std::clamp(static_cast<double>(tenant.share.items_running_max - tenant.running),
                    0.0,
                    farm.idle_slots * tenant.share.weight / weights);
}

// Of what is under way, half is done.
double Scheduler::Impl::Left(const Job& job) const {
  return (static_cast<double>(job.told.pending) + static_cast<double>(job.under_way) / 2) *
         WorkOf(job);
}

std::optional<Forecast> Scheduler::Impl::Foretell(const std::string& job_id, absl::Time now) const {
  const auto found = jobs_.find(job_id);
  if (found == jobs_.end()) {
    return std::nullopt;
  }
  const Job& job = *found->second;
  if (!outlook_.has_value()) {
    outlook_ = LookOut();
  }
  const Strength& farm = outlook_->farm;
  if (farm.slots <= 0) {
    return Forecast{.left = std::nullopt, .delay = Delay::kNoNodes};
  }
  if (!work_.known()) {
    return std::nullopt;
  }
  const Tenant& tenant = *job.tenant;
  if (tenant.share.items_running_max == 0) {
    return Forecast{.left = std::nullopt, .delay = Delay::kTenantLimit};
  }
  const double own = Left(job);
  // Until the last item is given to somebody, and then until that one is done.
  const double last = job.told.pending > 0 ? WorkOf(job) / farm.slow_speed
                      : own > 0            ? WorkOf(job) / farm.slow_speed / 2
                                           : 0;
  const double at_once = IdleSlotsFor(tenant, farm) * WorkOf(job);
  const auto given = [&](double work) {
    const double later = job.told.pending > 0 ? std::max(0.0, work - at_once) : 0;
    return absl::Seconds((later > 0 ? TimeFor(tenant, later, *outlook_) : 0) + last);
  };
  const auto takes = [&](double rate) { return absl::Seconds(std::max(own / rate, last)); };
  Forecast forecast{.left = given(own + Ahead(job, own, *outlook_))};
  const absl::Duration room = job.told.deadline_at - now;
  const double limit = static_cast<double>(tenant.share.items_running_max) * farm.mean_speed;
  if (*forecast.left <= room) {
    forecast.delay = Delay::kNone;
  } else if (takes(farm.capacity) > room) {
    forecast.delay = Delay::kDeadline;
  } else if (takes(std::min(limit, farm.capacity)) > room) {
    forecast.delay = Delay::kTenantLimit;
  } else if (given(own) > room) {
    forecast.delay = Delay::kTenantShare;
  } else {
    forecast.delay = Delay::kEarlierJobs;
  }
  return forecast;
}

// ---------------------------------------------------------------- the class itself

Scheduler::Scheduler(SchedulerOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}
Scheduler::~Scheduler() = default;

void Scheduler::SetShares(TenantShares shares) {
  impl_->Changing().SetShares(std::move(shares));
}
void Scheduler::SetJobs(std::vector<WaitingJob> jobs, absl::Time now) {
  impl_->Changing().SetJobs(std::move(jobs), now);
}
void Scheduler::SetItems(const std::string& job_id, WaitingItems items) {
  impl_->Changing().SetItems(job_id, std::move(items));
}
void Scheduler::SetNode(const FarmNode& node) {
  impl_->Changing().SetNode(node);
}
void Scheduler::ForgetNode(const std::string& node_id) {
  impl_->Changing().ForgetNode(node_id);
}
bool Scheduler::HasWork() const {
  return impl_->HasWork();
}
Decisions Scheduler::Decide(const std::vector<Asker>& askers, absl::Time now) {
  return impl_->Changing().Decide(askers, now);
}
void Scheduler::Ended(const std::string& job_id,
                      const std::string& node_id,
                      std::optional<absl::Duration> took) {
  impl_->Changing().Ended(job_id, node_id, took);
}
std::optional<Forecast> Scheduler::Foretell(const std::string& job_id, absl::Time now) const {
  return impl_->Foretell(job_id, now);
}

}  // namespace rn
