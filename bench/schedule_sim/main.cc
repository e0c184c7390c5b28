// The scheduler on a farm that nobody has: ten thousand nodes and a million items in virtual time,
// beside first come, first served on the same farm.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "base/status.h"
#include "bench/program.h"
#include "bench/report.h"
#include "bench/schedule_sim/farm.h"
#include "bench/schedule_sim/policy.h"
#include "bench/schedule_sim/workload.h"

ABSL_FLAG(int, nodes, 10'000, "nodes of the farm");
ABSL_FLAG(std::int64_t, items, 1'000'000, "items of all jobs together");
ABSL_FLAG(int, seed, 1, "of the farm, its tenants and their jobs");

namespace rn {
namespace {

void AddRow(std::vector<BenchRow>& rows,
            const std::string& who,
            const std::string& metric,
            double value,
            const std::string& unit) {
  rows.push_back(Summary({.scenario = who, .metric = metric, .unit = unit}, {value}));
}

double Percent(double share) {
  return 100 * share;
}

void AddRows(std::vector<BenchRow>& rows, const std::string& who, sim::Outcome outcome) {
  AddRow(rows, who, "nodes busy while anything may start", Percent(outcome.utilisation), "%");
  AddRow(rows, who, "of that, for what was finished", Percent(outcome.useful), "%");
  AddRow(rows, who, "fairness, Jain's index", outcome.jain, "");
  AddRow(rows, who, "worst tenant's part of its share", Percent(outcome.worst_share), "%");
  AddRow(rows,
         who,
         "jobs that missed their deadline",
         Percent(static_cast<double>(outcome.jobs_missed) /
                 static_cast<double>(std::max<std::int64_t>(1, outcome.jobs_with_deadline))),
         "%");
  AddRow(rows, who, "items lost to deadlines", static_cast<double>(outcome.items_missed), "");
  AddRow(rows, who, "items given to a node that has the job", Percent(outcome.spec_hits), "%");
  AddRow(rows, who, "a job, from order to end, mean", outcome.mean_wait_s, "s");
  AddRow(rows, who, "decisions a second", outcome.decisions_per_second, "1/s");
  if (!outcome.eta_errors.empty()) {
    std::sort(outcome.eta_errors.begin(), outcome.eta_errors.end());
    AddRow(rows,
           who,
           "error of eta_ms at a quarter of a job, median factor",
           outcome.eta_errors[outcome.eta_errors.size() / 2],
           "");
  }
}

absl::StatusOr<std::vector<BenchRow>> MeasureAll() {
  const auto seed = static_cast<unsigned>(absl::GetFlag(FLAGS_seed));
  const sim::Workload load = sim::MakeWorkload(
      {.nodes = absl::GetFlag(FLAGS_nodes), .items = absl::GetFlag(FLAGS_items), .seed = seed});
  std::vector<BenchRow> rows;
  for (const auto& [who, policy] : {std::pair("scheduler", sim::MakeScheduler(load).release()),
                                    std::pair("FIFO", sim::MakeFifo(load).release())}) {
    const std::unique_ptr<sim::Policy> owned(policy);
    ASSIGN_OR_RETURN(sim::Outcome outcome, sim::Simulate(load, *owned, seed));
    AddRows(rows, who, std::move(outcome));
  }
  return rows;
}

}  // namespace
}  // namespace rn

int main(int argc, char** argv) {
  return rn::RunBench(argc, argv, "schedule_sim", rn::MeasureAll);
}
