// A ZIP archive in memory, read part by part. Nothing of it touches a disk, and what it expands to
// is bounded, whatever it says of itself.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rn {

struct ZipLimits {
  std::int64_t parts_max = 10'000;
  std::int64_t expanded_bytes_max = 256 << 20;  // Of all that is read from one archive together.
};

// Not thread-safe.
class ZipArchive {
 public:
  // `bytes` outlive the archive. InvalidArgument: no archive, a damaged one, too many parts.
  static absl::StatusOr<std::unique_ptr<ZipArchive>> Open(absl::string_view bytes,
                                                          const ZipLimits& limits);
  virtual ~ZipArchive() = default;

  // A block of a part's bytes; false: no more are wanted.
  using Take = std::function<absl::StatusOr<bool>(absl::string_view block)>;

  // The part of that name, in any case; block by block until `take` has enough. NotFound: there is
  // none; InvalidArgument: damaged, encrypted, or more than the limits. Errors of `take` are
  // returned as they are.
  virtual absl::Status Read(const std::string& name, const Take& take) = 0;
};

}  // namespace rn
