#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/metrics_server.h"
#include "daemon/config_sections.h"

namespace rn {
namespace {

constexpr std::size_t kNodeIdMax = 128;

// The machine's name: the one identity that survives a reinstallation of ours.
std::string Hostname() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

std::int64_t Cores() {
  return std::max<std::int64_t>(1, std::thread::hardware_concurrency());
}

}  // namespace

void ReadIdentity(ConfigReader& reader, DaemonConfig& config) {
  config.node_id = Hostname();
  reader.Read("node_id", config.node_id);
  const bool plain = std::all_of(config.node_id.begin(), config.node_id.end(), [](unsigned char c) {
    return absl::ascii_isgraph(c);
  });
  if (config.node_id.empty() || config.node_id.size() > kNodeIdMax || !plain) {
    reader.Fail("node_id", "must be 1 to 128 printable ASCII characters without spaces");
  }
  reader.ReadName("log_level",
                  config.log_level,
                  {"trace", "debug", "info", "warning", "error", "critical", "off"});
  std::string format = "text";
  reader.ReadName("log_format", format, {"text", "json"});
  config.log_format = format == "json" ? LogFormat::kJson : LogFormat::kText;
  ReadPath(reader, "folders.state", config.state_folder);
  ReadPath(reader, "folders.work", config.work_folder);
  ReadPath(reader, "folders.cache", config.cache_folder);
  ReadPath(reader, "admin.socket", config.admin_socket);
  reader.Read("metrics.address", config.metrics_address);
  if (const absl::Status status = CheckMetricsAddress(config.metrics_address);
      !config.metrics_address.empty() && !status.ok()) {
    reader.Fail("metrics.address", status.message());
  }
  reader.ReadBytes("folders.disk_free_min", config.disk_free_bytes_min, 0, kTiB);
  config.lease.job_spec_folder = config.state_folder / "job_specs";
}

void ReadNode(ConfigReader& reader, NodeLimits& node) {
  node.workers.slots = Cores();
  reader.Read("node.slots", node.workers.slots, 1, 256);
  node.prefetch = std::max(node.prefetch, node.workers.slots);
  reader.Read("node.prefetch", node.prefetch, 0, 1024);
  node.held_max = std::max(node.held_max, 4 * (node.workers.slots + node.prefetch));
  reader.Read("node.held_max", node.held_max, 1, 10000);
  if (node.held_max < node.workers.slots + node.prefetch) {
    reader.Fail("node.held_max", "must not be below node.slots + node.prefetch");
  }
  reader.Read("node.stall_timeout", node.stall_timeout, absl::Seconds(1), absl::Hours(1));
  reader.Read(
      "node.self_fence_margin", node.self_fence_margin, absl::ZeroDuration(), absl::Minutes(10));
  reader.Read("node.drain_timeout", node.drain_timeout, absl::Seconds(1), absl::Hours(24));
  reader.Read("node.drain_reserve", node.drain_reserve, absl::ZeroDuration(), absl::Hours(1));
  if (node.drain_reserve > node.drain_timeout) {
    reader.Fail("node.drain_reserve", "must not be above node.drain_timeout");
  }
  reader.Read("node.sync_spacing", node.sync_spacing, absl::Milliseconds(1), absl::Seconds(10));
  reader.Read(
      "node.progress_spacing", node.progress_spacing, absl::Milliseconds(10), absl::Minutes(1));
  reader.Read("node.hello_wait", node.hello_wait, absl::ZeroDuration(), absl::Minutes(1));
  ReadBackoff(reader, "node.journal_retry", node.journal_retry);
  reader.Read("node.upload_refusals_max", node.upload_refusals_max, 1, 1000);
  reader.Read("node.adoptions_max", node.adoptions_max, 1, 1000);
}

void ReadWorker(ConfigReader& reader, WorkerCommand& worker, WorkerLimits& limits) {
  reader.Read("worker.command", worker.argv);
  if (worker.argv.empty() || worker.argv.front().empty() || worker.argv.front().front() != '/') {
    reader.Fail("worker.command", "must begin with the absolute path of a program");
  }
  reader.Read("worker.environment", worker.environment);
  for (const std::string& variable : worker.environment) {
    if (!absl::StrContains(variable, '=') || variable.front() == '=') {
      reader.Fail("worker.environment", absl::StrCat("\"", variable, "\" is not NAME=value"));
    }
  }
  reader.ReadName("worker.sandbox", worker.sandbox, {"required", "best-effort", "off"});
  std::vector<std::string> folders;
  reader.Read("worker.read_only", folders);
  for (const std::string& folder : folders) {
    if (folder.empty() || folder.front() != '/') {
      reader.Fail("worker.read_only", absl::StrCat("\"", folder, "\" is not an absolute path"));
    }
    worker.read_only.emplace_back(folder);
  }
  reader.ReadBytes("worker.file_max", worker.file_bytes_max, kMiB, kTiB);
  reader.Read("worker.open_files_max", worker.open_files_max, 64, 1000000);
  reader.ReadBytes("worker.memory_max", worker.memory_bytes_max, 64 * kMiB, kTiB);
  reader.Read("worker.cgroup", worker.cgroup);
  if (worker.cgroup != "auto" && worker.cgroup != "off" && worker.cgroup.find('/') != 0) {
    reader.Fail("worker.cgroup",
                absl::StrCat("\"", worker.cgroup, "\" is not auto, off or an absolute path"));
  }
  reader.Read("worker.tasks_max", worker.tasks_max, 16, 1000000);
  reader.Read("worker.items_max", limits.items_per_worker, 1, 1000000);
  reader.Read("worker.crashes_max", limits.crashes_max, 1, 1000);
  reader.Read("worker.start_timeout", limits.start_timeout, absl::Seconds(1), absl::Minutes(10));
  ReadBackoff(reader, "worker.restart", limits.restart);
}

}  // namespace rn
