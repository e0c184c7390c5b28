// Spoken utterances on disk, by what they are spoken of.
//
//   <folder>/<2 hex>/<64 hex>.wav  mode 0600; the modification time is that of the last use
//   <folder>/partial/…             under way; emptied by Create
//
// A file that is there is whole: it was synced before it got its name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rn {

struct SpeechCacheOptions {
  std::filesystem::path folder;
  std::int64_t bytes_max = std::int64_t{2} << 30;  // The least recently used go first.
};

// Thread-safe.
class SpeechCache {
 public:
  // Keeps a file where it is for as long as it lives. Movable; outlived by the cache.
  class Pin;
  // Writes the file at `to`, durably, or nothing.
  using Make = std::function<absl::Status(const std::filesystem::path& to)>;

  static absl::StatusOr<std::unique_ptr<SpeechCache>> Create(SpeechCacheOptions options);
  ~SpeechCache();

  // Blocks. The file of `key` (64 lower-case hex digits), made by `make` when it is not there.
  // Callers that want the same at once share one `make` and its error; when the one that makes it
  // is Cancelled, the next one makes it. Cancelled: `stop`. ResourceExhausted: all that is kept is
  // in use.
  absl::StatusOr<Pin> Get(const std::string& key, const Make& make, const std::stop_token& stop);

  std::int64_t bytes() const;

 private:
  struct Impl;
  explicit SpeechCache(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

class SpeechCache::Pin {
 public:
  Pin(Pin&& other) noexcept;
  Pin& operator=(Pin&& other) noexcept;
  ~Pin();

  const std::filesystem::path& path() const { return path_; }

 private:
  friend class SpeechCache;
  Pin(Impl* cache, std::string key, std::filesystem::path path);

  Impl* cache_;
  std::string key_;
  std::filesystem::path path_;
};

}  // namespace rn
