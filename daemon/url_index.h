// What URLs led to when they were last asked: a file each, `<folder>/<SHA-256 of the URL>`, since a
// URL may hold secrets. Three lines: digest of the file, ETag, Last-Modified.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "absl/status/statusor.h"
#include "daemon/fetcher.h"

namespace rn {

// Thread-compatible. A file that is lost or damaged costs one download: nothing is fsynced, and
// failed writes are logged.
class UrlIndex {
 public:
  struct Entry {
    std::string sha256;
    Validators validators;
  };

  // Makes the folder when absent; removes what in it cannot be read and what is beyond `urls_max`.
  static absl::StatusOr<UrlIndex> Open(std::filesystem::path folder, std::int64_t urls_max);

  // Null: unknown. Valid until the next Put.
  const Entry* Find(const std::string& url) const;

  // The digest that this job saw first, since we opened; "" = none. Another job's newer version
  // does not change it.
  std::string Confirmed(const std::string& url, const std::string& job_id) const;

  // The origin confirmed `entry` for the job. The least recently confirmed beyond `urls_max` go.
  void Put(const std::string& url, Entry entry, const std::string& job_id);

 private:
  struct Known {
    Entry entry;
    std::uint64_t use = 0;                                 // 0 = new.
    std::deque<std::pair<std::string, std::string>> jobs;  // Which saw which digest.
  };

  UrlIndex(std::filesystem::path folder, std::int64_t urls_max);
  void Prune();

  std::filesystem::path folder_;
  std::int64_t urls_max_;
  std::unordered_map<std::string, Known> known_;  // By the URL's digest.
  std::map<std::uint64_t, std::string> by_use_;
  std::uint64_t next_use_ = 1;
};

}  // namespace rn
