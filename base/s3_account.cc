#include "base/s3_account.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace rn {
namespace {

// A default port is not in the Host header that clients send.
struct Origin {
  absl::string_view scheme;  // "https://"
  absl::string_view host;
};

Origin OriginOf(absl::string_view endpoint) {
  Origin origin{"https://", endpoint};
  if (absl::ConsumePrefix(&origin.host, "http://")) {
    origin.scheme = "http://";
    absl::ConsumeSuffix(&origin.host, ":80");
  } else {
    absl::ConsumePrefix(&origin.host, "https://");
    absl::ConsumeSuffix(&origin.host, ":443");
  }
  return origin;
}

bool IsEndpoint(absl::string_view endpoint) {
  const bool http = absl::ConsumePrefix(&endpoint, "http://");
  return (http || absl::ConsumePrefix(&endpoint, "https://")) && !endpoint.empty() &&
         endpoint.find_first_of("/?#@ ") == absl::string_view::npos;
}

void ReadFilePath(ConfigReader& reader, const std::string& key, std::filesystem::path& target) {
  std::string path = target.string();
  reader.Read(key, path);
  if (!path.empty() && path.front() != '/') {
    reader.Fail(key, absl::StrCat("\"", path, "\" is not an absolute path"));
  }
  target = path;
}

}  // namespace

void ReadS3Account(ConfigReader& reader, const std::string& table, S3Account& account) {
  reader.Read(table + ".region", account.region);
  if (account.region.empty()) {
    reader.Fail(table + ".region", "must not be empty; most servers of your own take us-east-1");
  }
  account.endpoint = absl::StrCat("https://s3.", account.region, ".amazonaws.com");
  reader.Read(table + ".endpoint", account.endpoint);
  if (!IsEndpoint(account.endpoint)) {
    reader.Fail(
        table + ".endpoint",
        absl::StrCat(
            "\"", account.endpoint, "\" is not a URL as \"https://host:port\", without a path"));
  }
  reader.Read(table + ".path_style", account.path_style);
  ReadFilePath(reader, table + ".credentials_file", account.credentials.file);
  reader.Read(table + ".profile", account.credentials.profile);
}

S3Address AddressOf(const S3Account& account, absl::string_view bucket, absl::string_view key) {
  const Origin origin = OriginOf(account.endpoint);
  S3Address address{.host = std::string(origin.host), .path = absl::StrCat("/", key)};
  if (!bucket.empty() && account.path_style) {
    address.path = absl::StrCat("/", bucket, key.empty() ? "" : "/", key);
  } else if (!bucket.empty()) {
    address.host = absl::StrCat(bucket, ".", origin.host);
  }
  address.origin = absl::StrCat(origin.scheme, address.host);
  return address;
}

}  // namespace rn
