#include "daemon/worker_cgroup.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status.h"

namespace rn {
namespace {
namespace fs = std::filesystem;

constexpr std::int64_t kFileBytesMax = 1 << 16;
constexpr char kOurs[] = "daemon";

// The kernel takes a value by one write.
absl::Status Put(const fs::path& file, const std::string& value) {
  const UniqueFd fd(open(file.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (!fd.valid() ||
      write(fd.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size())) {
    return ErrnoStatus(errno, absl::StrCat(file.string(), " = ", value));
  }
  return absl::OkStatus();
}

absl::Status Make(const fs::path& folder) {
  std::error_code error;
  fs::create_directory(folder, error);
  return error ? ErrnoStatus(error.value(), folder.string()) : absl::OkStatus();
}

bool Has(const fs::path& file, absl::string_view word) {
  const absl::StatusOr<std::string> text = ReadFile(file, kFileBytesMax);
  if (!text.ok()) return false;
  for (const absl::string_view each : absl::StrSplit(*text, absl::ByAnyChar(" \n"))) {
    if (each == word) return true;
  }
  return false;
}

// Our group of the unified hierarchy, "0::/system.slice/…".
absl::StatusOr<std::string> OwnGroup(const fs::path& own_groups) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(own_groups, kFileBytesMax));
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::ConsumePrefix(&line, "0::")) return std::string(line);
  }
  return absl::NotFoundError("the machine has no unified hierarchy (cgroup v2)");
}

// systemd(1) marks what it delegates; a group that is merely writable, as everything is to root,
// may be somebody else's to divide.
bool IsDelegated(const fs::path& folder) {
  std::array<char, 8> value{};
  for (const char* name : {"user.delegate", "trusted.delegate"}) {
    if (getxattr(folder.c_str(), name, value.data(), value.size()) == 1 && value[0] == '1') {
      return true;
    }
  }
  return false;
}

absl::StatusOr<fs::path> Delegated(const fs::path& mount, const fs::path& own_groups) {
  ASSIGN_OR_RETURN(const std::string group, OwnGroup(own_groups));
  const fs::path folder = mount / fs::path(group).relative_path();
  if (!IsDelegated(folder)) {
    return absl::FailedPreconditionError(absl::StrCat(group, " is not delegated to us"));
  }
  return folder;
}

}  // namespace

absl::StatusOr<std::unique_ptr<WorkerCgroups>> WorkerCgroups::Open(const std::string& setting,
                                                                   const fs::path& mount,
                                                                   const fs::path& own_groups) {
  std::unique_ptr<WorkerCgroups> groups(new WorkerCgroups());
  if (setting == "off") {
    groups->summary_ = "none: switched off";
    return groups;
  }
  if (setting != "auto") {
    RETURN_IF_ERROR(groups->Enter(setting));
    return groups;
  }
  const absl::StatusOr<fs::path> folder = Delegated(mount, own_groups);
  const absl::Status status = folder.ok() ? groups->Enter(*folder) : folder.status();
  if (!status.ok()) {
    groups->folder_.clear();
    groups->summary_ = absl::StrCat("none: ", status.message());
  }
  return groups;
}

absl::Status WorkerCgroups::Enter(const fs::path& folder) {
  RETURN_IF_ERROR(Make(folder / kOurs));
  // All of our threads move with us.
  RETURN_IF_ERROR(Put(folder / kOurs / "cgroup.procs", absl::StrCat(getpid())));
  std::string with;
  for (const auto& [name, have] : {std::pair{"memory", &memory_}, std::pair{"pids", &pids_}}) {
    if (!Has(folder / "cgroup.controllers", name)) continue;
    RETURN_IF_ERROR(Put(folder / "cgroup.subtree_control", absl::StrCat("+", name)));
    *have = true;
    absl::StrAppend(&with, " ", name);
  }
  folder_ = folder;
  summary_ = absl::StrCat(folder.string(), ":", with.empty() ? " no controllers" : with);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<WorkerCgroup>> WorkerCgroups::Create(
    int slot, const WorkerCgroupLimits& limits) const {
  if (folder_.empty()) return nullptr;
  const fs::path folder = folder_ / absl::StrCat("worker-", slot);
  RETURN_IF_ERROR(Make(folder));
  auto group = std::unique_ptr<WorkerCgroup>(new WorkerCgroup(folder));
  RETURN_IF_ERROR(group->Kill());
  if (memory_) {
    RETURN_IF_ERROR(Put(folder / "memory.max", absl::StrCat(limits.memory_bytes_max)));
    RETURN_IF_ERROR(Put(folder / "memory.oom.group", "1"));
    // A kernel without swap has no such file, and no need of it.
    if (fs::exists(folder / "memory.swap.max")) {
      RETURN_IF_ERROR(Put(folder / "memory.swap.max", "0"));
    }
  }
  if (pids_) RETURN_IF_ERROR(Put(folder / "pids.max", absl::StrCat(limits.tasks_max)));
  return group;
}

absl::Status WorkerCgroup::Add(pid_t pid) {
  return Put(folder_ / "cgroup.procs", absl::StrCat(pid));
}

absl::Status WorkerCgroup::Kill() {
  return Put(folder_ / "cgroup.kill", "1");
}

std::int64_t WorkerCgroup::OutOfMemoryKills() const {
  std::ifstream events(folder_ / "memory.events");
  std::string name;
  std::int64_t count = 0;
  while (events >> name >> count) {
    if (name == "oom_kill") return count;
  }
  return 0;
}

}  // namespace rn
