#include "bench/fault_drill/drill.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr absl::Duration kLookInterval = absl::Milliseconds(10);
constexpr absl::Duration kPatience = absl::Minutes(5);  // For the last item of all.
constexpr absl::Duration kGoneWithin = absl::Seconds(2);

}  // namespace

FarmOptions DrillFarm(int nodes) {
  FarmOptions options;
  options.nodes = nodes;
  options.sync_interval = absl::Milliseconds(500);
  options.lease_ttl = absl::Seconds(4);
  options.reassign_grace = absl::Seconds(1);
  // A drill kills one item's attempts more often than the world would.
  options.retry_config = "losses_max = 1000\nnode_failures_max = 1000\nfailures_max = 100\n";
  options.worker_config = "crashes_max = 1000\n";
  options.worker = {absl::StrCat(RN_BIN_DIR, "/worker-script")};
  return options;
}

bool IsGone(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
  std::string stat;
  if (!std::getline(file, stat)) {
    return true;
  }
  const std::size_t name_end = stat.rfind(')');
  return name_end != std::string::npos && absl::StartsWith(stat.substr(name_end), ") Z");
}

absl::StatusOr<std::unique_ptr<Drill>> Drill::Start(FarmOptions farm, const DrillOptions& options) {
  const int nodes = farm.nodes;
  if (options.real) {
    farm.worker.clear();
  }
  ASSIGN_OR_RETURN(auto started, Farm::Create(farm));
  return std::unique_ptr<Drill>(new Drill(std::move(started), options, nodes));
}

absl::Status Drill::Submit(const std::vector<std::string>& scripts) {
  const std::string name = absl::StrCat("drill-", jobs_.size() + 1);
  std::vector<std::array<std::string, 3>> rows;
  for (std::size_t i = 0; i < scripts.size(); ++i) {
    rows.push_back({absl::StrCat("Video ", i + 1), scripts[i], "speaker.jpg"});
  }
  farm_->WriteSheet(name, rows);
  ASSIGN_OR_RETURN(const std::string job, farm_->Submit(name, name));
  jobs_[job] = static_cast<int>(scripts.size());
  return absl::OkStatus();
}

int Drill::OpenItems() {
  int open = 0;
  for (const auto& [job_id, items] : jobs_) {
    const auto job = farm_->client().GetJob(job_id);
    open += items;
    if (job.ok()) {
      open -= job->at("items_completed").get<int>() + job->at("items_failed").get<int>();
    }
  }
  return open;
}

std::optional<absl::Duration> Drill::Await(absl::FunctionRef<bool()> met, absl::Duration patience) {
  const Clock& clock = Clock::System();
  const absl::Duration began = clock.SinceBoot();
  while (!met()) {
    if (clock.SinceBoot() - began > patience) {
      return std::nullopt;
    }
    absl::SleepFor(kLookInterval);
  }
  return clock.SinceBoot() - began;
}

absl::Status Drill::AwaitAll() {
  const auto took = Await(
      [&] {
        absl::SleepFor(10 * kLookInterval);  // Each look is a request for each job.
        return OpenItems() == 0;
      },
      kPatience);
  return took.has_value()
             ? absl::OkStatus()
             : absl::DeadlineExceededError(absl::StrCat(OpenItems(), " items came to no end"));
}

std::vector<LeaseEvent> Drill::HeldBy(int node, std::size_t since) {
  using Kind = LeaseEvent::Kind;
  std::map<std::pair<std::string, std::uint64_t>, LeaseEvent> held;
  const std::vector<LeaseEvent>& events = Events();
  for (std::size_t i = since; i < events.size(); ++i) {
    const LeaseEvent& event = events[i];
    if (event.kind == Kind::kGranted && event.node == Farm::NodeId(node)) {
      held.emplace(std::pair(event.item, event.fence), event);
    } else if (event.kind != Kind::kGranted) {
      held.erase({event.item, event.fence});
    }
  }
  std::vector<LeaseEvent> leases;
  for (auto& [id, event] : held) {
    leases.push_back(std::move(event));
  }
  return leases;
}

void Drill::NoteWorkers() {
  for (int node = 0; node < nodes_; ++node) {
    for (const pid_t pid : farm_->WorkerPids(node)) {
      pids_.insert(pid);
    }
  }
}

// Every row completed, by one commit, of one attempt whose files are whole.
absl::Status Drill::Account() {
  for (const auto& [job_id, items] : jobs_) {
    ASSIGN_OR_RETURN(const nlohmann::json videos, farm_->client().ListVideos(job_id));
    report_.items += items;
    int completed = 0;
    for (const nlohmann::json& video : videos) {
      if (video.at("state") != "completed") {
        report_.notes.push_back(absl::StrCat("not completed: ", video.dump()));
        continue;
      }
      ++completed;
      for (const nlohmann::json& artifact : video.at("artifacts")) {
        const auto digest = Sha256File(farm_->FileOf(artifact));
        report_.damaged += digest.ok() && *digest == artifact.at("sha256") ? 0 : 1;
      }
    }
    report_.lost += items - completed;
  }
  std::map<std::string, int> commits;
  for (const LeaseEvent& event : Events()) {
    if (event.kind == LeaseEvent::Kind::kCommitted && event.outcome == "SUCCEEDED" &&
        event.verdict == "COMMITTED") {
      report_.duplicated += ++commits[event.item] == 2 ? 1 : 0;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<DrillReport> Drill::Finish() {
  const absl::Status ended = AwaitAll();
  if (!ended.ok()) {
    report_.notes.push_back(std::string(ended.message()));
  }
  RETURN_IF_ERROR(Account());
  if (!report_.Whole()) {
    std::filesystem::copy(farm_->folder(),
                          std::filesystem::temp_directory_path() / "fault_drill_failed",
                          std::filesystem::copy_options::recursive |
                              std::filesystem::copy_options::overwrite_existing |
                              std::filesystem::copy_options::skip_symlinks);
    report_.notes.push_back("the farm's folder, logs included, is kept: fault_drill_failed");
  }
  NoteWorkers();
  farm_.reset();
  (void)Await([&] { return std::all_of(pids_.begin(), pids_.end(), IsGone); }, kGoneWithin);
  report_.left += static_cast<int>(
      std::count_if(pids_.begin(), pids_.end(), [](pid_t pid) { return !IsGone(pid); }));
  return std::move(report_);
}

}  // namespace rn
