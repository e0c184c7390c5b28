#include "coordinator/artifact_urls.h"

#include <spdlog/spdlog.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/s3_signer.h"

namespace rn {

std::string ArtifactUrls::Of(const Item& item, const std::string& url) const {
  if (absl::StartsWith(url, "/")) {
    return absl::StrCat(public_url_, url);
  }
  absl::string_view object = url;
  if (!s3_.has_value() || !absl::ConsumePrefix(&object, "s3://")) {
    return url;
  }
  const std::pair<std::string, std::string> place = absl::StrSplit(object, absl::MaxSplits('/', 1));
  const std::string attempts = absl::StrCat("/", item.job_id, "/", item.id, "/");
  if (!absl::StrContains(absl::StrCat("/", place.second), attempts)) {
    SPDLOG_ERROR("artifact not signed item={} url={} cause=\"not of this item\"", item.id, url);
    return url;
  }
  return Presigned(url, place.first, place.second);
}

std::string ArtifactUrls::Presigned(const std::string& url,
                                    const std::string& bucket,
                                    const std::string& key) const {
  const absl::StatusOr<S3Credentials> keys = ReadS3Credentials(s3_->account.credentials);
  if (!keys.ok()) {
    SPDLOG_ERROR("artifact not signed url={} error=\"{}\"", url, keys.status().ToString());
    return url;
  }
  const S3Address address = AddressOf(s3_->account, bucket, key);
  return absl::StrCat(address.origin,
                      EncodedPath(address.path),
                      "?",
                      PresignedQuery({.method = "GET", .host = address.host, .path = address.path},
                                     *keys,
                                     s3_->account.region,
                                     clock_.Now(),
                                     s3_->valid_for));
}

}  // namespace rn
