// Scenario 5: SIGTERM with time enough for what runs, and with too little. A thousand nodes that
// reconnect at once are fleet_bench's.
#include <algorithm>
#include <csignal>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status.h"
#include "bench/fault_drill/drill.h"

namespace rn {
namespace {

constexpr int kTrials = 10;
constexpr int kItems = 4;  // Two run, two are queued.
constexpr absl::Duration kLongEnough = absl::Seconds(90), kTooShort = absl::Seconds(8);
constexpr absl::Duration kShortItem = absl::Seconds(3), kLongItem = absl::Seconds(10);

class Drains {
 public:
  Drains(Drill& drill, absl::Duration item) : drill_(drill), item_(item) {}

  // Node 0 has everything when it is told to go; node 1 has come just then and has nothing.
  absl::Status Try() {
    const std::size_t since = drill_.Events().size();
    RETURN_IF_ERROR(drill_.farm().StopNode(1).status());
    const std::string script = absl::StrCat("render:", absl::ToInt64Milliseconds(item_));
    RETURN_IF_ERROR(drill_.Submit(std::vector<std::string>(kItems, script)));
    if (!drill_.Await([&] { return drill_.HeldBy(0, since).size() == kItems && TwoRender(); })) {
      return absl::DeadlineExceededError("the node did not take all leases");
    }
    RETURN_IF_ERROR(drill_.farm().StartNode(1));
    drill_.NoteWorkers();
    const std::size_t before = drill_.Events().size();
    const absl::Time told = Clock::System().Now();
    drill_.farm().node_process(0).Signal(SIGTERM);
    const auto ended = drill_.farm().node_process(0).Wait(kLongEnough + absl::Seconds(5));
    RETURN_IF_ERROR(ended.status());
    clean_ += ended->exit_code == 0 ? 1 : 0;
    RETURN_IF_ERROR(drill_.AwaitAll());
    Judge(before, told);
    RETURN_IF_ERROR(drill_.farm().StartNode(0));
    ++drill_.report().trials;
    return absl::OkStatus();
  }

  void Report() {
    drill_.report().worst.push_back(released_);
    drill_.report().worst.push_back(reassigned_);
    drill_.report().notes.push_back(absl::StrCat("item of ",
                                                 absl::FormatDuration(item_),
                                                 ": ",
                                                 interrupted_,
                                                 " interrupted, ",
                                                 clean_,
                                                 " clean exits"));
  }

 private:
  bool TwoRender() {
    const auto state = drill_.farm().NodeState(0);
    return state.ok() &&
           std::count_if(state->items().begin(), state->items().end(), [](auto& item) {
             return item.phase() == rendernode::RENDERING;
           }) == 2;
  }

  void Judge(std::size_t before, absl::Time told) {
    using Kind = LeaseEvent::Kind;
    std::map<std::string, absl::Time> returned;
    const auto& events = drill_.Events();
    for (std::size_t i = before; i < events.size(); ++i) {
      const LeaseEvent& event = events[i];
      if (event.kind == Kind::kReleased) {
        released_.Note(event.at - told);
        returned[event.item] = event.at;
      } else if (event.kind == Kind::kCommitted && event.outcome == "INTERRUPTED") {
        ++interrupted_;
        returned[event.item] = event.at;
      } else if (event.kind == Kind::kGranted && returned.count(event.item) > 0) {
        reassigned_.Note(event.at - returned[event.item]);
        returned.erase(event.item);
      }
    }
    if (!returned.empty()) {
      reassigned_.Note(absl::InfiniteDuration());
    }
  }

  Drill& drill_;
  const absl::Duration item_;
  int clean_ = 0, interrupted_ = 0;
  Worst released_{.what = "queued leases back", .target = absl::Seconds(1)};
  Worst reassigned_{.what = "reassigned", .target = absl::Seconds(2)};
};

absl::StatusOr<DrillReport> Run(const DrillOptions& options,
                                absl::Duration drain_timeout,
                                absl::Duration item,
                                int trials) {
  FarmOptions farm = DrillFarm(2);
  farm.limits_config =
      absl::StrCat("prefetch = 2\ndrain_timeout = \"", absl::FormatDuration(drain_timeout), "\"\n");
  DrillOptions scripted = options;
  scripted.real = false;
  ASSIGN_OR_RETURN(const auto drill, Drill::Start(farm, scripted));
  Drains drains(*drill, item);
  for (int trial = 0; trial < trials; ++trial) {
    RETURN_IF_ERROR(drains.Try());
  }
  drains.Report();
  return drill->Finish();
}

}  // namespace

absl::StatusOr<DrillReport> DrillDrains(const DrillOptions& options) {
  const int trials = options.trials > 0 ? options.trials : kTrials;
  ASSIGN_OR_RETURN(DrillReport report, Run(options, kLongEnough, kShortItem, (trials + 1) / 2));
  report.scenario = "5 drain";
  if (trials < 2) {
    return report;
  }
  ASSIGN_OR_RETURN(DrillReport hasty, Run(options, kTooShort, kLongItem, trials / 2));
  report.trials += hasty.trials;
  report.items += hasty.items;
  report.lost += hasty.lost;
  report.duplicated += hasty.duplicated;
  report.damaged += hasty.damaged;
  report.left += hasty.left;
  for (std::size_t i = 0; i < report.worst.size(); ++i) {
    report.worst[i].Note(hasty.worst[i].worst);
  }
  report.notes.insert(report.notes.end(), hasty.notes.begin(), hasty.notes.end());
  return report;
}

}  // namespace rn
