// What a node costs while it waits for work: memory and processor time of the daemon, in a farm of
// real programs.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "bench/report.h"
#include "tests/e2e/farm.h"

ABSL_FLAG(std::string, out, "", "write the rows here, as JSON");
ABSL_FLAG(int, runs, 5, "farms started and measured");
ABSL_FLAG(absl::Duration, idle, absl::Seconds(10), "how long each is watched");

namespace rn {
namespace {

constexpr double kMemoryTargetMib = 40;
constexpr double kCpuTargetPercent = 0.1;
constexpr int kItems = 8;
// As coordinators have them unless told otherwise.
constexpr absl::Duration kSyncInterval = absl::Seconds(5);
constexpr absl::Duration kLeaseTtl = absl::Seconds(30);
constexpr absl::Duration kSettle = absl::Seconds(2);
constexpr absl::Duration kJobTimeout = absl::Minutes(2);

double ResidentMib(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/statm"));
  double all = 0;
  double resident = 0;
  file >> all >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

// User and system time since the process started, from the scheduler's own count.
double CpuSeconds(pid_t pid) {
  double nanoseconds = 0;
  std::ifstream(absl::StrCat("/proc/", pid, "/schedstat")) >> nanoseconds;
  return nanoseconds / 1e9;
}

// The main thread's alone would miss most of it.
double CpuSecondsOfAllThreads(pid_t pid) {
  double seconds = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(absl::StrCat("/proc/", pid, "/task"))) {
    seconds += CpuSeconds(std::atoi(entry.path().filename().c_str()));
  }
  return seconds;
}

struct Figures {
  std::vector<double> idle_mib, idle_percent, used_mib;
};

absl::Status RenderSome(Farm& farm) {
  std::vector<std::array<std::string, 3>> rows;
  for (int i = 1; i <= kItems; ++i) {
    rows.push_back({absl::StrCat("Video ", i), "A short narration.", "speaker.jpg"});
  }
  farm.WriteSheet("some", rows);
  ASSIGN_OR_RETURN(const std::string job, farm.Submit("some", "some"));
  const bool done = farm.WaitForJob(job, kJobTimeout, [](const nlohmann::json& state) {
    return state.at("state") == "completed";
  });
  return done ? absl::OkStatus()
              : absl::DeadlineExceededError(absl::StrCat("the job did not end\n", farm.Logs()));
}

absl::Status MeasureFarm(Figures& figures) {
  FarmOptions options;
  options.sync_interval = kSyncInterval;
  options.lease_ttl = kLeaseTtl;
  ASSIGN_OR_RETURN(const auto farm, Farm::Create(options));
  absl::SleepFor(kSettle);
  const double before = CpuSecondsOfAllThreads(farm->node_pid());
  const absl::Duration idle = absl::GetFlag(FLAGS_idle);
  absl::SleepFor(idle);
  figures.idle_percent.push_back(100 * (CpuSecondsOfAllThreads(farm->node_pid()) - before) /
                                 absl::ToDoubleSeconds(idle));
  figures.idle_mib.push_back(ResidentMib(farm->node_pid()));
  RETURN_IF_ERROR(RenderSome(*farm));
  figures.used_mib.push_back(ResidentMib(farm->node_pid()));
  return absl::OkStatus();
}

absl::Status MeasureAll() {
  Figures figures;
  for (int run = 1; run <= absl::GetFlag(FLAGS_runs); ++run) {
    std::fprintf(stderr, "node: run %d of %d\n", run, absl::GetFlag(FLAGS_runs));
    RETURN_IF_ERROR(MeasureFarm(figures));
  }
  const std::vector<BenchRow> rows = {
      Summary({.scenario = "node",
               .metric = "daemon idle RSS",
               .unit = "MiB",
               .target = kMemoryTargetMib},
              figures.idle_mib),
      Summary({.scenario = "node", .metric = "daemon RSS after 8 items", .unit = "MiB"},
              figures.used_mib),
      Summary({.scenario = "node",
               .metric = "daemon idle CPU",
               .unit = "%",
               .target = kCpuTargetPercent},
              figures.idle_percent)};
  std::fputs(Table(rows).c_str(), stdout);
  const std::string out = absl::GetFlag(FLAGS_out);
  return out.empty() ? absl::OkStatus() : WriteRows(out, rows);
}

}  // namespace
}  // namespace rn

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  const absl::Status status = rn::MeasureAll();
  if (status.ok()) return EXIT_SUCCESS;
  std::fprintf(stderr, "node_bench: %s\n", status.ToString().c_str());
  return EXIT_FAILURE;
}
