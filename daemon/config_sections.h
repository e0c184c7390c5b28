// The tables of the daemon's configuration: a reader for each, in the file of its group. Each reads
// its table into the options of whoever obeys them and reports every mistake to the reader.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/config_reader.h"
#include "daemon/backoff.h"
#include "daemon/config.h"

namespace rn {

inline constexpr std::int64_t kMiB = std::int64_t{1} << 20;
inline constexpr std::int64_t kGiB = std::int64_t{1} << 30;
inline constexpr std::int64_t kTiB = std::int64_t{1} << 40;

// An absolute path.
void ReadPath(ConfigReader& reader, const std::string& key, std::filesystem::path& target);
// The same, or nothing.
void ReadOptionalPath(ConfigReader& reader, const std::string& key, std::filesystem::path& target);
// `prefix`_min and `prefix`_max.
void ReadBackoff(ConfigReader& reader, const std::string& prefix, BackoffLimits& limits);

// config_node.cc: who we are, what we do at once.
void ReadIdentity(ConfigReader& reader, DaemonConfig& config);
void ReadNode(ConfigReader& reader, NodeLimits& node);
void ReadWorker(ConfigReader& reader, WorkerCommand& worker, WorkerLimits& limits);
// config_network.cc: whom we talk to.
void ReadCoordinator(ConfigReader& reader, DaemonConfig& config);
void ReadFetch(ConfigReader& reader, FetchOptions& fetch);
void ReadCache(ConfigReader& reader, AssetCacheOptions& cache);
// config_store.cc: where results go.
void ReadStore(ConfigReader& reader, DaemonConfig& config);
// config_speech.cc
void ReadSpeech(ConfigReader& reader, SpeechOptions& speech);

}  // namespace rn
