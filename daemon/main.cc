// rendernoded: one node of the farm. Takes leases from the coordinator, renders them in worker
// processes, uploads and commits the results. SIGTERM or SIGINT drains and exits; a second one
// interrupts what still runs. SIGHUP reads the configuration again.
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <prometheus/registry.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>
#include <string>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics_server.h"
#include "base/status.h"
#include "daemon/admin.h"
#include "daemon/config.h"
#include "daemon/control_loop.h"
#include "daemon/status_metrics.h"
#include "proto/grpc_log.h"

namespace rn {
namespace {

constexpr char kProgram[] = "rendernoded";
constexpr char kDefaultConfig[] = "/etc/rendernode/node.toml";
constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;

// A dozen threads that mostly wait: an arena each would cost more than their contention.
constexpr int kMallocArenasMax = 2;

// Signals as requests to the control thread, from a thread that waits for nothing else.
class Signals {
 public:
  // Call before any other thread starts: all of them inherit that these signals are not theirs.
  static void Block() {
    const sigset_t signals = Awaited();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  }

  Signals(ControlLoop& loop, std::string config_path)
      : config_path_(std::move(config_path)), thread_([this, &loop] { Wait(loop); }) {}

  ~Signals() {
    ending_ = true;
    pthread_kill(thread_.native_handle(), SIGTERM);
    thread_.join();
  }

 private:
  static sigset_t Awaited() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
      sigaddset(&signals, signal);
    }
    return signals;
  }

  void Wait(ControlLoop& loop) {
    const sigset_t signals = Awaited();
    int signal = 0;
    while (sigwait(&signals, &signal) == 0 && !ending_) {
      if (signal == SIGHUP) {
        loop.Reload(LoadDaemonConfig(config_path_));
        continue;
      }
      SPDLOG_INFO("drain requested signal={}", signal);
      loop.Post(DrainRequested{.exit = true});
    }
  }

  const std::string config_path_;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

absl::Status RunNode(const DaemonConfig& config, const std::string& config_path) {
  Signals::Block();
  ASSIGN_OR_RETURN(const auto loop, ControlLoop::Create(config, RN_VERSION, Clock::System()));
  ASSIGN_OR_RETURN(const auto admin, AdminServer::Listen(config.admin_socket, *loop));
  std::unique_ptr<MetricsServer> metrics;
  if (!config.metrics_address.empty()) {
    const auto gauges =
        std::make_shared<StatusMetrics>([loop = loop.get()] { return loop->Status(); });
    ASSIGN_OR_RETURN(
        metrics,
        MetricsServer::Listen(config.metrics_address, {loop->metrics().registry(), gauges}));
  }
  const Signals signals(*loop, config_path);
  SPDLOG_INFO("node starts node={} version={} coordinator={} slots={}",
              config.node_id,
              RN_VERSION,
              config.lease.coordinator,
              config.node.workers.slots);
  loop->Run();
  SPDLOG_INFO("node ends node={}", config.node_id);
  return absl::OkStatus();
}

int Fail(const absl::Status& status, int code) {
  std::fprintf(stderr, "%s: %s\n", kProgram, std::string(status.message()).c_str());
  return code;
}

int Main(int argc, char** argv) {
  CLI::App app("One node of a render farm.", kProgram);
  std::string path = kDefaultConfig;
  bool check = false;
  app.add_option("--config", path, "TOML file: every key in node.example.toml")
      ->capture_default_str();
  app.add_flag("--check-config", check, "read the configuration, say what is wrong, and end");
  app.set_version_flag("--version", std::string(kProgram) + " " + RN_VERSION);
  CLI11_PARSE(app, argc, argv);

  LogGrpcMessages();
  mallopt(M_ARENA_MAX, kMallocArenasMax);
  signal(SIGPIPE, SIG_IGN);  // A log that nobody reads any more is no reason to die.
  const absl::StatusOr<DaemonConfig> config = LoadDaemonConfig(path);
  if (!config.ok()) {
    return Fail(config.status(), kExitUsage);
  }
  if (check) {
    std::printf("%s: good\n", path.c_str());
    return 0;
  }
  if (const absl::Status status = InitLogging(kProgram, config->log_level, config->log_format);
      !status.ok()) {
    return Fail(status, kExitUsage);
  }
  const absl::Status status = RunNode(*config, path);
  return status.ok() ? 0 : Fail(status, kExitFailure);
}

}  // namespace
}  // namespace rn

int main(int argc, char** argv) {
  return rn::Main(argc, argv);
}
