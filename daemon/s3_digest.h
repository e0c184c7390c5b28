// A file as S3 speaks of it: in parts, each with the digests that its checksums and ETags are made
// of.
#pragma once

#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rn {

struct S3Part {
  std::int64_t offset = 0;
  std::int64_t bytes = 0;
  std::string sha256;  // Lower-case hex.
  std::string md5;     // Lower-case hex.
};

struct S3File {
  std::int64_t bytes = 0;
  std::string sha256;         // Of the whole.
  std::vector<S3Part> parts;  // At least one.
};

// Reads the file from its beginning, once. One part when `part_bytes` is 0.
absl::StatusOr<S3File> DigestForS3(int fd, std::int64_t part_bytes, const std::stop_token& stop);

// "<base64>" as in x-amz-checksum-sha256.
std::string S3Checksum(absl::string_view sha256_hex);

// What the headers of a HEAD with x-amz-checksum-mode say of an object put as `file`.
enum class S3Match { kSame, kOther, kUnknown };
S3Match Compare(const S3File& file, const std::map<std::string, std::string>& headers);

}  // namespace rn
