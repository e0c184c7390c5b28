#include "ctl/support_bundle.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include <cerrno>
#include <map>
#include <string>
#include <system_error>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/redact.h"
#include "base/status.h"
#include "base/subprocess.h"
#include "ctl/node_view.h"

namespace rn {
namespace {

namespace fs = std::filesystem;

constexpr char kFolder[] = "rendernode-support";
constexpr char kTar[] = "/usr/bin/tar";
constexpr std::int64_t kSystemFileBytesMax = 256 << 10;
constexpr absl::Duration kTarTimeout = absl::Minutes(1);

// The system's own facts: never of a process, whose environment may hold anything.
constexpr const char* kSystemFiles[] = {"/etc/os-release",
                                        "/proc/version",
                                        "/proc/loadavg",
                                        "/proc/meminfo",
                                        "/proc/uptime",
                                        "/proc/pressure/cpu",
                                        "/proc/pressure/io",
                                        "/proc/pressure/memory"};

std::string Config(const rendernode::SupportData& data) {
  const std::map<std::string, std::string> sorted(data.config().begin(), data.config().end());
  std::string text;
  for (const auto& [key, value] : RedactedConfig(sorted)) {
    absl::StrAppend(&text, key, " = ", value, "\n");
  }
  return text;
}

std::string Log(const rendernode::SupportData& data) {
  std::string text;
  for (const std::string& line : data.log()) {
    absl::StrAppend(&text, Redacted(line), line.empty() || line.back() != '\n' ? "\n" : "");
  }
  return text;
}

std::string Leases(const rendernode::NodeStatus& status) {
  std::string text;
  for (const rendernode::HeldItem& item : status.items()) {
    absl::StrAppend(&text,
                    "item=",
                    item.item_id(),
                    " fence=",
                    item.fence(),
                    " job=",
                    item.job_id(),
                    " row=",
                    item.row(),
                    " phase=",
                    absl::AsciiStrToLower(Phase_Name(item.phase())),
                    " permille=",
                    item.progress_permille(),
                    "\n");
  }
  return absl::StrCat(status.items_size(), " leases held\n", text);
}

std::string System() {
  utsname names{};
  uname(&names);
  std::string text = absl::StrCat("kernel: ",
                                  names.sysname,
                                  " ",
                                  names.release,
                                  " ",
                                  names.machine,
                                  "\ncores: ",
                                  std::thread::hardware_concurrency(),
                                  "\n");
  for (const char* folder : {"/", "/var", "/tmp"}) {
    struct statvfs room {};
    if (statvfs(folder, &room) == 0) {
      absl::StrAppendFormat(&text,
                            "disk %s: %d MiB free of %d MiB\n",
                            folder,
                            room.f_bavail * room.f_frsize >> 20,
                            room.f_blocks * room.f_frsize >> 20);
    }
  }
  for (const char* path : kSystemFiles) {
    if (const auto contents = ReadFile(path, kSystemFileBytesMax); contents.ok()) {
      absl::StrAppend(&text, "\n== ", path, "\n", *contents);
    }
  }
  return text;
}

absl::Status Pack(const fs::path& parent, const fs::path& target) {
  ASSIGN_OR_RETURN(
      Subprocess tar,
      Subprocess::Start({.argv = {kTar, "-czf", target.string(), "-C", parent.string(), kFolder},
                         .environment = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8"},
                         .with_channel = false}));
  ASSIGN_OR_RETURN(const ExitStatus ended, tar.Wait(kTarTimeout));
  return ended.exit_code == 0 ? absl::OkStatus()
                              : absl::UnavailableError(absl::StrCat(kTar, ": ", ended.ToString()));
}

absl::Status Fill(const fs::path& path, const rendernode::SupportData& data, absl::Time now) {
  ASSIGN_OR_RETURN(const TempDir folder, TempDir::Create("support"));
  const fs::path inside = folder.path() / kFolder;
  RETURN_IF_ERROR(CreateDirectories(inside));
  ASSIGN_OR_RETURN(const std::string json, NodeJson(data.status()));
  const std::pair<const char*, std::string> files[] = {
      {"status.txt", Redacted(DescribeNode(data.status(), now))},
      {"status.json", Redacted(json)},
      {"config.txt", Config(data)},
      {"log.txt", Log(data)},
      {"metrics.txt", data.metrics()},
      {"leases.txt", Leases(data.status())},
      {"system.txt", System()}};
  for (const auto& [name, text] : files) {
    RETURN_IF_ERROR(WriteFileDurably(inside / name, text));
  }
  return Pack(folder.path(), fs::absolute(path));
}

}  // namespace

absl::Status WriteSupportBundle(const fs::path& path,
                                const rendernode::SupportData& data,
                                absl::Time now) {
  // Made first, so that nobody else can read what comes into it.
  const UniqueFd made(open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  if (!made.valid()) {
    return ErrnoStatus(errno, path.string());
  }
  absl::Status status = Fill(path, data, now);
  if (!status.ok()) {
    std::error_code ignored;
    fs::remove(path, ignored);
  }
  return status;
}

}  // namespace rn
