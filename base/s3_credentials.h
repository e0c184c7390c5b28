// The keys of an S3 account: from a file in the format of ~/.aws/credentials, or from the
// environment. Read anew for each use, so that rotated keys need no restart. Never to be logged.
#pragma once

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"

namespace rn {

struct S3Credentials {
  std::string key_id;
  std::string secret;
  std::string session_token;  // Of temporary keys; "" = none.
};

struct S3CredentialsSource {
  std::filesystem::path file;       // "" = the environment: AWS_ACCESS_KEY_ID, …
  std::string profile = "default";  // The section of the file.
};

// FailedPrecondition naming the file, the section and the key that is missing; or the variable.
absl::StatusOr<S3Credentials> ReadS3Credentials(const S3CredentialsSource& source);

}  // namespace rn
