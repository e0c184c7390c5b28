// Where an S3 service is, how its buckets are addressed, and whose keys open it.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "base/config_reader.h"
#include "base/s3_credentials.h"

namespace rn {

struct S3Account {
  std::string endpoint;  // "https://s3.eu-central-1.amazonaws.com", "http://minio:9000"
  std::string region = "us-east-1";
  bool path_style = true;  // <endpoint>/<bucket>/<key>; false: <bucket>.<endpoint's host>/<key>
  S3CredentialsSource credentials;
};

// Reads "<table>.endpoint", .region, .path_style, .credentials_file and .profile.
void ReadS3Account(ConfigReader& reader, const std::string& table, S3Account& account);

// Of a bucket ("" = the service itself) or of an object in it.
struct S3Address {
  std::string origin;  // "https://host:port"
  std::string host;    // As the Host header has it.
  std::string path;    // "/bucket/key", not encoded.
};
S3Address AddressOf(const S3Account& account, absl::string_view bucket, absl::string_view key);

}  // namespace rn
