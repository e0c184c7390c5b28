#include "coordinator/admin_key.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/secret_file.h"
#include "base/status.h"
#include "coordinator/api_key.h"

namespace rn {
namespace {

constexpr std::size_t kKeyCharsMin = 32;
constexpr std::int64_t kFileBytesMax = 4096;

// Beside `path` first: what is there is a whole key, or nothing.
absl::Status Make(const std::filesystem::path& path) {
  const std::filesystem::path fresh = path.string() + ".new";
  std::error_code error;
  std::filesystem::remove(fresh, error);
  const UniqueFd file(open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) {
    return ErrnoStatus(errno, fresh.string());
  }
  const std::string text = absl::StrCat(MakeApiKey().text, "\n");
  if (write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      fsync(file.get()) != 0) {
    return ErrnoStatus(errno, fresh.string());
  }
  std::filesystem::rename(fresh, path, error);
  if (error) {
    return ErrnoStatus(error.value(), path.string());
  }
  SPDLOG_INFO("admin key made file={}", path.string());
  return SyncDirectory(path.parent_path());
}

}  // namespace

absl::StatusOr<std::string> LoadOrMakeAdminKey(const std::filesystem::path& path) {
  absl::StatusOr<std::string> key = ReadSecret(path, kFileBytesMax);
  if (absl::IsNotFound(key.status())) {
    RETURN_IF_ERROR(Annotate(Make(path), "the admin key"));
    key = ReadSecret(path, kFileBytesMax);
  }
  RETURN_IF_ERROR(Annotate(key.status(), "the admin key"));
  if (key->size() < kKeyCharsMin || !std::all_of(key->begin(), key->end(), absl::ascii_isgraph)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the admin key: ",
                     path.string(),
                     ": must be one word of at least ",
                     kKeyCharsMin,
                     " characters; remove the file to get a new one"));
  }
  return key;
}

}  // namespace rn
