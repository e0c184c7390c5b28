// A whole farm on loopback: the real coordinator, node daemons and workers, in a folder of its own.
#pragma once

#include <sys/types.h>

#include <array>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "ctl/bulk_client.h"
#include "proto/admin.pb.h"
#include "tests/fakes/fault_proxy.h"

namespace rn {

struct FarmOptions {
  int nodes = 1;
  // More than one share the store that `coordinator_config` names.
  int coordinators = 1;
  bool proxies = false;  // Each node reaches the first coordinator alone, through one of its own.
  int slots = 2;
  absl::Duration fetch_timeout = absl::Seconds(5);
  // Beside what the folder needs: the coordinator's lease clocks.
  absl::Duration sync_interval = absl::Seconds(1);
  absl::Duration lease_ttl = absl::Seconds(6);
  absl::Duration reassign_grace = absl::Seconds(2);
  std::string retry_config;         // More keys of the coordinator's [retry].
  std::vector<std::string> worker;  // Its command; empty: the real one.
  std::string worker_config;        // More keys of the node's [worker]; and of its [node]:
  std::string limits_config;
  std::string node_config;         // Appended to the node's: whole tables.
  std::string store;               // The nodes' [store], and below; empty: a folder that is served.
  std::string coordinator_config;  // Appended to the coordinator's: whole tables.
  // By node, as many as need any: more keys of its [coordinator].
  std::vector<std::string> node_wires;
  std::string voices;  // voices.json; empty: the shipped one.
  // Each node's folder is a file system of its own, of that size; 0: it is not. For root alone.
  std::int64_t node_disk_bytes = 0;
};

// One thread: children die with the thread that started them. Nodes and coordinators are numbered
// from 0; nodes are told of every coordinator, in that order.
class Farm {
 public:
  static constexpr char kTemplate[] = "tpl_short";  // About 2 s of 640×360, narrated.
  static constexpr char kApiKey[] = "e2e-key";

  // Everything runs. PermissionDenied: we may not mount what `node_disk_bytes` needs.
  static absl::StatusOr<std::unique_ptr<Farm>> Create(const FarmOptions& options = {});

  // Return once they serve; on the state that is there. A coordinator comes back on its old ports.
  absl::Status StartCoordinator(int which = 0);
  absl::Status StartNode(int node = 0);
  // SIGKILL, reaped on return.
  void KillCoordinator(int which = 0) { coordinators_[At(which)].process.reset(); }
  void KillNode(int node = 0) { nodes_[At(node)].process.reset(); }
  // SIGTERM; how it ended. DeadlineExceeded after 30 s.
  absl::StatusOr<ExitStatus> StopCoordinator(int which = 0);
  absl::StatusOr<ExitStatus> StopNode(int node = 0);

  Subprocess& coordinator_process(int which = 0) { return *coordinators_[At(which)].process; }
  Subprocess& node_process(int node = 0) { return *nodes_[At(node)].process; }
  // A coordinator's, for nodes; and for clients.
  int node_port(int which = 0) const { return coordinators_[At(which)].node_port; }
  int http_port(int which = 0) const { return coordinators_[At(which)].http_port; }
  pid_t node_pid(int node = 0) const { return nodes_[At(node)].process->pid(); }
  // The daemon's children that live.
  std::vector<pid_t> WorkerPids(int node = 0) const;
  // As the daemon's own socket has it.
  absl::StatusOr<rendernode::NodeStatus> NodeState(int node = 0) const;
  // With FarmOptions::proxies.
  FaultProxy& proxy(int node = 0) { return *nodes_[At(node)].proxy; }

  // A sheet of title, script and image URL; a URL without a scheme is a sample image's name.
  void WriteSheet(const std::string& id, const std::vector<std::array<std::string, 3>>& rows);
  // The job's id.
  absl::StatusOr<std::string> Submit(const std::string& sheet,
                                     const std::string& title,
                                     int coordinator = 0);
  BulkClient client(int coordinator = 0) const;

  // Looks every 50 ms, over outages too. False when `timeout` passed first.
  bool WaitUntil(absl::Duration timeout, absl::FunctionRef<bool()> met) const;
  bool WaitForJob(const std::string& job_id,
                  absl::Duration timeout,
                  absl::FunctionRef<bool(const nlohmann::json& job)> met,
                  int coordinator = 0) const;

  // The file behind an artifact's URL.
  std::filesystem::path FileOf(const nlohmann::json& artifact) const;
  const std::filesystem::path& folder() const { return folder_.path(); }
  // "e2e-0": its name, and that of its folder within folder().
  static std::string NodeId(int node) { return absl::StrCat("e2e-", node); }
  std::filesystem::path NodeFolder(int node) const { return folder() / NodeId(node); }
  // Successful commits by item, as the coordinators wrote them down over all their lives.
  std::map<std::string, int> Commits() const;
  // What one program, or all of them, said so far, over all its lives.
  std::string CoordinatorLog() const;
  std::string NodeLog(int node = 0) const;
  std::string Logs() const;

 private:
  // A small file system while it lives.
  class Disk {
   public:
    static absl::StatusOr<std::unique_ptr<Disk>> Mount(const std::filesystem::path& folder,
                                                       std::int64_t bytes);
    ~Disk();

   private:
    explicit Disk(std::filesystem::path folder) : folder_(std::move(folder)) {}
    const std::filesystem::path folder_;
  };
  struct Coordinator {
    std::optional<Subprocess> process;
    int http_port = 0, node_port = 0;  // 0: any.
  };
  struct Node {
    std::unique_ptr<Disk> disk;
    std::unique_ptr<FaultProxy> proxy;
    std::optional<Subprocess> process;
  };

  Farm(FarmOptions options, TempDir folder)
      : options_(std::move(options)),
        folder_(std::move(folder)),
        coordinators_(At(options_.coordinators)),
        nodes_(At(options_.nodes)) {}

  static std::size_t At(int node) { return static_cast<std::size_t>(node); }
  void WriteCoordinatorConfig(int which);
  void WriteNodeConfig(int node);
  // Its stderr is appended to `log`, so that one log tells of every life of a program.
  static absl::StatusOr<Subprocess> Run(const std::string& program,
                                        const std::vector<std::string>& args,
                                        const std::filesystem::path& log);

  const FarmOptions options_;
  const TempDir folder_;
  std::vector<Coordinator> coordinators_;
  std::vector<Node> nodes_;
};

}  // namespace rn
