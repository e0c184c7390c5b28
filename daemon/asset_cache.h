// Assets on disk by the SHA-256 of their bytes, fetched when absent.
//
//   <folder>/objects/<2 hex>/<64 hex>  mode 0444; the modification time is that of the last use
//   <folder>/partial/…                 downloads under way; emptied by Create
//   <folder>/urls/<64 hex>             by the SHA-256 of a URL (which may hold secrets): the digest
//                                      it led to and the origin's validators, a line each
//
// Nothing is fsynced: what a power cut damaged is found by its digest before its first use after a
// start, and fetched again.
//
// How fresh: an asset with a digest is never asked for again while it is kept. One without is
// confirmed with its origin once for each job and start (a conditional GET where the origin gives
// validators): a job's rows on this node all see one version, and a corrected picture is seen by
// the next job. No maximum age would give both.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/fetcher.h"
#include "proto/render.pb.h"

namespace rn {

struct AssetCacheOptions {
  std::filesystem::path folder;
  std::int64_t bytes_max = std::int64_t{20} << 30;  // Of objects and partial downloads together.
  std::int64_t urls_max = 100000;                   // Remembered; the least recently used go first.
  // Of one file, by kind.
  std::int64_t image_bytes_max = std::int64_t{64} << 20;
  std::int64_t video_bytes_max = std::int64_t{2} << 30;
  std::int64_t audio_bytes_max = std::int64_t{256} << 20;
  std::int64_t font_bytes_max = std::int64_t{64} << 20;
  std::int64_t subtitles_bytes_max = std::int64_t{4} << 20;
};

// Thread-safe.
class AssetCache {
 public:
  // Keeps a file where it is for as long as it lives. Movable; outlived by the cache.
  class Pin;

  // Reads what the folder holds. `fetcher` outlives us.
  static absl::StatusOr<std::unique_ptr<AssetCache>> Create(AssetCacheOptions options,
                                                            Fetcher& fetcher);
  // All pins are gone.
  ~AssetCache();

  // Blocks. The file, of the kind and the digest that `asset` says. Callers that want the same
  // share one download, which goes on until all of them stopped.
  // Errors of the asset carry ITEM_ERROR_ASSET_DOWNLOAD_FAILED, see Fetcher::Fetch; also
  // InvalidArgument (of another kind, empty) and DataLoss (of another digest).
  // Cancelled: `stop`. Others are this machine's; ResourceExhausted: all that is kept is in use.
  absl::StatusOr<Pin> Get(const rendernode::Asset& asset,
                          const std::string& job_id,
                          const std::stop_token& stop);

  // Removes whatever is not pinned now; how many bytes that were.
  absl::StatusOr<std::int64_t> Purge();

  std::int64_t bytes() const;  // Of objects and partial downloads.
  std::int64_t bytes_max() const;

 private:
  struct Impl;
  explicit AssetCache(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

class AssetCache::Pin {
 public:
  Pin(Pin&& other) noexcept;
  Pin& operator=(Pin&& other) noexcept;
  ~Pin();

  const std::filesystem::path& path() const { return path_; }
  const std::string& sha256() const { return sha256_; }

 private:
  friend class AssetCache;
  Pin(Impl* cache, std::string sha256, std::filesystem::path path);

  Impl* cache_;
  std::string sha256_;
  std::filesystem::path path_;
};

}  // namespace rn
