#include "daemon/job_spec_store.h"

#include <algorithm>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/status.h"
#include "daemon/digest.h"

namespace rn {
namespace fs = std::filesystem;

absl::StatusOr<JobSpecPtr> ParseJobSpec(const std::string& bytes, const std::string& digest) {
  if (Sha256(bytes) != digest) {
    return absl::DataLossError(absl::StrCat("job spec ", digest, ": the bytes are another's"));
  }
  auto spec = std::make_shared<rendernode::JobSpec>();
  if (!spec->ParseFromString(bytes)) {
    return absl::DataLossError(absl::StrCat("job spec ", digest, ": cannot be read"));
  }
  return JobSpecPtr(std::move(spec));
}

JobSpecStore::JobSpecStore(fs::path folder, std::int64_t bytes_max, std::int64_t files_max)
    : folder_(std::move(folder)), bytes_max_(bytes_max), files_max_(files_max) {}

absl::StatusOr<JobSpecPtr> JobSpecStore::Get(const std::string& digest) const {
  if (!IsSha256(digest)) {
    return absl::InvalidArgumentError(absl::StrCat("\"", digest, "\" is no job spec digest"));
  }
  const fs::path path = folder_ / digest;
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, bytes_max_));
  absl::StatusOr<JobSpecPtr> spec = ParseJobSpec(bytes, digest);
  std::error_code ignored;
  if (spec.ok()) {
    fs::last_write_time(path, fs::file_time_type::clock::now(), ignored);  // Used now.
  } else {
    fs::remove(path, ignored);
  }
  return spec;
}

absl::Status JobSpecStore::Put(const std::string& digest, const std::string& bytes) const {
  RETURN_IF_ERROR(WriteFileDurably(folder_ / digest, bytes));
  Prune();
  return absl::OkStatus();
}

void JobSpecStore::Prune() const {
  std::error_code ignored;
  std::vector<std::pair<fs::file_time_type, fs::path>> files;
  for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
    if (IsSha256(entry.path().filename().string())) {
      files.emplace_back(entry.last_write_time(ignored), entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  const std::size_t keep = static_cast<std::size_t>(files_max_);
  for (std::size_t i = 0; i + keep < files.size(); ++i) {
    fs::remove(files[i].second, ignored);
  }
}

}  // namespace rn
