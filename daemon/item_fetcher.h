// Brings what a lease needs into the caches: the job's spec, the job's assets, the item's assets,
// and what engines outside the worker have to say of it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "daemon/asset_cache.h"
#include "daemon/fetcher.h"
#include "daemon/job_spec_store.h"
#include "daemon/node_events.h"
#include "daemon/speech_desk.h"
#include "daemon/worker_process.h"

namespace rn {

struct FetchOptions {
  FetchLimits limits;
  AssetCacheOptions cache;
  SpeechOptions speech;
  WorkerCommand worker;      // Asked what is to be spoken.
  std::int64_t threads = 4;  // Items at once.
};

// Blocks; as LeaseClient::GetJobSpec. Thread-safe.
using JobSpecSource = std::function<absl::StatusOr<JobSpecPtr>(const std::string& digest)>;

// What an Order needs beside the lease.
struct PreparedItem {
  JobSpecPtr job_spec;
  std::map<std::string, std::string> asset_paths;   // Asset.name -> absolute path.
  std::map<std::string, std::string> speech_paths;  // Utterance.key -> absolute path.
};

// Nothing is tried twice here: a failure is reported at once, and whether another try is worth it
// is the Node's decision (our own trouble) or the coordinator's (the asset's). Thread-safe.
class ItemFetcher {
 public:
  // `post` may block; it must not call back into us. `clock` outlives us.
  static absl::StatusOr<std::unique_ptr<ItemFetcher>> Create(FetchOptions options,
                                                             JobSpecSource get_spec,
                                                             Clock& clock,
                                                             std::function<void(Event)> post);
  // Stops what runs; events still due may be lost.
  ~ItemFetcher();

  // Returns at once. Answered by exactly one Fetched or FetchFailed, also when discarded meanwhile;
  // an item's asset takes the place of a job's of the same name. Once Fetched, the files stay until
  // Discard; after FetchFailed nothing is kept.
  void Do(FetchItem command);
  // Stops the transfer, if it runs, and lets go of the files.
  void Do(const Discard& command);

  // For what begins from now on. InvalidArgument: see Fetcher::SetLimits, and nothing changes.
  absl::Status SetLimits(const FetchLimits& limits, const WorkerCommand& worker);

  // Of a lease that was Fetched and not yet discarded; NotFound otherwise.
  absl::StatusOr<PreparedItem> Prepared(const LeaseKey& key) const;

  // Blocks: as AssetCache::Purge.
  absl::StatusOr<std::int64_t> Purge();

  std::int64_t bytes() const;      // In the cache.
  std::int64_t bytes_max() const;  // That it may hold.

 private:
  struct Impl;
  explicit ItemFetcher(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rn
