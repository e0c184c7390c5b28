// A drill: a farm of real programs at work, faults at seeded moments, and the account afterwards.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bench/fault_drill/coordinator_log.h"
#include "tests/e2e/farm.h"

namespace rn {

struct DrillOptions {
  std::uint32_t seed = 1;
  int trials = 0;     // Faults; 0: as many as the scenario has in the long run.
  bool real = false;  // Real render workers, where the scenario does not need others.
};

// How long something took, at worst, against what the protocol promises.
struct Worst {
  std::string what;  // "re-registered"
  absl::Duration worst, target;

  void Note(absl::Duration took) { worst = std::max(worst, took); }
};

struct DrillReport {
  std::string scenario;  // "1 kill -9"
  int trials = 0;
  int items = 0;
  int lost = 0;        // Not completed, whatever came of them.
  int duplicated = 0;  // Committed more than once.
  int damaged = 0;     // Whose files are not what the coordinator says.
  int left = 0;        // Processes that outlived the farm.
  std::vector<Worst> worst;
  std::vector<std::string> notes;  // What was seen besides, and what could not be tried here.

  bool Whole() const { return lost == 0 && duplicated == 0 && damaged == 0 && left == 0; }
};

// The scenarios of "Must survive" in the lease protocol. An error: the drill itself came to
// nothing.
absl::StatusOr<DrillReport> DrillKills(const DrillOptions& options);
absl::StatusOr<DrillReport> DrillPartitions(const DrillOptions& options);
absl::StatusOr<DrillReport> DrillOutages(const DrillOptions& options);
absl::StatusOr<DrillReport> DrillFullDisks(const DrillOptions& options);
absl::StatusOr<DrillReport> DrillWorkers(const DrillOptions& options);
absl::StatusOr<DrillReport> DrillDrains(const DrillOptions& options);

// ---------------------------------------------------------------- what drills are made of

class Dice {
 public:
  explicit Dice(std::uint32_t seed) : random_(seed) {}

  int Below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }
  absl::Duration Upto(absl::Duration most) {
    return absl::Milliseconds(Below(1 + static_cast<int>(absl::ToInt64Milliseconds(most))));
  }

 private:
  std::mt19937 random_;
};

// Fast clocks, so that a TTL passes in seconds: what holds does not depend on their values.
FarmOptions DrillFarm(int nodes);

// One thread, as the farm.
class Drill {
 public:
  static absl::StatusOr<std::unique_ptr<Drill>> Start(FarmOptions farm,
                                                      const DrillOptions& options);

  Farm& farm() { return *farm_; }
  Dice& dice() { return dice_; }
  DrillReport& report() { return report_; }
  const std::vector<LeaseEvent>& Events() { return log_->Refresh(); }

  // A job of a row for each script; tests/workers/script.cc does what it says, a real worker speaks
  // it.
  absl::Status Submit(const std::vector<std::string>& scripts);
  // Of all jobs: not completed nor failed.
  int OpenItems();
  // Time since the call; nullopt: not within `patience`. Looks every 10 ms.
  std::optional<absl::Duration> Await(absl::FunctionRef<bool()> met,
                                      absl::Duration patience = absl::Seconds(60));
  absl::Status AwaitAll();
  // Of leases that a node was granted since event `since`, those that it neither committed nor gave
  // back.
  std::vector<LeaseEvent> HeldBy(int node, std::size_t since);

  // Workers that live now, to be looked for when the farm is gone.
  void NoteWorkers();
  // Everything ended; the account of all jobs is in the report.
  absl::StatusOr<DrillReport> Finish();

 private:
  Drill(std::unique_ptr<Farm> farm, const DrillOptions& options, int nodes)
      : nodes_(nodes),
        dice_(options.seed),
        farm_(std::move(farm)),
        log_(std::make_unique<CoordinatorLog>(farm_->folder() / "coordinator.log")) {}

  absl::Status Account();

  const int nodes_;
  Dice dice_;
  std::unique_ptr<Farm> farm_;
  std::unique_ptr<CoordinatorLog> log_;
  DrillReport report_;
  std::map<std::string, int> jobs_;  // Items of each.
  std::set<pid_t> pids_;
};

// Neither running nor waiting to be told that it has ended.
bool IsGone(pid_t pid);

}  // namespace rn
