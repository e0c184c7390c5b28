// Job specs on disk, one file each, named by the SHA-256 of its bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/render.pb.h"

namespace rn {

using JobSpecPtr = std::shared_ptr<const rendernode::JobSpec>;

// The parsed spec. DataLoss: `bytes` are not those that `digest` names, or no JobSpec.
absl::StatusOr<JobSpecPtr> ParseJobSpec(const std::string& bytes, const std::string& digest);

// Thread-compatible. Other files in the folder are left alone.
class JobSpecStore {
 public:
  JobSpecStore(std::filesystem::path folder, std::int64_t bytes_max, std::int64_t files_max);

  // NotFound: absent. DataLoss: damaged, and removed. InvalidArgument: `digest` is no digest.
  absl::StatusOr<JobSpecPtr> Get(const std::string& digest) const;

  // Durable on return; the least recently used beyond `files_max` are gone.
  absl::Status Put(const std::string& digest, const std::string& bytes) const;

 private:
  void Prune() const;

  const std::filesystem::path folder_;
  const std::int64_t bytes_max_;
  const std::int64_t files_max_;
};

}  // namespace rn
