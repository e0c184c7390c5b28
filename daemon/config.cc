#include "daemon/config.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/config_reader.h"
#include "base/status.h"
#include "daemon/config_sections.h"

namespace rn {

void ReadPath(ConfigReader& reader, const std::string& key, std::filesystem::path& target) {
  std::string path = target.string();
  reader.Read(key, path);
  if (path.empty() || path.front() != '/') {
    reader.Fail(key, absl::StrCat("\"", path, "\" is not an absolute path"));
  }
  target = path;
}

void ReadOptionalPath(ConfigReader& reader, const std::string& key, std::filesystem::path& target) {
  std::string path;
  reader.Read(key, path);
  if (!path.empty() && path.front() != '/') {
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

namespace {

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
  ReadStore(reader, config);
  RETURN_IF_ERROR(reader.Finish());
  config.lease.node_id = config.node_id;
  config.values = reader.values();
  config.lease.commit_threads = config.node.commits_max;
  config.node.fetches_max = config.fetch.threads;
  config.node.uploads_max = config.upload.threads;
  config.fetch.cache.folder = config.cache_folder;
  config.fetch.speech.cache.folder = config.cache_folder / "speech";
  config.worker.read_only.push_back(config.cache_folder);
  config.fetch.worker = config.worker;
  for (const SpeechEngineOptions& engine : config.fetch.speech.engines) {
    config.node.speech_engines.push_back(engine.name);
  }
  config.upload.work_folder = config.work_folder;
  if (config.s3_store.has_value()) {
    config.s3_store->uploads_folder = config.state_folder / "s3_uploads";
  }
  config.store_keeper.folder = config.state_folder / "removals";
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
