#include "base/secret_file.h"

#include <sys/stat.h>

#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "base/file.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr mode_t kForbidden = S_IWGRP | S_IXGRP | S_IRWXO;

}  // namespace

absl::Status CheckSecretFile(const std::filesystem::path& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    return ErrnoStatus(errno, path.string());
  }
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path.string(), ": is no file"));
  }
  if ((info.st_mode & kForbidden) != 0) {
    return absl::PermissionDeniedError(
        absl::StrFormat("%s: mode %04o lets others at a secret: make it 0600, or 0640",
                        path.string(),
                        info.st_mode & 07777));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadSecret(const std::filesystem::path& path, std::int64_t bytes_max) {
  RETURN_IF_ERROR(CheckSecretFile(path));
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, bytes_max));
  std::string secret(absl::StripAsciiWhitespace(text));
  if (secret.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path.string(), ": is empty"));
  }
  return secret;
}

}  // namespace rn
