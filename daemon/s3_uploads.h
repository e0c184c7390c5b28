// Multipart uploads under way, as files: which parts of which upload the service has. See
// s3_object_store.h for the format.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace rn {

struct S3Upload {
  std::string bucket;
  std::string key;
  std::string upload_id;
  std::string sha256;                // Of the whole, lower-case hex.
  std::int64_t part_bytes = 0;       // But of the last.
  std::map<int, std::string> etags;  // By number, from 1 on.
};

// Thread-safe for different keys.
class S3Uploads {
 public:
  // Makes the folder when absent.
  static absl::StatusOr<S3Uploads> Open(std::filesystem::path folder);

  // What was noted; a file that is damaged counts as absent, a last line cut off as not written.
  std::optional<S3Upload> Find(const std::string& bucket, const std::string& key) const;
  std::vector<S3Upload> UnderPrefix(const std::string& bucket, const std::string& prefix) const;
  std::vector<S3Upload> UntouchedSince(absl::Time time) const;

  // Durable.
  absl::Status Begin(const S3Upload& upload) const;
  // Not durable by itself: a part forgotten by a crash is sent again.
  absl::Status AddPart(const S3Upload& upload, int number, const std::string& etag) const;
  void Forget(const S3Upload& upload) const;

 private:
  explicit S3Uploads(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path FileOf(const std::string& bucket, const std::string& key) const;
  std::vector<std::pair<S3Upload, absl::Time>> All() const;

  std::filesystem::path folder_;
};

}  // namespace rn
