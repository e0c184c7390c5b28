// What a node's daemon costs, in a farm of real programs: memory and processor time while it waits
// for work, and what it adds to an item beside the render.
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "bench/process_memory.h"
#include "bench/program.h"
#include "bench/report.h"
#include "proto/admin.grpc.pb.h"
#include "tests/e2e/farm.h"

ABSL_FLAG(int, runs, 5, "farms started and measured");
ABSL_FLAG(int, items, 200, "rendered one after the other, to see what the daemon adds to each");
ABSL_FLAG(absl::Duration, idle, absl::Seconds(10), "how long each is watched");

namespace rn {
namespace {

constexpr double kMemoryTargetMib = 40;
constexpr double kCpuTargetPercent = 0.1;
constexpr double kStartTargetMs = 20;
constexpr double kCommitTargetMs = 50;
constexpr int kItems = 8;
// As coordinators have them unless told otherwise.
constexpr absl::Duration kSyncInterval = absl::Seconds(5);
constexpr absl::Duration kLeaseTtl = absl::Seconds(30);
constexpr int kManySlots = 16;
constexpr absl::Duration kSettle = absl::Seconds(2);
constexpr absl::Duration kJobTimeout = absl::Minutes(2);

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
  std::vector<double> idle_mib, idle_percent, used_mib, one_slot_mib, many_slots_mib;
  std::vector<double> start_p50_ms, start_p99_ms, end_p50_ms, end_p99_ms, cpu_ms;
};

// The daemon's metrics, as Prometheus would read them.
absl::StatusOr<std::string> Metrics(const Farm& farm) {
  const auto stub = rendernode::NodeAdmin::NewStub(
      grpc::CreateChannel(absl::StrCat("unix:", (farm.NodeFolder(0) / "admin.sock").string()),
                          grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  rendernode::SupportData data;
  const grpc::Status status = stub->GetSupportData(&context, {}, &data);
  return status.ok() ? absl::StatusOr<std::string>(data.metrics())
                     : absl::UnavailableError(status.error_message());
}

// The value of the line that begins with `name`, in milliseconds.
absl::StatusOr<double> MillisecondsOf(const std::string& metrics, const std::string& name) {
  for (absl::string_view line : absl::StrSplit(metrics, '\n')) {
    double seconds = 0;
    if (absl::ConsumePrefix(&line, name) && absl::SimpleAtod(line, &seconds)) {
      return 1e3 * seconds;
    }
  }
  return absl::NotFoundError(absl::StrCat("no metric ", name));
}

absl::Status Render(Farm& farm, const std::string& title, int items) {
  std::vector<std::array<std::string, 3>> rows;
  for (int i = 1; i <= items; ++i) {
    rows.push_back({absl::StrCat("Video ", i), "A short narration.", "speaker.jpg"});
  }
  farm.WriteSheet(title, rows);
  ASSIGN_OR_RETURN(const std::string job, farm.Submit(title, title));
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
  RETURN_IF_ERROR(Render(*farm, "some", kItems));
  figures.used_mib.push_back(ResidentMib(farm->node_pid()));
  return absl::OkStatus();
}

// Items one by one: none waits for another, so all the time beside the render is the daemon's.
absl::Status MeasureItems(Figures& figures) {
  ASSIGN_OR_RETURN(const auto farm, Farm::Create());
  RETURN_IF_ERROR(Render(*farm, "warm", 1));
  const int items = absl::GetFlag(FLAGS_items);
  const double before = CpuSecondsOfAllThreads(farm->node_pid());
  for (int i = 1; i <= items; ++i) {
    RETURN_IF_ERROR(Render(*farm, absl::StrCat("one", i), 1));
  }
  figures.cpu_ms.push_back(1e3 * (CpuSecondsOfAllThreads(farm->node_pid()) - before) / items);
  ASSIGN_OR_RETURN(const std::string metrics, Metrics(*farm));
  const std::pair<const char*, std::vector<double>*> quantiles[] = {
      {"rendernode_lease_to_worker_seconds{quantile=\"0.5\"} ", &figures.start_p50_ms},
      {"rendernode_lease_to_worker_seconds{quantile=\"0.99\"} ", &figures.start_p99_ms},
      {"rendernode_done_to_committed_seconds{quantile=\"0.5\"} ", &figures.end_p50_ms},
      {"rendernode_done_to_committed_seconds{quantile=\"0.99\"} ", &figures.end_p99_ms}};
  for (const auto& [name, target] : quantiles) {
    ASSIGN_OR_RETURN(const double value, MillisecondsOf(metrics, name));
    target->push_back(value);
  }
  return absl::OkStatus();
}

absl::Status MeasureSlots(int slots, std::vector<double>& mib) {
  ASSIGN_OR_RETURN(const auto farm, Farm::Create({.slots = slots}));
  absl::SleepFor(kSettle);
  mib.push_back(ResidentMib(farm->node_pid()));
  return absl::OkStatus();
}

BenchRow Row(const std::string& metric,
             const std::string& unit,
             const std::vector<double>& values,
             std::optional<double> target = std::nullopt) {
  return Summary({.scenario = "node", .metric = metric, .unit = unit, .target = target}, values);
}

absl::StatusOr<std::vector<BenchRow>> MeasureAll() {
  Figures figures;
  RETURN_IF_ERROR(MeasureItems(figures));
  RETURN_IF_ERROR(MeasureSlots(1, figures.one_slot_mib));
  RETURN_IF_ERROR(MeasureSlots(kManySlots, figures.many_slots_mib));
  for (int run = 1; run <= absl::GetFlag(FLAGS_runs); ++run) {
    std::fprintf(stderr, "node: run %d of %d\n", run, absl::GetFlag(FLAGS_runs));
    RETURN_IF_ERROR(MeasureFarm(figures));
  }
  return std::vector<BenchRow>{
      Row("daemon idle RSS", "MiB", figures.idle_mib, kMemoryTargetMib),
      Row("daemon RSS after 8 items", "MiB", figures.used_mib),
      Row("daemon idle CPU", "%", figures.idle_percent, kCpuTargetPercent),
      Row("daemon RSS with 1 slot", "MiB", figures.one_slot_mib),
      Row("daemon RSS with 16 slots", "MiB", figures.many_slots_mib),
      Row("lease granted to worker starts, p50", "ms", figures.start_p50_ms),
      Row("lease granted to worker starts, p99", "ms", figures.start_p99_ms, kStartTargetMs),
      Row("worker done to committed, p50", "ms", figures.end_p50_ms),
      Row("worker done to committed, p99", "ms", figures.end_p99_ms, kCommitTargetMs),
      Row("daemon CPU per item", "ms", figures.cpu_ms)};
}

}  // namespace
}  // namespace rn

int main(int argc, char** argv) {
  return rn::RunBench(argc, argv, "node_bench", rn::MeasureAll);
}
