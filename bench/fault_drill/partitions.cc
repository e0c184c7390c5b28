// Scenario 2: a node is cut off past the TTL, its items go to others, and then it comes back.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "bench/fault_drill/drill.h"

namespace rn {
namespace {

constexpr int kNodes = 2;
constexpr int kTrials = 25;
constexpr int kItems = 8;

void CutOff(FaultProxy& proxy, int how) {
  switch (how) {
    case 0:
      return proxy.Set({.stall_up = true, .stall_down = true});
    case 1:
      return proxy.Set({.stall_down = true});  // The node is heard, but hears nothing.
    default:
      proxy.Set({.refuse = true});
      return proxy.Cut();
  }
}

class Partitions {
 public:
  Partitions(Drill& drill, absl::Duration ttl)
      : drill_(drill), reassigned_{.what = "reassigned", .target = ttl + absl::Seconds(15)} {}

  absl::Status Try() {
    const int zombie = drill_.dice().Below(kNodes);
    const std::size_t since = drill_.Events().size();
    std::vector<std::string> scripts;
    for (int i = 0; i < kItems; ++i) {
      scripts.push_back(absl::StrCat("render:", 100 + drill_.dice().Below(900)));
    }
    RETURN_IF_ERROR(drill_.Submit(scripts));
    if (!drill_.Await([&] { return !drill_.HeldBy(zombie, since).empty(); })) {
      return absl::DeadlineExceededError("a node got no lease");
    }
    absl::SleepFor(drill_.dice().Upto(absl::Milliseconds(300)));
    CutOff(drill_.farm().proxy(zombie), drill_.dice().Below(3));
    const std::vector<LeaseEvent> held = drill_.HeldBy(zombie, since);
    const auto reassigned = drill_.Await([&] { return AllElsewhere(held, since); });
    reassigned_.Note(reassigned.value_or(absl::InfiniteDuration()));
    if (drill_.dice().Below(2) == 0) {
      RETURN_IF_ERROR(drill_.AwaitAll());  // Else it returns while others are at its items.
    }
    drill_.farm().proxy(zombie).Heal();
    RETURN_IF_ERROR(drill_.AwaitAll());
    const auto forgotten = drill_.Await([&] {
      const auto state = drill_.farm().NodeState(zombie);
      return state.ok() && state->connected() && state->items().empty();
    });
    if (!forgotten.has_value()) {
      return absl::DeadlineExceededError("a node that came back does not let go of its leases");
    }
    forgotten_.Note(*forgotten);
    ++drill_.report().trials;
    return absl::OkStatus();
  }

  void Report() {
    drill_.report().worst = {reassigned_, forgotten_};
    const auto& events = drill_.Events();
    const auto superseded =
        std::count_if(events.begin(), events.end(), [](const LeaseEvent& event) {
          return event.verdict == "SUPERSEDED";
        });
    const auto lost = std::count_if(events.begin(), events.end(), [](const LeaseEvent& event) {
      return event.kind == LeaseEvent::Kind::kLost;
    });
    drill_.report().notes.push_back(
        absl::StrCat(lost, " leases lost, ", superseded, " results that came back SUPERSEDED"));
  }

 private:
  // Committed, or leased again at a higher fence.
  bool AllElsewhere(const std::vector<LeaseEvent>& held, std::size_t since) {
    const auto& events = drill_.Events();
    return std::all_of(held.begin(), held.end(), [&](const LeaseEvent& lease) {
      return std::any_of(
          events.begin() + static_cast<std::ptrdiff_t>(since),
          events.end(),
          [&](const LeaseEvent& event) {
            return event.item == lease.item &&
                   (event.fence > lease.fence || event.kind == LeaseEvent::Kind::kCommitted);
          });
    });
  }

  Drill& drill_;
  Worst reassigned_;
  Worst forgotten_{.what = "zombie let go of all", .target = absl::Seconds(10)};
};

}  // namespace

absl::StatusOr<DrillReport> DrillPartitions(const DrillOptions& options) {
  FarmOptions farm = DrillFarm(kNodes);
  farm.proxies = true;
  DrillOptions scripted = options;
  scripted.real = false;
  ASSIGN_OR_RETURN(const auto drill, Drill::Start(farm, scripted));
  drill->report().scenario = "2 partition";
  Partitions partitions(*drill, farm.lease_ttl);
  const int trials = options.trials > 0 ? options.trials : kTrials;
  for (int trial = 0; trial < trials; ++trial) {
    RETURN_IF_ERROR(partitions.Try());
  }
  partitions.Report();
  return drill->Finish();
}

}  // namespace rn
