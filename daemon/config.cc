#include "daemon/config.h"

#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <thread>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "base/config_reader.h"
#include "base/status.h"
#include "daemon/address_policy.h"
#include "daemon/speech_desk.h"

namespace rn {
namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;
constexpr std::int64_t kGiB = std::int64_t{1} << 30;
constexpr std::int64_t kTiB = std::int64_t{1} << 40;
constexpr std::size_t kNodeIdMax = 128;

// The machine's name: the one identity that survives a reinstallation of ours.
std::string Hostname() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

std::int64_t Cores() {
  return std::max<std::int64_t>(1, std::thread::hardware_concurrency());
}

void ReadPath(ConfigReader& reader, const std::string& key, std::filesystem::path& target) {
  std::string path = target.string();
  reader.Read(key, path);
  if (path.empty() || path.front() != '/') {
    reader.Fail(key, absl::StrCat("\"", path, "\" is not an absolute path"));
  }
  target = path;
}

void ReadBackoff(ConfigReader& reader, const std::string& prefix, BackoffLimits& limits) {
  reader.Read(prefix + "_min", limits.min, absl::Milliseconds(10), absl::Minutes(10));
  reader.Read(prefix + "_max", limits.max, absl::Milliseconds(10), absl::Hours(1));
  if (limits.min > limits.max) {
    reader.Fail(prefix + "_min", absl::StrCat("must not be above ", prefix, "_max"));
  }
}

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
  ReadPath(reader, "folders.state", config.state_folder);
  ReadPath(reader, "folders.work", config.work_folder);
  ReadPath(reader, "folders.cache", config.cache_folder);
  ReadPath(reader, "admin.socket", config.admin_socket);
  reader.ReadBytes("folders.disk_free_min", config.disk_free_bytes_min, 0, kTiB);
  config.lease.job_spec_folder = config.state_folder / "job_specs";
}

void ReadCoordinator(ConfigReader& reader, DaemonConfig& config) {
  LeaseClientOptions& lease = config.lease;
  lease.coordinator = "127.0.0.1:7600";
  reader.Read("coordinator.address", lease.coordinator);
  if (const absl::Status status = CheckCoordinatorAddress(lease.coordinator); !status.ok()) {
    reader.Fail("coordinator.address", status.message());
  }
  reader.Read(
      "coordinator.rpc_timeout", lease.rpc_timeout, absl::Milliseconds(100), absl::Minutes(1));
  reader.ReadBytes("coordinator.job_spec_max", lease.job_spec_bytes_max, 1024, 256 * kMiB);
  reader.Read("coordinator.job_specs_max", lease.job_specs_max, 1, 100000);
  ReadBackoff(reader, "coordinator.retry", config.node.coordinator_retry);
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
  reader.ReadBytes("worker.memory_max", worker.memory_bytes_max, 64 * kMiB, kTiB);
  reader.Read("worker.items_max", limits.items_per_worker, 1, 1000000);
  reader.Read("worker.crashes_max", limits.crashes_max, 1, 1000);
  reader.Read("worker.start_timeout", limits.start_timeout, absl::Seconds(1), absl::Minutes(10));
  ReadBackoff(reader, "worker.restart", limits.restart);
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

void ReadCommandEngine(ConfigReader& reader,
                       const std::string& prefix,
                       SpeechEngineOptions& engine) {
  reader.Read(prefix + "command", engine.command);
  if (engine.command.empty() || engine.command.front().empty() ||
      engine.command.front().front() != '/') {
    reader.Fail(prefix + "command", "must begin with the absolute path of a program");
  }
  if (const absl::Status status = CheckCommand(engine.command); !status.ok()) {
    reader.Fail(prefix + "command", status.message());
  }
  reader.Read(prefix + "environment", engine.environment);
  reader.ReadName(prefix + "output", engine.output, {"wav", "raw"});
  reader.Read(prefix + "sample_rate", engine.sample_rate, 8000, 192000);
}

void ReadHttpEngine(ConfigReader& reader, const std::string& prefix, SpeechEngineOptions& engine) {
  reader.Read(prefix + "url", engine.url);
  if (!absl::StartsWith(engine.url, "http://") && !absl::StartsWith(engine.url, "https://")) {
    reader.Fail(prefix + "url", "must be an http or https URL, up to and with /v1/audio/speech");
  }
  reader.Read(prefix + "model", engine.model);
  if (engine.model.empty()) {
    reader.Fail(prefix + "model", "must name a model of the server");
  }
  std::string file;
  reader.Read(prefix + "api_key_file", file);
  if (!file.empty() && file.front() != '/') {
    reader.Fail(prefix + "api_key_file", absl::StrCat("\"", file, "\" is not an absolute path"));
  }
  engine.api_key_file = file;
}

void ReadSpeech(ConfigReader& reader, SpeechOptions& speech) {
  reader.ReadBytes("speech.cache_max", speech.cache.bytes_max, kMiB, 1024 * kTiB);
  reader.Read(
      "speech.utterances_timeout", speech.utterances_timeout, absl::Seconds(1), absl::Minutes(10));
  for (const std::string& name : reader.TablesIn("speech.engines")) {
    const std::string table = "speech.engines." + name;
    const std::string prefix = table + ".";
    SpeechEngineOptions engine{.name = name};
    const std::vector<std::string>& own = WorkerEngines();
    if (std::find(own.begin(), own.end(), name) != own.end()) {
      reader.Fail(table, "is the name of an engine that every node has");
    }
    reader.ReadName(prefix + "kind", engine.kind, {"command", "http"});
    if (engine.kind.empty()) {
      reader.Fail(prefix + "kind", "is needed: \"command\" or \"http\"");
    }
    reader.Read(prefix + "version", engine.version);
    reader.Read(prefix + "timeout", engine.timeout, absl::Milliseconds(100), absl::Hours(1));
    reader.Read(prefix + "concurrency", engine.concurrency, 1, 256);
    reader.Read(prefix + "attempts_max", engine.attempts_max, 1, 100);
    ReadBackoff(reader, prefix + "retry", engine.retry);
    reader.ReadBytes(prefix + "sound_max", engine.bytes_max, 1024, kGiB);
    if (engine.kind == "command") ReadCommandEngine(reader, prefix, engine);
    if (engine.kind == "http") ReadHttpEngine(reader, prefix, engine);
    speech.engines.push_back(std::move(engine));
  }
}

void ReadStore(ConfigReader& reader, UploadOptions& upload) {
  ReadPath(reader, "store.root", upload.store.root);
  reader.Read("store.url_base", upload.store.url_base);
  const std::string& base = upload.store.url_base;
  if (base.empty() || base.back() == '/') {
    reader.Fail("store.url_base", "must be a path or URL that does not end in /");
  }
  reader.Read("store.threads", upload.threads, 1, 256);
}

absl::StatusOr<DaemonConfig> ReadAll(ConfigReader reader) {
  DaemonConfig config;
  ReadIdentity(reader, config);
  ReadCoordinator(reader, config);
  ReadNode(reader, config.node);
  reader.Read("node.events_max", config.events_max, 16, 1000000);
  ReadWorker(reader, config.worker, config.node.workers);
  ReadFetch(reader, config.fetch);
  ReadCache(reader, config.fetch.cache);
  ReadSpeech(reader, config.fetch.speech);
  ReadStore(reader, config.upload);
  RETURN_IF_ERROR(reader.Finish());
  config.lease.commit_threads = config.node.commits_max;
  config.node.fetches_max = config.fetch.threads;
  config.node.uploads_max = config.upload.threads;
  config.fetch.cache.folder = config.cache_folder;
  config.fetch.speech.cache.folder = config.cache_folder / "speech";
  config.fetch.worker = config.worker;
  for (const SpeechEngineOptions& engine : config.fetch.speech.engines) {
    config.node.speech_engines.push_back(engine.name);
  }
  config.upload.work_folder = config.work_folder;
  return config;
}

}  // namespace

absl::StatusOr<DaemonConfig> LoadDaemonConfig(const std::string& path) {
  ASSIGN_OR_RETURN(ConfigReader reader, ConfigReader::Load(path));
  return ReadAll(std::move(reader));
}

absl::StatusOr<DaemonConfig> ParseDaemonConfig(absl::string_view text, const std::string& name) {
  ASSIGN_OR_RETURN(ConfigReader reader, ConfigReader::Parse(text, name));
  return ReadAll(std::move(reader));
}

}  // namespace rn
