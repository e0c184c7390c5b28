// Scenario 3: the coordinator dies after a commit is durable and before its answer is heard, stays
// away, and comes back; and the same while a node's disk is full.
#include <algorithm>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "bench/fault_drill/drill.h"

namespace rn {
namespace {

constexpr int kTrials = 10;
constexpr int kItems = 6;
constexpr absl::Duration kOutage = absl::Seconds(20);
constexpr absl::Duration kShortOutage = absl::Seconds(2);  // Of fewer trials than the long run's.
constexpr absl::Duration kGrantHeard = absl::Milliseconds(100);
constexpr std::int64_t kDiskBytes = 24 << 20;

class Outages {
 public:
  Outages(Drill& drill, absl::Duration outage) : drill_(drill), outage_(outage) {}

  absl::Status Try(bool disk_full) {
    using Kind = LeaseEvent::Kind;
    const std::size_t since = drill_.Events().size();
    std::vector<std::string> scripts;
    for (int i = 0; i < kItems; ++i) {
      scripts.push_back(absl::StrCat("render:", 50 + drill_.dice().Below(400)));
    }
    RETURN_IF_ERROR(drill_.Submit(scripts));
    if (!drill_.Await([&] { return !drill_.HeldBy(0, since).empty(); })) {
      return absl::DeadlineExceededError("the node got no lease");
    }
    absl::SleepFor(kGrantHeard);
    drill_.farm().proxy().Set({.stall_down = true});
    const auto committed = drill_.Await(
        [&] {
          const auto& events = drill_.Events();
          return std::any_of(
              events.begin() + static_cast<std::ptrdiff_t>(since),
              events.end(),
              [](const LeaseEvent& event) { return event.kind == Kind::kCommitted; });
        },
        absl::Seconds(5));
    unanswered_ += committed.has_value() ? 1 : 0;
    drill_.farm().KillCoordinator();
    drill_.farm().proxy().Cut();  // The answer is lost for good.
    drill_.farm().proxy().Heal();
    if (disk_full) {
      FillDisk();
    }
    absl::SleepFor(outage_);
    RETURN_IF_ERROR(drill_.farm().StartCoordinator());
    if (disk_full) {
      RETURN_IF_ERROR(AwaitRefusal());
      std::filesystem::remove(Filler());
    }
    const auto forgotten = drill_.Await([&] {
      const auto state = drill_.farm().NodeState();
      return state.ok() && state->connected() && drill_.OpenItems() == 0 && state->items().empty();
    });
    if (!forgotten.has_value()) {
      return absl::DeadlineExceededError("the journal did not become empty");
    }
    forgotten_.Note(*forgotten);
    ++drill_.report().trials;
    return absl::OkStatus();
  }

  void Report() {
    drill_.report().worst = {forgotten_};
    int again = 0;
    for (const LeaseEvent& event : drill_.Events()) {
      again += event.kind == LeaseEvent::Kind::kGranted && event.fence > 1 ? 1 : 0;
    }
    drill_.report().notes.push_back(absl::StrCat(
        unanswered_, " commits were durable and not answered, ", again, " items leased again"));
  }

 private:
  std::filesystem::path Filler() { return drill_.farm().NodeFolder(0) / "filler"; }
  void FillDisk() {
    std::ofstream filler(Filler(), std::ios::binary);
    const std::string block(4096, '\0');
    while (filler.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  absl::Status AwaitRefusal() {
    const auto refused = drill_.Await([&] {
      const auto state = drill_.farm().NodeState();
      return state.ok() && state->state() == rendernode::NOT_READY;
    });
    return refused.has_value() ? absl::OkStatus()
                               : absl::DeadlineExceededError("a full disk closes no node");
  }

  Drill& drill_;
  const absl::Duration outage_;
  int unanswered_ = 0;
  Worst forgotten_{.what = "journal empty after the return", .target = absl::Seconds(10)};
};

absl::StatusOr<DrillReport> Run(const DrillOptions& options, bool disk_full) {
  FarmOptions farm = DrillFarm(1);
  farm.proxies = true;
  farm.node_disk_bytes = disk_full ? kDiskBytes : 0;
  DrillOptions scripted = options;
  scripted.real = false;
  const bool short_run = options.trials > 0 && options.trials < kTrials;
  const std::string scenario = disk_full ? "3 outage, disk full" : "3 outage";
  auto started = Drill::Start(farm, scripted);
  if (absl::IsPermissionDenied(started.status())) {
    return DrillReport{.scenario = scenario,
                       .notes = {"not tried: only root may mount a small disk"}};
  }
  RETURN_IF_ERROR(started.status());
  Drill& drill = **started;
  drill.report().scenario = scenario;
  Outages outages(drill, short_run ? kShortOutage : kOutage);
  const int trials = options.trials > 0 ? options.trials : kTrials;
  for (int trial = 0; trial < trials; ++trial) {
    RETURN_IF_ERROR(outages.Try(disk_full));
  }
  outages.Report();
  return drill.Finish();
}

}  // namespace

absl::StatusOr<DrillReport> DrillOutages(const DrillOptions& options) {
  return Run(options, /*disk_full=*/false);
}

absl::StatusOr<DrillReport> DrillFullDisks(const DrillOptions& options) {
  return Run(options, /*disk_full=*/true);
}

}  // namespace rn
