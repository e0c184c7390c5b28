#include "daemon/speech_cache.h"

#include <algorithm>
#include <list>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/disk_full.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/status.h"
#include "daemon/digest.h"

namespace rn {
namespace {
namespace fs = std::filesystem;

constexpr char kExtension[] = ".wav";

}  // namespace

struct SpeechCache::Impl {
  struct Entry {
    std::int64_t bytes = 0;
    int pins = 0;
    std::list<std::string>::iterator use;  // in `uses`
  };
  // Of those who wait for the same file.
  struct Making {
    std::optional<absl::Status> ended;
  };

  explicit Impl(SpeechCacheOptions given) : options(std::move(given)) {}

  fs::path PathOf(const std::string& key) const {
    return options.folder / key.substr(0, 2) / (key + kExtension);
  }
  absl::Status Load();
  absl::Status MakeRoom(std::int64_t wanted) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  void Touch(const std::string& key, Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  absl::Status Keep(const std::string& key, const fs::path& made)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  void Release(const std::string& key) {
    MutexLock lock(mutex);
    --entries.at(key).pins;
  }

  const SpeechCacheOptions options;

  mutable Mutex mutex;
  CondVar changed;
  std::map<std::string, Entry> entries ABSL_GUARDED_BY(mutex);
  std::list<std::string> uses ABSL_GUARDED_BY(mutex);  // The last used is at the back.
  std::map<std::string, std::shared_ptr<Making>> making ABSL_GUARDED_BY(mutex);
  std::int64_t bytes ABSL_GUARDED_BY(mutex) = 0;
  std::uint64_t partials ABSL_GUARDED_BY(mutex) = 0;  // Names the next one.
};

absl::Status SpeechCache::Impl::Load() {
  std::error_code error;
  fs::remove_all(options.folder / "partial", error);
  RETURN_IF_ERROR(CreateDirectories(options.folder / "partial"));
  std::vector<std::pair<fs::file_time_type, std::string>> found;
  MutexLock lock(mutex);
  for (fs::recursive_directory_iterator at(options.folder, error), end; at != end && !error;
       at.increment(error)) {
    const std::string key = at->path().stem().string();
    if (!IsSha256(key) || at->path() != PathOf(key)) continue;  // Not ours to name.
    std::error_code gone;
    entries[key].bytes = static_cast<std::int64_t>(at->file_size(gone));
    bytes += entries[key].bytes;
    found.emplace_back(at->last_write_time(gone), key);
  }
  if (error) {
    return ErrnoStatus(error.value(), options.folder.string());
  }
  std::sort(found.begin(), found.end());
  for (const auto& [time, key] : found) {
    entries[key].use = uses.insert(uses.end(), key);
  }
  return MakeRoom(0);
}

absl::Status SpeechCache::Impl::MakeRoom(std::int64_t wanted) {
  for (auto use = uses.begin(); use != uses.end() && bytes + wanted > options.bytes_max;) {
    const auto entry = entries.find(*use);
    if (entry->second.pins > 0) {
      ++use;
      continue;
    }
    std::error_code ignored;
    fs::remove(PathOf(entry->first), ignored);
    bytes -= entry->second.bytes;
    entries.erase(entry);
    use = uses.erase(use);
  }
  return bytes + wanted <= options.bytes_max
             ? absl::OkStatus()
             : absl::ResourceExhaustedError(
                   absl::StrCat("speech cache: ",
                                wanted,
                                " bytes do not fit beside what is in use; the limit is ",
                                options.bytes_max));
}

void SpeechCache::Impl::Touch(const std::string& key, Entry& entry) {
  ++entry.pins;
  uses.splice(uses.end(), uses, entry.use);
  std::error_code ignored;
  fs::last_write_time(PathOf(key), fs::file_time_type::clock::now(), ignored);
}

absl::Status SpeechCache::Impl::Keep(const std::string& key, const fs::path& made) {
  std::error_code error;
  const auto size = static_cast<std::int64_t>(fs::file_size(made, error));
  if (error) {
    return ErrnoStatus(error.value(), made.string());
  }
  RETURN_IF_ERROR(MakeRoom(size));
  RETURN_IF_ERROR(CreateDirectories(PathOf(key).parent_path()));
  fs::rename(made, PathOf(key), error);
  if (error) {
    return WriteErrnoStatus(error.value(), PathOf(key).string());
  }
  entries[key] = {.bytes = size, .use = uses.insert(uses.end(), key)};
  bytes += size;
  return absl::OkStatus();
}

SpeechCache::SpeechCache(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SpeechCache::~SpeechCache() = default;

absl::StatusOr<std::unique_ptr<SpeechCache>> SpeechCache::Create(SpeechCacheOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  RETURN_IF_ERROR(impl->Load());
  return std::unique_ptr<SpeechCache>(new SpeechCache(std::move(impl)));
}

absl::StatusOr<SpeechCache::Pin> SpeechCache::Get(const std::string& key,
                                                  const Make& make,
                                                  const std::stop_token& stop) {
  Impl& impl = *impl_;
  const std::stop_callback wake(stop, [&impl] {
    MutexLock lock(impl.mutex);
    impl.changed.NotifyAll();
  });
  std::shared_ptr<Impl::Making> making;
  fs::path partial;
  while (partial.empty()) {
    MutexLock lock(impl.mutex);
    if (stop.stop_requested()) {
      return absl::CancelledError("speech: stopped");
    }
    if (const auto entry = impl.entries.find(key); entry != impl.entries.end()) {
      impl.Touch(key, entry->second);
      return Pin(&impl, key, impl.PathOf(key));
    }
    const auto other = impl.making.find(key);
    if (other == impl.making.end()) {
      making = impl.making[key] = std::make_shared<Impl::Making>();
      partial = impl.options.folder / "partial" / absl::StrCat(impl.partials++);
      continue;
    }
    const std::shared_ptr<Impl::Making> theirs = other->second;
    while (!theirs->ended.has_value() && !stop.stop_requested()) {
      impl.changed.Wait(impl.mutex);
    }
    if (theirs->ended.has_value() && !theirs->ended->ok() && !absl::IsCancelled(*theirs->ended)) {
      return *theirs->ended;
    }
  }
  absl::Status status = make(partial);
  MutexLock lock(impl.mutex);
  if (status.ok()) {
    status = impl.Keep(key, partial);
  }
  making->ended = status;
  impl.making.erase(key);
  impl.changed.NotifyAll();
  if (!status.ok()) {
    std::error_code ignored;
    fs::remove(partial, ignored);
    return status;
  }
  ++impl.entries.at(key).pins;
  return Pin(&impl, key, impl.PathOf(key));
}

std::int64_t SpeechCache::bytes() const {
  MutexLock lock(impl_->mutex);
  return impl_->bytes;
}

SpeechCache::Pin::Pin(Impl* cache, std::string key, fs::path path)
    : cache_(cache), key_(std::move(key)), path_(std::move(path)) {}
SpeechCache::Pin::Pin(Pin&& other) noexcept
    : cache_(std::exchange(other.cache_, nullptr)),
      key_(std::move(other.key_)),
      path_(std::move(other.path_)) {}
SpeechCache::Pin& SpeechCache::Pin::operator=(Pin&& other) noexcept {
  std::swap(cache_, other.cache_);
  std::swap(key_, other.key_);
  std::swap(path_, other.path_);
  return *this;
}
SpeechCache::Pin::~Pin() {
  if (cache_ != nullptr) cache_->Release(key_);
}

}  // namespace rn
