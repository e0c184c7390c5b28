// rendernoded's configuration: one TOML file, in which every limit and timeout has a name, a range
// and a default. An unknown key is an error; all mistakes are reported at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/log_format.h"
#include "daemon/file_object_store.h"
#include "daemon/item_fetcher.h"
#include "daemon/lease_client.h"
#include "daemon/node.h"
#include "daemon/s3_object_store.h"
#include "daemon/store_keeper.h"
#include "daemon/uploader.h"
#include "daemon/worker_process.h"

namespace rn {

struct DaemonConfig {
  std::string node_id;  // Stable over restarts: the coordinator knows the node by it.
  std::string log_level = "info";
  LogFormat log_format = LogFormat::kText;
  std::filesystem::path state_folder = "/var/lib/rendernode";
  std::filesystem::path work_folder = "/var/lib/rendernode/work";  // Renders under way.
  std::filesystem::path cache_folder = "/var/cache/rendernode";
  std::filesystem::path admin_socket = "/run/rendernode/admin.sock";
  std::string metrics_address;                               // "" = none
  std::int64_t disk_free_bytes_min = std::int64_t{1} << 30;  // Below it no new work starts.
  std::int64_t events_max = 4096;  // Waiting for the control thread, before those who post wait.

  NodeLimits node;
  LeaseClientOptions lease;
  FetchOptions fetch;  // Its cache is in `cache_folder`.
  FileStoreOptions store;
  std::optional<S3StoreOptions> s3_store;  // Instead of `store`.
  UploadOptions upload;                    // From `work_folder`.
  StoreKeeperOptions store_keeper;         // In `state_folder`.
  WorkerCommand worker;

  std::map<std::string, std::string> values;  // By key, as ConfigReader::values().
};

// NotFound: no such file. InvalidArgument: every mistake, a line each.
absl::StatusOr<DaemonConfig> LoadDaemonConfig(const std::string& path);

// `name` stands for the file in messages.
absl::StatusOr<DaemonConfig> ParseDaemonConfig(absl::string_view text, const std::string& name);

}  // namespace rn
