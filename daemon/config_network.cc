#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/address_policy.h"
#include "daemon/config_sections.h"

namespace rn {

namespace {

void ReadSecurity(ConfigReader& reader, CoordinatorSecurity& security) {
  ReadOptionalPath(reader, "coordinator.ca_file", security.ca_file);
  ReadOptionalPath(reader, "coordinator.cert_file", security.cert_file);
  ReadOptionalPath(reader, "coordinator.key_file", security.key_file);
  ReadOptionalPath(reader, "coordinator.token_file", security.token_file);
  reader.Read("coordinator.server_name", security.server_name);
  reader.Read("coordinator.tls_refresh", security.refresh, absl::Seconds(1), absl::Hours(1));
  if (security.cert_file.empty() != security.key_file.empty()) {
    reader.Fail("coordinator.cert_file", "goes with coordinator.key_file: give both or neither");
  }
  if (!security.tls() && !(security.cert_file.empty() && security.server_name.empty())) {
    reader.Fail("coordinator.ca_file",
                "must be given with coordinator.cert_file and coordinator.server_name");
  }
  if (security.tls() && security.cert_file.empty() && security.token_file.empty()) {
    reader.Fail("coordinator.ca_file",
                "with TLS the node must say who it is: give coordinator.cert_file and key_file, "
                "or coordinator.token_file");
  }
}

}  // namespace

void ReadCoordinator(ConfigReader& reader, DaemonConfig& config) {
  LeaseClientOptions& lease = config.lease;
  lease.coordinator = "127.0.0.1:7600";
  ReadSecurity(reader, lease.security);
  reader.Read("coordinator.address", lease.coordinator);
  if (const absl::Status status = CheckCoordinatorAddress(lease.coordinator, lease.security.tls());
      !status.ok()) {
    reader.Fail("coordinator.address",
                absl::StrCat(status.message(),
                             lease.security.tls() ? "" : "; for TLS give coordinator.ca_file"));
  }
  reader.Read(
      "coordinator.rpc_timeout", lease.rpc_timeout, absl::Milliseconds(100), absl::Minutes(1));
  reader.ReadBytes("coordinator.job_spec_max", lease.job_spec_bytes_max, 1024, 256 * kMiB);
  reader.Read("coordinator.job_specs_max", lease.job_specs_max, 1, 100000);
  ReadBackoff(reader, "coordinator.retry", config.node.coordinator_retry);
  ReadBackoff(reader, "coordinator.refused_retry", config.node.refused_retry);
}

void ReadFetch(ConfigReader& reader, FetchOptions& fetch) {
  reader.Read("fetch.threads", fetch.threads, 1, 256);
  FetchLimits& limits = fetch.limits;
  reader.Read("fetch.total_timeout", limits.total_timeout, absl::Seconds(1), absl::Hours(6));
  reader.Read(
      "fetch.connect_timeout", limits.connect_timeout, absl::Milliseconds(100), absl::Minutes(5));
  reader.Read("fetch.low_speed_window", limits.low_speed_window, absl::Seconds(1), absl::Hours(1));
  reader.ReadBytes("fetch.low_speed_min", limits.low_speed_bytes_min, 1, kGiB);
  reader.Read("fetch.redirects_max", limits.redirects_max, 0, 50);
  reader.Read("fetch.per_host_max", limits.per_host_max, 1, 256);
  reader.Read("fetch.allow_private", limits.allow_private);
  if (const auto policy = AddressPolicy::Create(limits.allow_private); !policy.ok()) {
    reader.Fail("fetch.allow_private", policy.status().message());
  }
  reader.Read("fetch.attempts_max", limits.attempts_max, 1, 100);
  ReadBackoff(reader, "fetch.retry", limits.retry);
  ReadOptionalPath(reader, "fetch.ca_file", limits.ca_file);
  std::vector<std::string> folders;
  reader.Read("fetch.allow_files", folders);
  for (const std::string& folder : folders) {
    if (folder.empty() || folder.front() != '/') {
      reader.Fail("fetch.allow_files", absl::StrCat("\"", folder, "\" is not an absolute path"));
    }
    limits.allow_files.emplace_back(folder);
  }
}

void ReadCache(ConfigReader& reader, AssetCacheOptions& cache) {
  reader.ReadBytes("cache.size_max", cache.bytes_max, kMiB, 1024 * kTiB);
  reader.Read("cache.urls_max", cache.urls_max, 1, 10000000);
  const std::pair<const char*, std::int64_t*> kinds[] = {
      {"cache.image_max", &cache.image_bytes_max},
      {"cache.video_max", &cache.video_bytes_max},
      {"cache.audio_max", &cache.audio_bytes_max},
      {"cache.font_max", &cache.font_bytes_max},
      {"cache.subtitles_max", &cache.subtitles_bytes_max}};
  for (const auto& [key, target] : kinds) {
    *target = std::min(*target, cache.bytes_max);
    reader.ReadBytes(key, *target, 1024, kTiB);
    if (*target > cache.bytes_max) {
      reader.Fail(key, "must not be above cache.size_max");
    }
  }
}

}  // namespace rn
