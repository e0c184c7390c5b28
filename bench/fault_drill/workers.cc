// Scenario 4: encoders that hang, die, or have no session left. What a device does is played by
// tests/workers/script.cc; a real one that is lost is not tried here.
#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "bench/fault_drill/drill.h"

namespace rn {
namespace {

constexpr int kNodes = 2;
constexpr int kTrials = 1000;
constexpr int kItemsOfAJob = 100;
constexpr absl::Duration kStallTimeout = absl::Seconds(2);

std::string ScriptFor(Dice& dice) {
  switch (dice.Below(12)) {
    case 0:
      return "hang:1 render:20";
    case 1:
      return "crash:1 render:20";
    case 2:
      return "fail:1 render:20";
    case 3:  // More often than an item may fail: nobody's failure.
      return "full:3 render:20";
    default:
      return absl::StrCat("render:", dice.Below(40));
  }
}

// From the grant of an attempt that hangs to its end.
void NoteStalls(const std::vector<LeaseEvent>& events, Worst& stalls) {
  std::map<std::string, absl::Time> granted;
  for (const LeaseEvent& event : events) {
    const std::string id = absl::StrCat(event.item, "/", event.fence);
    if (event.kind == LeaseEvent::Kind::kGranted) {
      granted[id] = event.at;
    } else if (event.kind == LeaseEvent::Kind::kCommitted && event.outcome == "FAILED") {
      stalls.Note(event.at - granted[id]);
    }
  }
}

}  // namespace

absl::StatusOr<DrillReport> DrillWorkers(const DrillOptions& options) {
  FarmOptions farm = DrillFarm(kNodes);
  farm.limits_config =
      absl::StrCat("stall_timeout = \"", absl::FormatDuration(kStallTimeout), "\"\n");
  // An item may fail once. What the nodes lose is not counted with that: else items are lost here.
  farm.retry_config = "losses_max = 1000\nnode_failures_max = 1000\nfailures_max = 2\n";
  DrillOptions scripted = options;
  scripted.real = false;
  ASSIGN_OR_RETURN(const auto drill, Drill::Start(farm, scripted));
  DrillReport& report = drill->report();
  report.scenario = "4 encoders";
  const int trials = options.trials > 0 ? options.trials : kTrials;
  while (report.trials < trials) {
    std::vector<std::string> scripts;
    for (int i = std::min(kItemsOfAJob, trials - report.trials); i > 0; --i) {
      scripts.push_back(ScriptFor(drill->dice()));
    }
    RETURN_IF_ERROR(drill->Submit(scripts));
    report.trials += static_cast<int>(scripts.size());
    RETURN_IF_ERROR(drill->AwaitAll());
  }
  Worst stalls{.what = "attempt that came to nothing, from lease to end",
               .target = kStallTimeout + absl::Seconds(30)};
  NoteStalls(drill->Events(), stalls);
  report.worst = {stalls};
  // One process for each slot, whatever became of the others.
  const auto settled = drill->Await([&] {
    return drill->farm().WorkerPids(0).size() == static_cast<std::size_t>(farm.slots) &&
           drill->farm().WorkerPids(1).size() == static_cast<std::size_t>(farm.slots);
  });
  report.left += settled.has_value() ? 0 : 1;
  report.notes.push_back(
      "not tried: a device that is lost, the driver's own limit of sessions (no GPU here)");
  return drill->Finish();
}

}  // namespace rn
