#include "daemon/url_index.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/status.h"
#include "daemon/digest.h"

namespace rn {
namespace {
namespace fs = std::filesystem;

constexpr std::int64_t kEntryBytesMax = 8192;
constexpr std::size_t kJobsRemembered = 8;  // Of one URL; as many jobs may take turns on a node.
constexpr char kUnfinished[] = ".tmp";

absl::StatusOr<UrlIndex::Entry> ReadEntry(const fs::path& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kEntryBytesMax));
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  if (lines.size() != 4 || !IsSha256(lines[0]) || !lines[3].empty()) {
    return absl::DataLossError(absl::StrCat(path.string(), ": not an entry"));
  }
  return UrlIndex::Entry{lines[0], {.etag = lines[1], .last_modified = lines[2]}};
}

void WriteEntry(const fs::path& path, const UrlIndex::Entry& entry) {
  const fs::path unfinished = path.string() + kUnfinished;
  std::ofstream file(unfinished);
  file << entry.sha256 << '\n'
       << entry.validators.etag << '\n'
       << entry.validators.last_modified << '\n';
  file.close();
  std::error_code error;
  fs::rename(unfinished, path, error);
  if (!file || error) {
    SPDLOG_WARN("url entry not kept path={} error=\"{}\"", path.string(), error.message());
    fs::remove(unfinished, error);
  }
}

}  // namespace

UrlIndex::UrlIndex(fs::path folder, std::int64_t urls_max)
    : folder_(std::move(folder)), urls_max_(urls_max) {}

absl::StatusOr<UrlIndex> UrlIndex::Open(fs::path folder, std::int64_t urls_max) {
  RETURN_IF_ERROR(CreateDirectories(folder));
  UrlIndex index(std::move(folder), urls_max);
  std::vector<std::pair<fs::file_time_type, fs::path>> files;
  std::error_code error;
  for (const auto& file : fs::directory_iterator(index.folder_, error)) {
    std::error_code ignored;
    files.emplace_back(file.last_write_time(ignored), file.path());
  }
  if (error) {
    return ErrnoStatus(error.value(), index.folder_.string());
  }
  std::sort(files.begin(), files.end());
  for (const auto& [time, path] : files) {
    absl::StatusOr<Entry> entry = ReadEntry(path);
    if (!entry.ok() || !IsSha256(path.filename().string())) {
      fs::remove(path, error);
      continue;
    }
    index.by_use_.emplace(index.next_use_, path.filename().string());
    index.known_[path.filename().string()] = {.entry = *std::move(entry), .use = index.next_use_};
    ++index.next_use_;
  }
  index.Prune();
  return index;
}

const UrlIndex::Entry* UrlIndex::Find(const std::string& url) const {
  const auto found = known_.find(Sha256(url));
  return found == known_.end() ? nullptr : &found->second.entry;
}

std::string UrlIndex::Confirmed(const std::string& url, const std::string& job_id) const {
  const auto found = known_.find(Sha256(url));
  if (found != known_.end()) {
    for (const auto& [job, sha256] : found->second.jobs) {
      if (job == job_id) {
        return sha256;
      }
    }
  }
  return "";
}

void UrlIndex::Put(const std::string& url, Entry entry, const std::string& job_id) {
  const std::string name = Sha256(url);
  Known& known = known_[name];
  by_use_.erase(known.use);
  known.use = next_use_++;
  by_use_.emplace(known.use, name);
  std::erase_if(known.jobs, [&](const auto& saw) { return saw.first == job_id; });
  known.jobs.emplace_back(job_id, entry.sha256);
  if (known.jobs.size() > kJobsRemembered) {
    known.jobs.pop_front();
  }
  known.entry = std::move(entry);
  WriteEntry(folder_ / name, known.entry);
  Prune();
}

void UrlIndex::Prune() {
  while (static_cast<std::int64_t>(known_.size()) > urls_max_) {
    const std::string name = by_use_.begin()->second;
    std::error_code ignored;
    fs::remove(folder_ / name, ignored);
    by_use_.erase(by_use_.begin());
    known_.erase(name);
  }
}

}  // namespace rn
