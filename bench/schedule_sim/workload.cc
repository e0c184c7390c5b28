#include "bench/schedule_sim/workload.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "absl/strings/str_cat.h"

namespace rn::sim {
namespace {

constexpr double kSpeeds[] = {0.5, 1, 2};
constexpr double kSpeedSpread = 0.1;  // Of the nodes of one generation.
constexpr Seconds kWorkMin = 10, kWorkMax = 90;
constexpr double kLoad = 0.85;
constexpr int kAssets = 200, kAssetsOfJob = 2;
constexpr int kBursts = 6;

struct TenantKind {
  double weight;
  double demand;     // Of all items.
  double limit = 0;  // Of the farm's nodes; 0: none.
};
constexpr TenantKind kTenants[] = {
    {8, 0.20}, {4, 0.25}, {4, 0.10}, {2, 0.20}, {2, 0.05}, {1, 0.10, 0.15}, {1, 0.05}, {1, 0.05}};

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}

  // Not by the library's distributions: theirs differ from one library to the next.
  double Between(double low, double high) {
    return low + (high - low) * static_cast<double>(engine_()) / 4294967296.0;
  }
  double LogBetween(double low, double high) {
    return std::exp(Between(std::log(low), std::log(high)));
  }
  int Below(int end) { return static_cast<int>(Between(0, end)); }
  bool Chance(double chance) { return Between(0, 1) < chance; }

 private:
  std::mt19937 engine_;
};

int TenantFor(Dice& dice) {
  double at = dice.Between(0, 1);
  int tenant = 0;
  for (const TenantKind& kind : kTenants) {
    at -= kind.demand;
    if (at < 0) {
      return tenant;
    }
    ++tenant;
  }
  return tenant - 1;
}

SimJob MakeJob(Dice& dice, double capacity, std::int64_t items_max) {
  SimJob job{.tenant = TenantFor(dice),
             .priority = dice.Chance(0.15)   ? JobPriority::kHigh
                         : dice.Chance(0.25) ? JobPriority::kLow
                                             : JobPriority::kNormal};
  job.items = static_cast<std::int64_t>(
      dice.LogBetween(10, static_cast<double>(std::max<std::int64_t>(11, items_max))));
  job.work = dice.LogBetween(kWorkMin, kWorkMax);
  for (int i = 0; i < kAssetsOfJob; ++i) {
    job.assets.push_back(dice.Below(kAssets));
  }
  if (dice.Chance(0.5)) {
    // Of the time that it needs with a tenth of the farm, and what one item needs anyway.
    const double alone = static_cast<double>(job.items) * job.work / (capacity / 10);
    job.deadline = dice.Between(1, 8) * (alone + 3 * job.work);
  }
  return job;
}

}  // namespace

Workload MakeWorkload(const WorkloadSize& size) {
  Dice dice(size.seed);
  Workload load{.assets = kAssets};
  double capacity = 0;
  for (int i = 0; i < size.nodes; ++i) {
    const double speed = kSpeeds[dice.Below(3)] * dice.Between(1 - kSpeedSpread, 1 + kSpeedSpread);
    load.nodes.push_back({speed});
    capacity += speed;
  }
  for (const TenantKind& kind : kTenants) {
    SimTenant tenant{.name = absl::StrCat("tenant-", load.tenants.size()),
                     .share = {.weight = kind.weight}};
    if (kind.limit > 0) {
      tenant.share.items_running_max =
          std::max<std::int64_t>(1, static_cast<std::int64_t>(kind.limit * size.nodes));
    }
    load.tenants.push_back(std::move(tenant));
  }
  const std::int64_t items_max = std::min<std::int64_t>(10'000, size.items / 20);
  double work = 0;
  for (std::int64_t items = 0; items < size.items;) {
    SimJob job = MakeJob(dice, capacity, items_max);
    job.items = std::min(job.items, size.items - items);
    items += job.items;
    work += static_cast<double>(job.items) * job.work;
    load.jobs.push_back(std::move(job));
  }
  const Seconds span = work / capacity / kLoad;
  std::vector<std::pair<Seconds, int>> bursts;
  for (int i = 0; i < kBursts; ++i) {
    bursts.emplace_back(dice.Between(0.1, 0.8) * span, TenantFor(dice));
  }
  for (SimJob& job : load.jobs) {
    if (dice.Chance(2.0 / 3)) {
      job.arrives = dice.Between(0, span);
    } else {
      const auto& [at, tenant] = bursts[static_cast<std::size_t>(dice.Below(kBursts))];
      job.arrives = at + dice.Between(0, 5);
      job.tenant = tenant;
    }
    if (job.deadline > 0) {
      job.deadline += job.arrives;
    }
  }
  std::stable_sort(load.jobs.begin(), load.jobs.end(), [](const SimJob& a, const SimJob& b) {
    return a.arrives < b.arrives;
  });
  return load;
}

}  // namespace rn::sim
