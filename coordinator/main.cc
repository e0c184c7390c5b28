// rendernode-coordinator: takes bulk jobs from clients and hands their items to nodes. SIGTERM or
// SIGINT answers what is under way and ends. SIGHUP reads the configuration again.
#include <pthread.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/status.h"
#include "coordinator/config.h"
#include "coordinator/coordinator.h"
#include "proto/grpc_log.h"

namespace rn {
namespace {

constexpr char kProgram[] = "rendernode-coordinator";
constexpr char kDefaultConfig[] = "/etc/rendernode/coordinator.toml";
constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;

// Call before any other thread starts: all of them inherit that these signals are not theirs.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    sigaddset(&signals, signal);
  }
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

// A thousand nodes and as many clients are more than the soft limit of old.
void RaiseFileLimit() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
}

// On one line, for `systemctl status`.
std::string StatusLine(const absl::Status& reloaded) {
  return reloaded.ok() ? "STATUS="
                       : absl::StrCat("STATUS=last reload refused (",
                                      absl::StrReplaceAll(reloaded.message(), {{"\n", " "}}),
                                      ")");
}

void Reload(const std::string& config_path, Coordinator& coordinator) {
  const std::int64_t now_us = absl::ToInt64Microseconds(Clock::System().Awake());
  sd_notify(/*unset_environment=*/0, absl::StrCat("RELOADING=1\nMONOTONIC_USEC=", now_us).c_str());
  const absl::StatusOr<CoordinatorConfig> next = LoadCoordinatorConfig(config_path);
  const absl::Status status = next.ok() ? coordinator.Reload(*next) : next.status();
  if (status.ok()) {
    SPDLOG_INFO("configuration reloaded");
  } else {
    SPDLOG_ERROR("configuration not reloaded error=\"{}\"", std::string(status.message()));
  }
  sd_notify(/*unset_environment=*/0, absl::StrCat("READY=1\n", StatusLine(status)).c_str());
}

// Until a signal to end comes; which. Pings the service manager's watchdog as long as the store
// answers.
int AwaitEnd(const sigset_t& signals, const std::string& config_path, Coordinator& coordinator) {
  std::uint64_t watchdog_us = 0;
  const bool watched = sd_watchdog_enabled(/*unset_environment=*/0, &watchdog_us) > 0;
  // Half of it, as the manual says: one late ping is no death sentence.
  const timespec interval = absl::ToTimespec(absl::Microseconds(watchdog_us) / 2);
  while (true) {
    const int signal =
        watched ? sigtimedwait(&signals, nullptr, &interval) : sigwaitinfo(&signals, nullptr);
    if (signal == SIGHUP) {
      Reload(config_path, coordinator);
    } else if (signal > 0) {
      return signal;
    }
    if (watched) {
      coordinator.Probe();
      sd_notify(/*unset_environment=*/0, "WATCHDOG=1");
    }
  }
}

absl::Status RunCoordinator(const CoordinatorConfig& config,
                            const std::string& config_path,
                            const std::string& ports_file) {
  const sigset_t signals = BlockSignals();
  ASSIGN_OR_RETURN(const auto coordinator, Coordinator::Start(config));
  SPDLOG_INFO("coordinator starts version={} http_port={} node_address={} node_port={} state={}",
              RN_VERSION,
              coordinator->http_port(),
              config.nodes.address,
              coordinator->node_port(),
              config.state_folder.string());
  if (!ports_file.empty()) {
    RETURN_IF_ERROR(WriteFileDurably(ports_file,
                                     absl::StrCat("{\"http\": ",
                                                  coordinator->http_port(),
                                                  ", \"nodes\": ",
                                                  coordinator->node_port(),
                                                  "}\n")));
  }
  sd_notify(/*unset_environment=*/0, "READY=1");
  const int signal = AwaitEnd(signals, config_path, *coordinator);
  SPDLOG_INFO("coordinator stops signal={}", signal);
  sd_notify(/*unset_environment=*/0, "STOPPING=1");
  coordinator->Stop();
  SPDLOG_INFO("coordinator ends");
  return absl::OkStatus();
}

int Fail(const absl::Status& status, int code) {
  std::fprintf(stderr, "%s: %s\n", kProgram, std::string(status.message()).c_str());
  return code;
}

int Main(int argc, char** argv) {
  CLI::App app("The coordinator of a render farm.", kProgram);
  std::string path = kDefaultConfig;
  std::string ports_file;
  bool check = false;
  app.add_option("--config", path, "TOML file: every key in coordinator.example.toml")
      ->capture_default_str();
  app.add_option(
      "--ports-file", ports_file, R"(written once it serves: {"http": <port>, "nodes": <port>})");
  app.add_flag("--check-config", check, "read the configuration, say what is wrong, and end");
  app.set_version_flag("--version", std::string(kProgram) + " " + RN_VERSION);
  CLI11_PARSE(app, argc, argv);

  LogGrpcMessages();
  signal(SIGPIPE, SIG_IGN);  // A log that nobody reads any more is no reason to die.
  const absl::StatusOr<CoordinatorConfig> config = LoadCoordinatorConfig(path);
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
  RaiseFileLimit();
  const absl::Status status = RunCoordinator(*config, path, ports_file);
  return status.ok() ? 0 : Fail(status, kExitFailure);
}

}  // namespace
}  // namespace rn

// NOLINTNEXTLINE(bugprone-exception-escape): CLI11 throws at a bug of ours only.
int main(int argc, char** argv) {
  return rn::Main(argc, argv);
}
