// Scenario 1: kill -9 of daemons and workers, whatever they are at.
#include <algorithm>
#include <csignal>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/status.h"
#include "bench/fault_drill/drill.h"

namespace rn {
namespace {

constexpr int kNodes = 3;
constexpr int kTrials = 500;
constexpr int kItemsWaitingMin = 24;
constexpr int kItemsOfAJob = 48;
constexpr absl::Duration kPauseMax = absl::Milliseconds(400);
constexpr absl::Duration kGoneWithin = absl::Seconds(2);

class Kills {
 public:
  Kills(Drill& drill, bool real) : drill_(drill), real_(real) {}

  absl::Status Run(int trials) {
    for (int trial = 0; trial < trials; ++trial) {
      if (drill_.OpenItems() < kItemsWaitingMin) {
        RETURN_IF_ERROR(SubmitMore());
      }
      absl::SleepFor(drill_.dice().Upto(kPauseMax));
      const int node = drill_.dice().Below(kNodes);
      if (drill_.dice().Below(2) == 0) {
        RETURN_IF_ERROR(KillDaemon(node));
      } else {
        RETURN_IF_ERROR(KillWorker(node));
      }
      ++drill_.report().trials;
    }
    return absl::OkStatus();
  }

  void Report() {
    drill_.report().worst = {gone_, registered_, adopted_, replaced_};
    drill_.report().notes.push_back(
        absl::StrCat(daemons_, " daemons and ", workers_, " workers killed"));
  }

 private:
  absl::Status SubmitMore() {
    std::vector<std::string> scripts;
    for (int i = 0; i < kItemsOfAJob; ++i) {
      scripts.push_back(real_ ? "A few words." : absl::StrCat("render:", drill_.dice().Below(600)));
    }
    return drill_.Submit(scripts);
  }

  absl::Status KillDaemon(int node) {
    const std::vector<pid_t> workers = drill_.farm().WorkerPids(node);
    const std::size_t before = drill_.Events().size();
    const auto held = drill_.HeldBy(node, 0);
    drill_.farm().KillNode(node);
    const auto gone =
        drill_.Await([&] { return std::all_of(workers.begin(), workers.end(), IsGone); });
    if (!gone.has_value()) {
      ++drill_.report().left;
    }
    gone_.Note(gone.value_or(absl::InfiniteDuration()));
    const absl::Duration began = Clock::System().SinceBoot();
    RETURN_IF_ERROR(drill_.farm().StartNode(node));
    const auto opened = drill_.Await([&] {
      const auto& events = drill_.Events();
      return std::any_of(events.begin() + static_cast<std::ptrdiff_t>(before),
                         events.end(),
                         [&](const LeaseEvent& event) {
                           return event.kind == LeaseEvent::Kind::kOpened &&
                                  event.node == Farm::NodeId(node);
                         });
    });
    if (!opened.has_value()) {
      return absl::DeadlineExceededError("a daemon that was killed opened no session");
    }
    registered_.Note(Clock::System().SinceBoot() - began);
    // A lease that is not adopted in that very call would be "lost" later, or granted anew.
    if (!held.empty()) {
      adopted_.Note(Clock::System().SinceBoot() - began);
    }
    ++daemons_;
    return absl::OkStatus();
  }

  absl::Status KillWorker(int node) {
    std::vector<pid_t> workers;
    if (!drill_.Await([&] { return !(workers = drill_.farm().WorkerPids(node)).empty(); })) {
      return absl::DeadlineExceededError("a node has no workers");
    }
    const pid_t victim =
        workers[static_cast<std::size_t>(drill_.dice().Below(static_cast<int>(workers.size())))];
    kill(victim, SIGKILL);
    const auto replaced = drill_.Await([&] {
      const std::vector<pid_t> now = drill_.farm().WorkerPids(node);
      return std::count(now.begin(), now.end(), victim) == 0 && now.size() >= workers.size();
    });
    replaced_.Note(replaced.value_or(absl::InfiniteDuration()));
    ++workers_;
    return absl::OkStatus();
  }

  Drill& drill_;
  const bool real_;
  int daemons_ = 0, workers_ = 0;
  Worst gone_{.what = "workers gone with their daemon", .target = kGoneWithin};
  Worst registered_{.what = "daemon re-registered", .target = absl::Seconds(3)};
  Worst adopted_{.what = "its leases adopted", .target = absl::Seconds(5)};
  Worst replaced_{.what = "worker replaced", .target = absl::Seconds(3)};
};

}  // namespace

absl::StatusOr<DrillReport> DrillKills(const DrillOptions& options) {
  ASSIGN_OR_RETURN(const auto drill, Drill::Start(DrillFarm(kNodes), options));
  drill->report().scenario = "1 kill -9";
  Kills kills(*drill, options.real);
  RETURN_IF_ERROR(kills.Run(options.trials > 0 ? options.trials : kTrials));
  kills.Report();
  return drill->Finish();
}

}  // namespace rn
