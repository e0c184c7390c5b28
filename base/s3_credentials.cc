#include "base/s3_credentials.h"

#include <cstdlib>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/file.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr std::int64_t kFileBytesMax = 64 << 10;

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

absl::StatusOr<S3Credentials> FromEnvironment() {
  S3Credentials credentials{.key_id = Variable("AWS_ACCESS_KEY_ID"),
                            .secret = Variable("AWS_SECRET_ACCESS_KEY"),
                            .session_token = Variable("AWS_SESSION_TOKEN")};
  if (credentials.key_id.empty() || credentials.secret.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("no S3 keys: ",
                     credentials.key_id.empty() ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                     " is not in the environment, and no credentials_file is configured"));
  }
  return credentials;
}

// The section's keys and values.
std::map<std::string, std::string> SectionOf(absl::string_view text, absl::string_view section) {
  std::map<std::string, std::string> found;
  bool inside = false;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line.front() == '#' || line.front() == ';') {
      continue;
    }
    if (line.front() == '[') {
      inside = line == absl::StrCat("[", section, "]");
      continue;
    }
    const std::pair<absl::string_view, absl::string_view> entry =
        absl::StrSplit(line, absl::MaxSplits('=', 1));
    if (inside) {
      found[absl::AsciiStrToLower(absl::StripAsciiWhitespace(entry.first))] =
          std::string(absl::StripAsciiWhitespace(entry.second));
    }
  }
  return found;
}

}  // namespace

absl::StatusOr<S3Credentials> ReadS3Credentials(const S3CredentialsSource& source) {
  if (source.file.empty()) {
    return FromEnvironment();
  }
  const absl::StatusOr<std::string> text = ReadFile(source.file, kFileBytesMax);
  if (!text.ok()) {
    return absl::FailedPreconditionError(absl::StrCat("no S3 keys: ", text.status().message()));
  }
  const std::map<std::string, std::string> section = SectionOf(*text, source.profile);
  for (const char* key : {"aws_access_key_id", "aws_secret_access_key"}) {
    const auto found = section.find(key);
    if (found == section.end() || found->second.empty()) {
      return absl::FailedPreconditionError(absl::StrCat(
          "no S3 keys: ", source.file.string(), " has no ", key, " in [", source.profile, "]"));
    }
  }
  const auto token = section.find("aws_session_token");
  return S3Credentials{.key_id = section.at("aws_access_key_id"),
                       .secret = section.at("aws_secret_access_key"),
                       .session_token = token == section.end() ? "" : token->second};
}

}  // namespace rn
