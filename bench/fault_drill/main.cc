// fault_drill: the scenarios that the lease protocol promises to survive, with real programs.
// Prints what was lost, what was done twice, and how long it took to recover. The same seed draws
// the same faults; what the programs are at when they strike is up to the machine.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/status.h"
#include "bench/fault_drill/drill.h"

ABSL_FLAG(std::uint32_t, seed, 1, "draws the faults and their moments");
ABSL_FLAG(std::vector<std::string>,
          scenario,
          std::vector<std::string>({"all"}),
          "all, or some of: kills, partitions, outages, disks, workers, drains");
ABSL_FLAG(int, trials, 0, "faults of each scenario; 0: the long run's (500, 25, 10, 10, 1000, 10)");
ABSL_FLAG(bool, brief, false, "few trials: 50 kills in all, in about two minutes");
ABSL_FLAG(bool, real, false, "real render workers in the kills");
ABSL_FLAG(bool, strict, false, "a recovery that takes longer than promised is a failure too");
ABSL_FLAG(std::string, out, "", "write the reports here, as JSON");

namespace rn {
namespace {

struct Scenario {
  const char* name;
  absl::StatusOr<DrillReport> (*run)(const DrillOptions&);
  int brief_trials;
};

constexpr Scenario kScenarios[] = {{"kills", &DrillKills, 50},
                                   {"partitions", &DrillPartitions, 2},
                                   {"outages", &DrillOutages, 2},
                                   {"disks", &DrillFullDisks, 1},
                                   {"workers", &DrillWorkers, 40},
                                   {"drains", &DrillDrains, 2}};

bool InTime(const DrillReport& report) {
  return std::all_of(report.worst.begin(), report.worst.end(), [](const Worst& worst) {
    return worst.worst <= worst.target;
  });
}

std::string Seconds(absl::Duration duration) {
  return absl::StrFormat("%.2f s", absl::ToDoubleSeconds(duration));
}

std::string Table(const std::vector<DrillReport>& reports) {
  std::string table = absl::StrFormat("%-20s %6s %6s %5s %6s %7s %5s  %s\n",
                                      "scenario",
                                      "trials",
                                      "items",
                                      "lost",
                                      "double",
                                      "damaged",
                                      "left",
                                      "worst recovery (promised)");
  for (const DrillReport& report : reports) {
    std::string worst;
    for (const Worst& each : report.worst) {
      absl::StrAppend(&worst,
                      worst.empty() ? "" : "; ",
                      each.what,
                      " ",
                      Seconds(each.worst),
                      " (",
                      Seconds(each.target),
                      each.worst <= each.target ? ")" : ") LATE");
    }
    absl::StrAppendFormat(&table,
                          "%-20s %6d %6d %5d %6d %7d %5d  %s\n",
                          report.scenario,
                          report.trials,
                          report.items,
                          report.lost,
                          report.duplicated,
                          report.damaged,
                          report.left,
                          worst);
    for (const std::string& note : report.notes) {
      absl::StrAppend(&table, "    ", note, "\n");
    }
  }
  return table;
}

std::string Json(const std::vector<DrillReport>& reports) {
  nlohmann::json all = nlohmann::json::array();
  for (const DrillReport& report : reports) {
    nlohmann::json worst = nlohmann::json::array();
    for (const Worst& each : report.worst) {
      worst.push_back({{"what", each.what},
                       {"worst_s", absl::ToDoubleSeconds(each.worst)},
                       {"target_s", absl::ToDoubleSeconds(each.target)}});
    }
    all.push_back({{"scenario", report.scenario},
                   {"trials", report.trials},
                   {"items", report.items},
                   {"lost", report.lost},
                   {"duplicated", report.duplicated},
                   {"damaged", report.damaged},
                   {"processes_left", report.left},
                   {"worst", worst},
                   {"notes", report.notes}});
  }
  return all.dump(2) + "\n";
}

absl::StatusOr<std::vector<Scenario>> Chosen() {
  std::vector<Scenario> chosen;
  for (const std::string& name : absl::GetFlag(FLAGS_scenario)) {
    const std::size_t before = chosen.size();
    for (const Scenario& scenario : kScenarios) {
      if (name == "all" || name == scenario.name) {
        chosen.push_back(scenario);
      }
    }
    if (chosen.size() == before) {
      return absl::InvalidArgumentError(
          absl::StrCat("--scenario: \"", name, "\" is none; see --help for those that there are"));
    }
  }
  return chosen;
}

absl::Status Run() {
  ASSIGN_OR_RETURN(const std::vector<Scenario> scenarios, Chosen());
  std::vector<DrillReport> reports;
  bool good = true;
  for (const Scenario& scenario : scenarios) {
    std::fprintf(stderr, "fault_drill: %s\n", scenario.name);
    const int trials =
        absl::GetFlag(FLAGS_brief) ? scenario.brief_trials : absl::GetFlag(FLAGS_trials);
    absl::StatusOr<DrillReport> report = scenario.run(
        {.seed = absl::GetFlag(FLAGS_seed), .trials = trials, .real = absl::GetFlag(FLAGS_real)});
    RETURN_IF_ERROR(Annotate(report.status(), scenario.name));
    good &= report->Whole() && (InTime(*report) || !absl::GetFlag(FLAGS_strict));
    reports.push_back(*std::move(report));
  }
  std::fputs(Table(reports).c_str(), stdout);
  if (const std::string out = absl::GetFlag(FLAGS_out); !out.empty()) {
    RETURN_IF_ERROR(WriteFileDurably(out, Json(reports)));
  }
  return good ? absl::OkStatus()
              : absl::InternalError(
                    absl::StrCat("something was lost, done twice or left behind; seed ",
                                 absl::GetFlag(FLAGS_seed)));
}

}  // namespace
}  // namespace rn

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage("fault_drill [--scenario=…] [--trials=…] [--seed=…] [--brief]");
  absl::ParseCommandLine(argc, argv);
  const absl::Status status = rn::Run();
  if (status.ok()) return EXIT_SUCCESS;
  std::fprintf(stderr, "fault_drill: %s\n", status.ToString().c_str());
  return EXIT_FAILURE;
}
