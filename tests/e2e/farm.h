// A whole farm on loopback: the real coordinator, node daemon and workers, in a folder of its own.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "ctl/bulk_client.h"

namespace rn {

struct FarmOptions {
  int slots = 2;
  absl::Duration fetch_timeout = absl::Seconds(5);
  // Beside what the folder needs: the coordinator's lease clocks.
  absl::Duration lease_ttl = absl::Seconds(6);
  absl::Duration reassign_grace = absl::Seconds(2);
  std::string node_config;  // Appended to the node's: whole tables.
  std::string voices;       // voices.json; empty: the shipped one.
};

// One thread: children die with the thread that started them.
class Farm {
 public:
  static constexpr char kTemplate[] = "tpl_short";  // About 2 s of 640×360, narrated.

  static absl::StatusOr<std::unique_ptr<Farm>> Create(const FarmOptions& options = {});

  // Return once they serve. The coordinator comes back on its old ports.
  absl::Status StartCoordinator();
  absl::Status StartNode();
  // SIGKILL, reaped on return.
  void KillCoordinator() { coordinator_.reset(); }
  void KillNode() { node_.reset(); }
  // SIGTERM; how it ended. DeadlineExceeded after 30 s.
  absl::StatusOr<ExitStatus> StopCoordinator();
  absl::StatusOr<ExitStatus> StopNode();

  pid_t node_pid() const { return node_->pid(); }
  // The daemon's children that live.
  std::vector<pid_t> WorkerPids() const;

  // A sheet of title, script and image URL; a URL without a scheme is a sample image's name.
  void WriteSheet(const std::string& id, const std::vector<std::array<std::string, 3>>& rows);
  // The job's id.
  absl::StatusOr<std::string> Submit(const std::string& sheet, const std::string& title);
  BulkClient client() const;

  // Looks every 50 ms, over outages too. False when `timeout` passed first.
  bool WaitUntil(absl::Duration timeout, absl::FunctionRef<bool()> met) const;
  bool WaitForJob(const std::string& job_id,
                  absl::Duration timeout,
                  absl::FunctionRef<bool(const nlohmann::json& job)> met) const;

  // The file behind an artifact's URL.
  std::filesystem::path FileOf(const nlohmann::json& artifact) const;
  const std::filesystem::path& folder() const { return folder_.path(); }
  // What the programs said so far, for a failure's message.
  std::string Logs() const;

 private:
  Farm(FarmOptions options, TempDir folder)
      : options_(std::move(options)), folder_(std::move(folder)) {}

  void WriteConfigs(int http_port, int node_port);
  absl::StatusOr<Subprocess> Run(const std::string& program, const std::vector<std::string>& args);

  const FarmOptions options_;
  const TempDir folder_;
  std::optional<Subprocess> coordinator_;
  std::optional<Subprocess> node_;
  int http_port_ = 0, node_port_ = 0;
};

}  // namespace rn
