#include "pipeline/landlock.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

#include "base/file.h"
#include "base/status.h"

namespace rn {
namespace {

// <linux/landlock.h> of the newest ABI that we know: Debian 12's header knows the second.
struct RulesetAttr {
  std::uint64_t handled_files;
  std::uint64_t handled_net;  // ABI 4
  std::uint64_t scoped;       // ABI 6
};
struct PathBeneathAttr {
  std::uint64_t allowed;
  std::int32_t parent_fd;
} __attribute__((packed));

constexpr unsigned kVersionFlag = 1U << 0;
constexpr int kRulePathBeneath = 1;

constexpr std::uint64_t kExecute = 1 << 0;
constexpr std::uint64_t kWriteFile = 1 << 1;
constexpr std::uint64_t kReadFile = 1 << 2;
constexpr std::uint64_t kReadDir = 1 << 3;
constexpr std::uint64_t kRemoveDir = 1 << 4;
constexpr std::uint64_t kRemoveFile = 1 << 5;
constexpr std::uint64_t kMakeDir = 1 << 7;
constexpr std::uint64_t kMakeReg = 1 << 8;
constexpr std::uint64_t kRefer = 1 << 13;     // ABI 2
constexpr std::uint64_t kTruncate = 1 << 14;  // ABI 3
constexpr std::uint64_t kIoctlDev = 1 << 15;  // ABI 5
constexpr std::uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate | kIoctlDev;

constexpr std::uint64_t kTcpBindAndConnect = 3;
constexpr std::uint64_t kAbstractSocketsAndSignals = 3;

constexpr int kNetAbi = 4;
constexpr int kScopeAbi = 6;

// All that can be refused, by ABI: the last holds for the later ones.
constexpr std::array<std::uint64_t, 6> kFileRights = {
    0, (1 << 13) - 1, (1 << 14) - 1, (1 << 15) - 1, (1 << 15) - 1, (1 << 16) - 1};

std::uint64_t RightsOf(PathRule::Access access) {
  constexpr std::uint64_t kRead = kReadFile | kReadDir;
  switch (access) {
    case PathRule::Access::kRead:
      return kRead;
    case PathRule::Access::kWrite:
      return kRead | kWriteFile | kTruncate | kRefer | kMakeDir | kMakeReg | kRemoveDir |
             kRemoveFile;
    case PathRule::Access::kDevice:
      return kRead | kWriteFile | kIoctlDev;
  }
  return 0;
}

absl::Status AddRule(int ruleset, const PathRule& rule, std::uint64_t handled) {
  const UniqueFd path(open(rule.path.c_str(), O_PATH | O_CLOEXEC));
  if (!path.valid()) {
    // Nobody but root may look behind some of the system's own: not to be had either way.
    return rule.optional ? absl::OkStatus() : ErrnoStatus(errno, rule.path);
  }
  struct stat info {};
  if (fstat(path.get(), &info) != 0) return ErrnoStatus(errno, rule.path);
  PathBeneathAttr attr{.allowed = RightsOf(rule.access) & handled, .parent_fd = path.get()};
  if (!S_ISDIR(info.st_mode)) attr.allowed &= kOfFiles;
  if (syscall(SYS_landlock_add_rule, ruleset, kRulePathBeneath, &attr, 0) != 0) {
    return ErrnoStatus(errno, absl::StrCat("landlock_add_rule ", rule.path));
  }
  return absl::OkStatus();
}

}  // namespace

int LandlockAbi() {
  return static_cast<int>(
      std::max(0L, syscall(SYS_landlock_create_ruleset, nullptr, 0, kVersionFlag)));
}

absl::Status RestrictPaths(const std::vector<PathRule>& rules) {
  const int abi = LandlockAbi();
  if (abi == 0) {
    return absl::UnavailableError("this kernel has no Landlock (5.13 or later, and named in lsm=)");
  }
  RulesetAttr attr{
      .handled_files =
          kFileRights[std::min<std::size_t>(static_cast<std::size_t>(abi), kFileRights.size() - 1)],
      .handled_net = abi >= kNetAbi ? kTcpBindAndConnect : 0,
      .scoped = abi >= kScopeAbi ? kAbstractSocketsAndSignals : 0,
  };
  const std::size_t size = abi >= kScopeAbi ? sizeof(attr)
                           : abi >= kNetAbi ? offsetof(RulesetAttr, scoped)
                                            : offsetof(RulesetAttr, handled_net);
  const UniqueFd ruleset(static_cast<int>(syscall(SYS_landlock_create_ruleset, &attr, size, 0)));
  if (!ruleset.valid()) return ErrnoStatus(errno, "landlock_create_ruleset");
  for (const PathRule& rule : rules) {
    RETURN_IF_ERROR(AddRule(ruleset.get(), rule, attr.handled_files));
  }
  if (syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) {
    return ErrnoStatus(errno, "landlock_restrict_self");
  }
  return absl::OkStatus();
}

}  // namespace rn
