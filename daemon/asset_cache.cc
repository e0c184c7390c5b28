#include "daemon/asset_cache.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "base/status.h"
#include "daemon/content_sniff.h"
#include "daemon/digest.h"
#include "daemon/url_index.h"
#include "proto/item_error.h"

namespace rn {
namespace {
namespace fs = std::filesystem;

using rendernode::Asset;

constexpr std::size_t kFolderChars = 2;  // Of the digest: 256 folders.

absl::Status AssetError(const Asset& asset, const absl::Status& status) {
  return WithItemError(Annotate(status, PublicUrl(asset.url())),
                       rendernode::ITEM_ERROR_ASSET_DOWNLOAD_FAILED);
}

std::int64_t BytesMaxOf(const AssetCacheOptions& options, Asset::Kind kind) {
  switch (kind) {
    case Asset::IMAGE:
      return options.image_bytes_max;
    case Asset::AUDIO:
      return options.audio_bytes_max;
    case Asset::FONT:
      return options.font_bytes_max;
    case Asset::SUBTITLES:
      return options.subtitles_bytes_max;
    default:  // Videos, and what a newer coordinator may name.
      return options.video_bytes_max;
  }
}

struct FileState {
  std::string beginning;
  std::int64_t bytes = 0;
};

// The file's size and first bytes; marks it as used now. Nothing: it cannot be read.
std::optional<FileState> Look(const fs::path& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!fd.valid() || fstat(fd.get(), &info) != 0) {
    return std::nullopt;
  }
  futimens(fd.get(), nullptr);
  FileState state{.beginning = std::string(kSniffBytes, '\0'), .bytes = info.st_size};
  const ssize_t got = pread(fd.get(), state.beginning.data(), kSniffBytes, 0);
  if (got < 0) {
    return std::nullopt;
  }
  state.beginning.resize(static_cast<std::size_t>(got));
  return state;
}

}  // namespace

struct AssetCache::Impl {
  struct Object {
    std::int64_t bytes = 0;
    std::int64_t pins = 0;
    std::uint64_t use = 0;
    bool trusted = false;  // Its bytes were seen to have the digest, since we started.
  };

  // One asset being brought here, for all who want it.
  struct Flight {
    std::stop_source stop;
    int wanted_by = 0;  // Callers that have not stopped.
    int followers = 0;  // Callers that wait for the leader's result.
    bool landed = false;
    absl::Status status;
    std::string sha256;  // When OK; pinned once for each follower.
  };

  // Bytes of a download under way.
  class Reservation {
   public:
    explicit Reservation(Impl& cache) : cache_(cache) {}
    Reservation(const Reservation&) = delete;
    ~Reservation() {
      MutexLock lock(cache_.mutex);
      cache_.reserved -= bytes_;
    }
    // What it held is the caller's to take from `reserved`.
    std::int64_t Take() { return std::exchange(bytes_, 0); }
    absl::Status Grow(std::int64_t by) {
      MutexLock lock(cache_.mutex);
      RETURN_IF_ERROR(cache_.MakeRoom(by));
      cache_.reserved += by;
      bytes_ += by;
      return absl::OkStatus();
    }

   private:
    Impl& cache_;
    std::int64_t bytes_ = 0;
  };

  // A caller's interest in a flight, from Join until the end of the scope.
  class Interest;

  Impl(AssetCacheOptions given, Fetcher& fetcher, UrlIndex index)
      : options(std::move(given)), fetcher(fetcher), urls(std::move(index)) {}

  absl::Status Scan();
  fs::path PathOf(const std::string& sha256) const {
    return options.folder / "objects" / sha256.substr(0, kFolderChars) / sha256;
  }
  fs::path NextPartial() {
    MutexLock lock(mutex);
    return options.folder / "partial" / std::to_string(next_partial++);
  }

  // The digest of what `asset` is known to be, for this job; "" = it must be asked for.
  std::string KnownDigest(const Asset& asset, const std::string& job_id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  std::optional<Pin> PinTrusted(const std::string& sha256) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  void Unpin(const std::string& sha256);
  absl::Status MakeRoom(std::int64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  // Of those not in use, which there are.
  absl::Status RemoveOldest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);

  // Each blocks, without the lock.
  absl::StatusOr<Pin> Resolve(const Asset& asset,
                              const std::string& job_id,
                              const std::stop_token& stop);
  std::optional<Pin> TrustedPin(const std::string& sha256);
  absl::StatusOr<Pin> Bring(const Asset& asset,
                            const std::string& job_id,
                            std::optional<Pin> known,
                            const std::stop_token& stop);
  absl::StatusOr<Pin> Keep(const fs::path& partial,
                           const Download& download,
                           Reservation& reservation);
  absl::StatusOr<Pin> Lead(const std::string& key,
                           Flight& flight,
                           const Asset& asset,
                           const std::string& job_id);
  absl::StatusOr<Pin> Follow(Flight& flight,
                             const Asset& asset,
                             const std::string& job_id,
                             const std::stop_token& stop);
  // False: the file was taken away or cut; it is no longer trusted.
  bool Intact(const Pin& pin, const std::optional<FileState>& state);
  absl::Status CheckFile(const Asset& asset, const FileState& state) const;

  // Fixed after construction.
  const AssetCacheOptions options;
  Fetcher& fetcher;  // Outlives us.

  mutable Mutex mutex;
  CondVar changed;
  std::map<std::string, Object> objects ABSL_GUARDED_BY(mutex);
  std::map<std::uint64_t, std::string> idle ABSL_GUARDED_BY(mutex);  // Unpinned, by last use.
  std::map<std::string, std::shared_ptr<Flight>> flights ABSL_GUARDED_BY(mutex);
  UrlIndex urls ABSL_GUARDED_BY(mutex);
  std::int64_t used ABSL_GUARDED_BY(mutex) = 0;
  std::int64_t reserved ABSL_GUARDED_BY(mutex) = 0;
  std::uint64_t next_use ABSL_GUARDED_BY(mutex) = 1;
  std::uint64_t next_partial ABSL_GUARDED_BY(mutex) = 0;
};

// ---------------------------------------------------------------- what is kept

// What a crash left half is gone; what is whole by name is kept, the longest unused first in line.
absl::Status AssetCache::Impl::Scan() {
  std::error_code error;
  fs::remove_all(options.folder / "partial", error);
  RETURN_IF_ERROR(CreateDirectories(options.folder / "partial"));
  RETURN_IF_ERROR(CreateDirectories(options.folder / "objects"));
  std::vector<std::tuple<fs::file_time_type, std::string, std::int64_t>> found;
  const fs::recursive_directory_iterator files(options.folder / "objects", error);
  for (const fs::directory_entry& file : files) {
    std::error_code ignored;
    const std::string name = file.path().filename().string();
    if (file.is_directory(ignored)) {
      continue;
    }
    if (!file.is_regular_file(ignored) || !IsSha256(name) || file.path() != PathOf(name)) {
      fs::remove(file.path(), ignored);
      continue;
    }
    found.emplace_back(
        file.last_write_time(ignored), name, static_cast<std::int64_t>(file.file_size(ignored)));
  }
  if (error) {
    return ErrnoStatus(error.value(), (options.folder / "objects").string());
  }
  std::sort(found.begin(), found.end());
  MutexLock lock(mutex);
  for (const auto& [time, sha256, bytes] : found) {
    objects[sha256] = {.bytes = bytes, .use = next_use};
    idle.emplace(next_use++, sha256);
    used += bytes;
  }
  return MakeRoom(0);  // The bound may be a smaller one than before.
}

std::string AssetCache::Impl::KnownDigest(const Asset& asset, const std::string& job_id) {
  return asset.sha256().empty() ? urls.Confirmed(asset.url(), job_id) : asset.sha256();
}

std::optional<AssetCache::Pin> AssetCache::Impl::PinTrusted(const std::string& sha256) {
  const auto found = objects.find(sha256);
  if (found == objects.end() || !found->second.trusted) {
    return std::nullopt;
  }
  idle.erase(found->second.use);
  ++found->second.pins;
  return Pin(this, sha256, PathOf(sha256));
}

void AssetCache::Impl::Unpin(const std::string& sha256) {
  MutexLock lock(mutex);
  Object& object = objects.at(sha256);
  if (--object.pins == 0) {
    object.use = next_use++;
    idle.emplace(object.use, sha256);
  }
}

absl::Status AssetCache::Impl::RemoveOldest() {
  const std::string sha256 = idle.begin()->second;
  std::error_code error;
  fs::remove(PathOf(sha256), error);
  if (error) {
    return absl::InternalError(
        absl::StrCat("asset cache: ", PathOf(sha256).string(), ": ", error.message()));
  }
  used -= objects.at(sha256).bytes;
  objects.erase(sha256);
  idle.erase(idle.begin());
  return absl::OkStatus();
}

absl::Status AssetCache::Impl::MakeRoom(std::int64_t bytes) {
  while (used + reserved + bytes > options.bytes_max && !idle.empty()) {
    RETURN_IF_ERROR(RemoveOldest());
  }
  if (used + reserved + bytes <= options.bytes_max) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("asset cache: the items held need more than the limit of ",
                   options.bytes_max,
                   " bytes (cache.size_max): ",
                   used,
                   " in use, ",
                   reserved,
                   " being downloaded"));
}

// ---------------------------------------------------------------- bringing one

absl::Status AssetCache::Impl::CheckFile(const Asset& asset, const FileState& state) const {
  const std::int64_t bytes_max = BytesMaxOf(options, asset.kind());
  if (state.bytes > bytes_max) {
    return AssetError(
        asset,
        absl::OutOfRangeError(absl::StrCat("longer than the limit of ", bytes_max, " bytes")));
  }
  return AssetError(asset, CheckContent(state.beginning, asset.kind()));
}

absl::StatusOr<AssetCache::Pin> AssetCache::Impl::Resolve(const Asset& asset,
                                                          const std::string& job_id,
                                                          const std::stop_token& stop) {
  std::string known;  // What it is, or was when last asked for.
  bool current = true;
  {
    MutexLock lock(mutex);
    known = KnownDigest(asset, job_id);
    if (const UrlIndex::Entry* entry = urls.Find(asset.url()); known.empty() && entry != nullptr) {
      known = entry->sha256;
      current = false;
    }
  }
  std::optional<Pin> pin = TrustedPin(known);
  if (!pin.has_value() || !current) {
    return Bring(asset, job_id, std::move(pin), stop);
  }
  return *std::move(pin);
}

// After a start nothing is trusted before its bytes were read once.
std::optional<AssetCache::Pin> AssetCache::Impl::TrustedPin(const std::string& sha256) {
  std::optional<Pin> pin;
  {
    MutexLock lock(mutex);
    pin = PinTrusted(sha256);
    const auto found = objects.find(sha256);
    if (pin.has_value() || found == objects.end()) {
      return pin;
    }
    idle.erase(found->second.use);
    ++found->second.pins;
    pin = Pin(this, sha256, PathOf(sha256));
  }
  const absl::StatusOr<std::string> found = Sha256File(pin->path());
  if (!found.ok() || *found != sha256) {
    SPDLOG_WARN("asset damaged path={} error=\"{}\"",
                pin->path().string(),
                found.ok() ? "its bytes have another digest" : found.status().ToString());
    return std::nullopt;  // Whoever brings it next replaces the file.
  }
  MutexLock lock(mutex);
  objects.at(sha256).trusted = true;
  return pin;
}

absl::StatusOr<AssetCache::Pin> AssetCache::Impl::Bring(const Asset& asset,
                                                        const std::string& job_id,
                                                        std::optional<Pin> known,
                                                        const std::stop_token& stop) {
  Reservation reservation(*this);
  DownloadRequest request{
      .url = asset.url(), .bytes_max = BytesMaxOf(options, asset.kind()), .to = NextPartial()};
  request.make_room = [&](std::int64_t bytes) { return reservation.Grow(bytes); };
  if (known.has_value()) {
    MutexLock lock(mutex);
    const UrlIndex::Entry* entry = urls.Find(asset.url());
    if (entry != nullptr && entry->sha256 == known->sha256()) {
      request.validators = entry->validators;
    }
  }
  ASSIGN_OR_RETURN(const Download download, fetcher.Fetch(request, stop));
  if (download.not_modified && known.has_value()) {
    MutexLock lock(mutex);
    urls.Put(asset.url(), {known->sha256(), request.validators}, job_id);
    return *std::move(known);
  }
  if (download.not_modified) {
    return AssetError(asset, absl::FailedPreconditionError("the server answered 304 unasked"));
  }
  std::error_code ignored;
  absl::Status status = absl::OkStatus();
  if (!asset.sha256().empty() && download.sha256 != asset.sha256()) {
    status = AssetError(
        asset,
        absl::DataLossError(absl::StrCat(
            "its SHA-256 is ", download.sha256, ", not the ", asset.sha256(), " promised")));
  } else if (const std::optional<FileState> state = Look(request.to)) {
    status = CheckFile(asset, *state);
  } else {
    status = absl::InternalError(absl::StrCat(request.to.string(), ": cannot be read back"));
  }
  if (!status.ok()) {
    fs::remove(request.to, ignored);
    return status;
  }
  ASSIGN_OR_RETURN(Pin pin, Keep(request.to, download, reservation));
  if (asset.sha256().empty()) {
    MutexLock lock(mutex);
    urls.Put(asset.url(), {download.sha256, download.validators}, job_id);
  }
  return pin;
}

absl::StatusOr<AssetCache::Pin> AssetCache::Impl::Keep(const fs::path& partial,
                                                       const Download& download,
                                                       Reservation& reservation) {
  const fs::path path = PathOf(download.sha256);
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  MutexLock lock(mutex);
  fs::rename(partial, path, error);
  if (error) {
    std::error_code ignored;
    fs::remove(partial, ignored);
    return absl::InternalError(absl::StrCat("asset cache: ", path.string(), ": ", error.message()));
  }
  Object& object = objects[download.sha256];
  reserved -= reservation.Take();
  used += download.bytes - object.bytes;
  object.bytes = download.bytes;
  object.trusted = true;
  std::optional<Pin> pin = PinTrusted(download.sha256);
  CHECK(pin.has_value());
  return *std::move(pin);
}

// ---------------------------------------------------------------- sharing a flight

// While a caller waits, its stop takes back its interest; the last one ends the download.
class AssetCache::Impl::Interest {
 public:
  Interest(Impl& cache, std::shared_ptr<Flight> flight, const std::stop_token& stop)
      : cache_(cache), flight_(std::move(flight)), on_stop_(stop, [this] { Withdraw(); }) {}

 private:
  void Withdraw() {
    bool last = false;
    {
      MutexLock lock(cache_.mutex);
      last = --flight_->wanted_by == 0;
      cache_.changed.NotifyAll();
    }
    if (last) {
      flight_->stop.request_stop();  // Calls into the fetcher: not under our lock.
    }
  }

  Impl& cache_;
  const std::shared_ptr<Flight> flight_;
  std::stop_callback<std::function<void()>> on_stop_;
};

absl::StatusOr<AssetCache::Pin> AssetCache::Impl::Lead(const std::string& key,
                                                       Flight& flight,
                                                       const Asset& asset,
                                                       const std::string& job_id) {
  absl::StatusOr<Pin> result = Resolve(asset, job_id, flight.stop.get_token());
  MutexLock lock(mutex);
  flight.landed = true;
  flight.status = result.status();
  if (result.ok()) {
    flight.sha256 = result->sha256();
    objects.at(flight.sha256).pins += flight.followers;
  }
  flights.erase(key);
  changed.NotifyAll();
  return result;
}

absl::StatusOr<AssetCache::Pin> AssetCache::Impl::Follow(Flight& flight,
                                                         const Asset& asset,
                                                         const std::string& job_id,
                                                         const std::stop_token& stop) {
  MutexLock lock(mutex);
  while (!flight.landed && !stop.stop_requested()) {
    changed.Wait(mutex);
  }
  if (!flight.landed) {
    --flight.followers;
    return absl::CancelledError("");
  }
  RETURN_IF_ERROR(flight.status);
  const UrlIndex::Entry* entry = asset.sha256().empty() ? urls.Find(asset.url()) : nullptr;
  if (entry != nullptr && entry->sha256 == flight.sha256) {
    urls.Put(asset.url(), UrlIndex::Entry(*entry), job_id);
  }
  return Pin(this, flight.sha256, PathOf(flight.sha256));
}

bool AssetCache::Impl::Intact(const Pin& pin, const std::optional<FileState>& state) {
  MutexLock lock(mutex);
  Object& object = objects.at(pin.sha256());
  object.trusted = object.trusted && state.has_value() && state->bytes == object.bytes;
  return object.trusted;
}

absl::StatusOr<std::int64_t> AssetCache::Purge() {
  MutexLock lock(impl_->mutex);
  const std::int64_t before = impl_->used;
  while (!impl_->idle.empty()) {
    RETURN_IF_ERROR(impl_->RemoveOldest());
  }
  return before - impl_->used;
}

std::int64_t AssetCache::bytes() const {
  MutexLock lock(impl_->mutex);
  return impl_->used + impl_->reserved;
}

std::int64_t AssetCache::bytes_max() const {
  return impl_->options.bytes_max;
}

AssetCache::Pin::Pin(Impl* cache, std::string sha256, fs::path path)
    : cache_(cache), sha256_(std::move(sha256)), path_(std::move(path)) {}

AssetCache::Pin::Pin(Pin&& other) noexcept
    : cache_(std::exchange(other.cache_, nullptr)),
      sha256_(std::move(other.sha256_)),
      path_(std::move(other.path_)) {}

AssetCache::Pin& AssetCache::Pin::operator=(Pin&& other) noexcept {
  std::swap(cache_, other.cache_);
  std::swap(sha256_, other.sha256_);
  std::swap(path_, other.path_);
  return *this;
}

AssetCache::Pin::~Pin() {
  if (cache_ != nullptr) {
    cache_->Unpin(sha256_);
  }
}

AssetCache::AssetCache(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AssetCache::~AssetCache() = default;

absl::StatusOr<std::unique_ptr<AssetCache>> AssetCache::Create(AssetCacheOptions options,
                                                               Fetcher& fetcher) {
  ASSIGN_OR_RETURN(UrlIndex urls, UrlIndex::Open(options.folder / "urls", options.urls_max));
  auto impl = std::make_unique<Impl>(std::move(options), fetcher, std::move(urls));
  RETURN_IF_ERROR(impl->Scan());
  return std::unique_ptr<AssetCache>(new AssetCache(std::move(impl)));
}

absl::StatusOr<AssetCache::Pin> AssetCache::Get(const Asset& asset,
                                                const std::string& job_id,
                                                const std::stop_token& stop) {
  if (!asset.sha256().empty() && !IsSha256(asset.sha256())) {
    return AssetError(asset,
                      absl::InvalidArgumentError(absl::StrCat(
                          "\"", asset.sha256(), "\" is no SHA-256 in lower-case hex")));
  }
  const std::string key = absl::StrCat(asset.kind(), " ", asset.sha256(), " ", asset.url());
  while (!stop.stop_requested()) {
    std::optional<Pin> pin;
    std::shared_ptr<Impl::Flight> flight;
    bool lead = false;
    {
      MutexLock lock(impl_->mutex);
      pin = impl_->PinTrusted(impl_->KnownDigest(asset, job_id));
      if (!pin.has_value()) {
        std::shared_ptr<Impl::Flight>& shared = impl_->flights[key];
        lead = shared == nullptr;
        if (lead) {
          shared = std::make_shared<Impl::Flight>();
        }
        flight = shared;
        ++flight->wanted_by;
        flight->followers += lead ? 0 : 1;
      }
    }
    if (pin.has_value()) {
      const std::optional<FileState> state = Look(pin->path());
      if (!impl_->Intact(*pin, state)) {
        continue;
      }
      RETURN_IF_ERROR(impl_->CheckFile(asset, *state));
      return *std::move(pin);
    }
    const Impl::Interest interest(*impl_, flight, stop);
    absl::StatusOr<Pin> result = lead ? impl_->Lead(key, *flight, asset, job_id)
                                      : impl_->Follow(*flight, asset, job_id, stop);
    if (result.ok() || !absl::IsCancelled(result.status())) {
      return result;
    }
  }
  return absl::CancelledError(absl::StrCat(PublicUrl(asset.url()), ": no longer wanted"));
}

}  // namespace rn
