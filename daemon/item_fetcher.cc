#include "daemon/item_fetcher.h"

#include <atomic>
#include <random>
#include <utility>
#include <vector>

#include "base/digest_prefix.h"
#include "base/disk_full.h"
#include "base/mutex.h"
#include "base/status.h"
#include "daemon/lease_tasks.h"
#include "daemon/utterance_lister.h"
#include "proto/item_error.h"

namespace rn {
namespace {

using rendernode::Asset;

struct Fetch {
  PreparedItem item;
  std::vector<AssetCache::Pin> pins;
  std::vector<SpeechCache::Pin> speech_pins;
};

// The item's own files win over the job's of the same name.
std::map<std::string, const Asset*> AssetsOf(const rendernode::JobSpec& spec,
                                             const rendernode::ItemSpec& item) {
  std::map<std::string, const Asset*> assets;
  for (const Asset& asset : spec.assets()) {
    assets[asset.name()] = &asset;
  }
  for (const Asset& asset : item.assets()) {
    assets[asset.name()] = &asset;
  }
  return assets;
}

// A cache's own bound, which only unpinning helps; a full disk is another matter.
bool IsInNeedOfRoom(const absl::Status& status) {
  return absl::IsResourceExhausted(status) && !IsDiskFull(status);
}

std::vector<std::uint64_t> SharedFiles(const rendernode::JobSpec& spec) {
  std::vector<std::uint64_t> files;
  for (const rendernode::Asset& asset : spec.assets()) {
    if (const auto prefix = DigestPrefix(asset.sha256())) {
      files.push_back(*prefix);
    }
  }
  return files;
}

}  // namespace

struct ItemFetcher::Impl {
  Impl(FetchOptions given, JobSpecSource get_spec, std::function<void(Event)> post)
      : options(std::move(given)),
        get_spec(std::move(get_spec)),
        post(std::move(post)),
        lister(options.worker) {}

  void Run(const FetchItem& command, const std::stop_token& stop);
  Event Answer(const FetchItem& command, const std::stop_token& stop);
  absl::StatusOr<Fetch> FetchAssets(const rendernode::Lease& lease,
                                    JobSpecPtr spec,
                                    const std::stop_token& stop);
  absl::Status FetchSpeech(const rendernode::Lease& lease,
                           const std::stop_token& stop,
                           Fetch& fetch);
  bool Alone() const;

  // Fixed after construction.
  const FetchOptions options;
  const JobSpecSource get_spec;
  const std::function<void(Event)> post;
  std::unique_ptr<Fetcher> fetcher;
  std::unique_ptr<AssetCache> cache;
  std::unique_ptr<SpeechDesk> speech;

  std::atomic<int> running = 0;
  mutable Mutex mutex;
  WorkerCommand lister ABSL_GUARDED_BY(mutex);  // Says what is to be spoken.
  std::map<LeaseKey, Fetch> prepared ABSL_GUARDED_BY(mutex);

  std::unique_ptr<LeaseTasks<FetchItem>> tasks;  // Last: its threads use all of the above.
};

void ItemFetcher::Impl::Run(const FetchItem& command, const std::stop_token& stop) {
  ++running;
  Event answer = Answer(command, stop);
  --running;
  post(std::move(answer));
}

Event ItemFetcher::Impl::Answer(const FetchItem& command, const std::stop_token& stop) {
  const LeaseKey key = LeaseKey::Of(command.lease.ref());
  absl::StatusOr<JobSpecPtr> spec = get_spec(command.lease.job_spec_digest());
  if (!spec.ok()) {
    return FetchFailed{key, spec.status(), /*item_fault=*/false};
  }
  std::vector<std::uint64_t> shared = SharedFiles(**spec);
  absl::StatusOr<Fetch> fetch = FetchAssets(command.lease, *std::move(spec), stop);
  if (!fetch.ok()) {
    const rendernode::ItemErrorCode code = ItemErrorOf(fetch.status());
    const bool item_fault =
        !IsDiskFull(fetch.status()) && (code == rendernode::ITEM_ERROR_ASSET_DOWNLOAD_FAILED ||
                                        code == rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
    const bool no_room = !item_fault && absl::IsResourceExhausted(fetch.status());
    return FetchFailed{key, fetch.status(), item_fault, no_room};
  }
  MutexLock lock(mutex);
  if (stop.stop_requested()) {
    return FetchFailed{key, absl::CancelledError("fetch: discarded"), /*item_fault=*/false};
  }
  prepared.insert_or_assign(key, *std::move(fetch));
  return Fetched{key, std::move(shared)};
}

absl::StatusOr<Fetch> ItemFetcher::Impl::FetchAssets(const rendernode::Lease& lease,
                                                     JobSpecPtr spec,
                                                     const std::stop_token& stop) {
  Fetch fetch;
  for (const auto& [name, asset] : AssetsOf(*spec, lease.item())) {
    absl::StatusOr<AssetCache::Pin> pin = cache->Get(*asset, lease.job_id(), stop);
    if (IsInNeedOfRoom(pin.status()) && Alone()) {
      // Nobody else will make room: waiting would be in vain.
      return WithItemError(
          absl::FailedPreconditionError(absl::StrCat(
              "asset ", name, ": the item needs more files than fit: ", pin.status().message())),
          rendernode::ITEM_ERROR_ASSET_DOWNLOAD_FAILED);
    }
    if (!pin.ok()) {
      return Annotate(pin.status(), absl::StrCat("asset ", name));
    }
    fetch.item.asset_paths[name] = pin->path().string();
    fetch.pins.push_back(*std::move(pin));
  }
  fetch.item.job_spec = std::move(spec);
  RETURN_IF_ERROR(FetchSpeech(lease, stop, fetch));
  return fetch;
}

absl::Status ItemFetcher::Impl::FetchSpeech(const rendernode::Lease& lease,
                                            const std::stop_token& stop,
                                            Fetch& fetch) {
  WorkerCommand worker;
  {
    MutexLock lock(mutex);
    worker = lister;
  }
  ASSIGN_OR_RETURN(const rendernode::Utterances utterances,
                   ListUtterances(worker,
                                  options.speech.utterances_timeout,
                                  *fetch.item.job_spec,
                                  lease.item(),
                                  fetch.item.asset_paths,
                                  stop));
  for (const rendernode::Utterance& utterance : utterances.utterances()) {
    absl::StatusOr<SpeechCache::Pin> pin = speech->Speak(utterance, stop);
    if (IsInNeedOfRoom(pin.status()) && Alone()) {
      return WithItemError(absl::FailedPreconditionError(absl::StrCat(
                               "the item says more than fits: ", pin.status().message())),
                           rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
    }
    RETURN_IF_ERROR(pin.status());
    fetch.item.speech_paths[utterance.key()] = pin->path().string();
    fetch.speech_pins.push_back(*std::move(pin));
  }
  return absl::OkStatus();
}

bool ItemFetcher::Impl::Alone() const {
  MutexLock lock(mutex);
  return running == 1 && prepared.empty();
}

ItemFetcher::ItemFetcher(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

absl::StatusOr<std::unique_ptr<ItemFetcher>> ItemFetcher::Create(FetchOptions options,
                                                                 JobSpecSource get_spec,
                                                                 Clock& clock,
                                                                 std::function<void(Event)> post) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(get_spec), std::move(post));
  ASSIGN_OR_RETURN(impl->fetcher, Fetcher::Create(impl->options.limits, clock));
  ASSIGN_OR_RETURN(impl->cache, AssetCache::Create(impl->options.cache, *impl->fetcher));
  ASSIGN_OR_RETURN(impl->speech,
                   SpeechDesk::Create(impl->options.speech,
                                      clock,
                                      [engine = std::mt19937_64(std::random_device()())]() mutable {
                                        return std::uniform_real_distribution<double>(0, 1)(engine);
                                      }));
  impl->tasks = std::make_unique<LeaseTasks<FetchItem>>(
      impl->options.threads,
      [&impl = *impl](const FetchItem& command, const std::stop_token& stop) {
        impl.Run(command, stop);
      });
  return std::unique_ptr<ItemFetcher>(new ItemFetcher(std::move(impl)));
}

ItemFetcher::~ItemFetcher() = default;

void ItemFetcher::Do(FetchItem command) {
  impl_->tasks->Do(std::move(command));
}

// Stopped first: what is fetched in this moment is either seen here or not kept.
void ItemFetcher::Do(const Discard& command) {
  impl_->tasks->Discard(command.key);
  std::map<LeaseKey, Fetch>::node_type gone;  // Its pins let go without our lock.
  MutexLock lock(impl_->mutex);
  gone = impl_->prepared.extract(command.key);
}

absl::Status ItemFetcher::SetLimits(const FetchLimits& limits, const WorkerCommand& worker) {
  RETURN_IF_ERROR(impl_->fetcher->SetLimits(limits));
  MutexLock lock(impl_->mutex);
  impl_->lister = worker;
  return absl::OkStatus();
}

absl::StatusOr<PreparedItem> ItemFetcher::Prepared(const LeaseKey& key) const {
  MutexLock lock(impl_->mutex);
  const auto found = impl_->prepared.find(key);
  if (found == impl_->prepared.end()) {
    return absl::NotFoundError(
        absl::StrCat("item ", key.item_id, " fence ", key.fence, ": not fetched"));
  }
  return found->second.item;
}

absl::StatusOr<std::int64_t> ItemFetcher::Purge() {
  return impl_->cache->Purge();
}

std::int64_t ItemFetcher::bytes() const {
  return impl_->cache->bytes();
}

std::int64_t ItemFetcher::bytes_max() const {
  return impl_->cache->bytes_max();
}

}  // namespace rn
