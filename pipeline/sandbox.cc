#include "pipeline/sandbox.h"

#include <glob.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "absl/strings/str_join.h"
#include "base/status.h"
#include "pipeline/landlock.h"
#include "pipeline/syscall_filter.h"

namespace rn {
namespace {

// Libraries, fonts, voices; what drivers ask about their devices.
constexpr const char* kSystemFolders[] = {"/usr",
                                          "/lib",
                                          "/lib64",
                                          "/etc/fonts",
                                          "/etc/glvnd",
                                          "/etc/ld.so.cache",
                                          "/etc/localtime",
                                          "/etc/vulkan",
                                          "/var/cache/fontconfig",
                                          "/proc/cpuinfo",
                                          "/proc/driver/nvidia",
                                          "/proc/meminfo",
                                          "/proc/self",
                                          "/proc/stat",
                                          "/proc/sys/vm",
                                          "/sys/bus/pci",
                                          "/sys/class/drm",
                                          "/sys/dev/char",
                                          "/sys/devices",
                                          "/sys/module",
                                          "/dev/random",
                                          "/dev/urandom"};
constexpr const char* kDevices[] = {
    "/dev/dri", "/dev/dma_heap", "/dev/kfd", "/dev/null", "/dev/nvidia*", "/dev/zero"};

std::vector<std::string> Matches(const char* pattern) {
  glob_t found{};
  std::vector<std::string> paths;
  if (glob(pattern, 0, nullptr, &found) == 0) {
    paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  globfree(&found);
  return paths;
}

std::vector<PathRule> Rules(const SandboxOptions& options) {
  std::vector<PathRule> rules;
  for (const char* path : kSystemFolders) {
    rules.push_back({path, PathRule::Access::kRead, /*optional=*/true});
  }
  for (const char* pattern : kDevices) {
    for (std::string& path : Matches(pattern)) {
      rules.push_back({std::move(path), PathRule::Access::kDevice, /*optional=*/true});
    }
  }
  for (const std::string& path : options.read_only) {
    rules.push_back({path, PathRule::Access::kRead});
  }
  if (!options.writable.empty()) {
    rules.push_back({options.writable, PathRule::Access::kWrite});
  }
  return rules;
}

// Never above what we were started with.
absl::Status Limit(__rlimit_resource resource, std::int64_t value, const char* name) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0) return ErrnoStatus(errno, name);
  limit.rlim_max = std::min(limit.rlim_max, static_cast<rlim_t>(value));
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(resource, &limit) == 0 ? absl::OkStatus() : ErrnoStatus(errno, name);
}

absl::Status LimitResources(const SandboxOptions& options) {
  signal(SIGXFSZ, SIG_IGN);  // Too large a file is an error of write(2), not an end.
  RETURN_IF_ERROR(Limit(RLIMIT_CORE, 0, "RLIMIT_CORE"));
  RETURN_IF_ERROR(Limit(RLIMIT_FSIZE, options.file_bytes_max, "RLIMIT_FSIZE"));
  return Limit(RLIMIT_NOFILE, options.open_files_max, "RLIMIT_NOFILE");
}

// What root could do, had we been started as root: a user like others is left.
absl::Status DropCapabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, data) != 0) return ErrnoStatus(errno, "capget");
  const auto has_any = [](const auto& half) { return (half.permitted | half.inheritable) != 0; };
  // A service manager may have taken them all away, and the right to say so with them.
  if (std::none_of(std::begin(data), std::end(data), has_any)) return absl::OkStatus();
  std::fill(std::begin(data), std::end(data), __user_cap_data_struct{});
  if (syscall(SYS_capset, &header, data) != 0) return ErrnoStatus(errno, "capset");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<rendernode::Sandbox> EnterSandbox(const SandboxOptions& options) {
  rendernode::Sandbox sandbox;
  sandbox.set_mode(options.mode);
  if (options.mode == rendernode::Sandbox::OFF) return sandbox;
  RETURN_IF_ERROR(LimitResources(options));
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return ErrnoStatus(errno, "no_new_privs");
  RETURN_IF_ERROR(DropCapabilities());

  const absl::Status paths = RestrictPaths(Rules(options));
  if (paths.ok()) {
    sandbox.set_landlock_abi(static_cast<std::uint32_t>(LandlockAbi()));
  } else if (absl::IsUnavailable(paths)) {
    sandbox.add_gaps(absl::StrCat("files: ", paths.message()));
  } else {
    return Annotate(paths, "sandbox");
  }
  const absl::Status calls = FilterSystemCalls();  // Last: it refuses all of the above.
  sandbox.set_system_calls_filtered(calls.ok());
  if (!calls.ok()) sandbox.add_gaps(absl::StrCat("system calls: ", calls.message()));

  if (options.mode == rendernode::Sandbox::REQUIRED && sandbox.gaps_size() > 0) {
    return absl::FailedPreconditionError(absl::StrCat("the sandbox is required and has gaps: ",
                                                      absl::StrJoin(sandbox.gaps(), "; ")));
  }
  return sandbox;
}

}  // namespace rn
