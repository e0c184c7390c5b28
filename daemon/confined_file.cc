#include "daemon/confined_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "absl/strings/str_join.h"
#include "base/status.h"

namespace rn {
namespace {
namespace fs = std::filesystem;

bool Contains(const fs::path& folder, const fs::path& file) {
  std::error_code error;
  const fs::path real = fs::canonical(folder, error);
  return !error &&
         std::mismatch(real.begin(), real.end(), file.begin(), file.end()).first == real.end();
}

}  // namespace

// Opened first and asked afterwards where it is: a link put in its way meanwhile changes nothing.
absl::StatusOr<UniqueFd> OpenWithin(const fs::path& path, const std::vector<fs::path>& folders) {
  if (!path.is_absolute()) {
    return absl::InvalidArgumentError(absl::StrCat(path.string(), ": not an absolute path"));
  }
  // O_NONBLOCK: opening a FIFO must not hang us.
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid()) {
    return ErrnoStatus(errno, path.string());
  }
  std::error_code error;
  const fs::path real = fs::read_symlink(absl::StrCat("/proc/self/fd/", fd.get()), error);
  if (error) {
    return absl::InternalError(
        absl::StrCat(path.string(), ": /proc does not say where it is: ", error.message()));
  }
  if (std::none_of(folders.begin(), folders.end(), [&](const fs::path& folder) {
        return Contains(folder, real);
      })) {
    return absl::PermissionDeniedError(
        absl::StrCat(path.string(),
                     folders.empty() ? ": no folder is allowed" : ": is not inside of ",
                     absl::StrJoin(folders, ", ", [](std::string* out, const fs::path& folder) {
                       out->append(folder.string());
                     })));
  }
  struct stat info {};
  if (fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path.string(), ": not a regular file"));
  }
  return fd;
}

}  // namespace rn
