// The URLs under which clients fetch artifacts.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/s3_account.h"
#include "coordinator/store.h"

namespace rn {

// Whose keys sign, and for how long.
struct S3Signing {
  S3Account account;
  absl::Duration valid_for = absl::Hours(1);
};

// Immutable, but for keys in a file that may be rotated. Thread-safe.
class ArtifactUrls {
 public:
  // `public_url` is what clients reach us by ("http://host:8080", no slash at the end). `clock`
  // outlives us.
  explicit ArtifactUrls(std::string public_url,
                        std::optional<S3Signing> s3 = std::nullopt,
                        Clock& clock = Clock::System())
      : public_url_(std::move(public_url)), s3_(std::move(s3)), clock_(clock) {}

  // `url` is an artifact's of `item`, as its node reported it:
  //   "/artifacts/…"        ours: with `public_url` in front
  //   "s3://bucket/key"     a presigned GET of the object; as it is without S3Signing, or when the
  //                         key is not of this item: no node gets others' objects signed
  //   any other             as it is
  std::string Of(const Item& item, const std::string& url) const;

 private:
  std::string Presigned(const std::string& url,
                        const std::string& bucket,
                        const std::string& key) const;

  const std::string public_url_;
  const std::optional<S3Signing> s3_;
  Clock& clock_;  // Outlives us.
};

}  // namespace rn
