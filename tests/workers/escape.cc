// Shuts itself in as the renderer does, and then tries to get out by the way that the item's id
// names ("exec", "kill", …; "everything": by all). Its result is a success when the way is closed.
// Each failure is said on stderr, as a program's error message would be.
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "pipeline/sandbox.h"
#include "tests/workers/worker.h"

namespace rn {
namespace {

constexpr char kSecret[] = "/etc/shadow";

// Whether `result` is a failure with one of the errors of a closed door.
bool Closed(const char* what, long result) {
  const int error = errno;
  if (result >= 0) {
    std::fprintf(stderr, "escape: %s succeeded\n", what);
    return false;
  }
  std::fprintf(stderr, "escape: %s: %s\n", what, std::strerror(error));
  return error == EPERM || error == EACCES || error == EXDEV;
}

bool Socket() {
  return Closed("socket AF_INET", socket(AF_INET, SOCK_STREAM, 0)) &&
         Closed("socket AF_UNIX", socket(AF_UNIX, SOCK_STREAM, 0)) &&
         Closed("socket AF_NETLINK", socket(AF_NETLINK, SOCK_RAW, 0)) &&
         Closed("io_uring_setup", syscall(SYS_io_uring_setup, 1, nullptr));
}

bool Exec() {
  char program[] = "/bin/true";
  char* argv[] = {program, nullptr};
  char* environment[] = {nullptr};
  bool closed = Closed("execve", execve(program, argv, environment)) &&
                Closed("fork", syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0));
  const int file = open(program, O_RDONLY);
  return closed && file >= 0 && Closed("fexecve", fexecve(file, argv, environment));
}

bool Read() {
  return Closed("open /etc/shadow", open(kSecret, O_RDONLY)) &&
         Closed("open /etc/passwd", open("/etc/passwd", O_RDONLY)) &&
         Closed("open /", open("/", O_RDONLY)) &&
         Closed("open parent's memory",
                open(absl::StrCat("/proc/", getppid(), "/mem").c_str(), O_RDWR)) &&
         Closed("open parent's environment",
                open(absl::StrCat("/proc/", getppid(), "/environ").c_str(), O_RDONLY));
}

bool Write(const std::string& output) {
  const auto beside = [&](const char* name) { return absl::StrCat(output, "/../../", name); };
  return Closed("create in /tmp", open("/tmp/escaped", O_WRONLY | O_CREAT, 0600)) &&
         Closed("create beside the slot",
                open(beside("escaped").c_str(), O_WRONLY | O_CREAT, 0600)) &&
         Closed("create in another slot", mkdir(beside(".slot-7").c_str(), 0700)) &&
         Closed("truncate", truncate(kSecret, 0)) &&
         Closed("rename out", rename(output.c_str(), beside("escaped").c_str())) &&
         Closed("symlink", symlink("/etc", absl::StrCat(output, "/link").c_str())) &&
         Closed("link", link("/bin/true", absl::StrCat(output, "/link").c_str())) &&
         Closed("chmod", chmod(output.c_str(), 04777)) &&
         Closed("mknod", mknod(absl::StrCat(output, "/pipe").c_str(), S_IFIFO | 0600, 0)) &&
         Closed("mount", syscall(SYS_mount, "none", output.c_str(), "tmpfs", 0, nullptr)) &&
         Closed("unshare", syscall(SYS_unshare, CLONE_NEWUSER));
}

bool Kill() {
  return Closed("kill parent", kill(getppid(), SIGTERM)) &&
         Closed("kill group", kill(0, SIGCONT)) && Closed("kill everybody", kill(-1, SIGCONT)) &&
         Closed("tgkill", syscall(SYS_tgkill, getppid(), getppid(), SIGTERM)) &&
         Closed("setsid", setsid());
}

bool Trace() {
  char byte = 0;
  iovec here{&byte, 1};
  return Closed("ptrace", ptrace(PTRACE_ATTACH, getppid(), nullptr, nullptr)) &&
         Closed("process_vm_readv",
                syscall(SYS_process_vm_readv, getppid(), &here, 1, &here, 1, 0)) &&
         Closed("pidfd_open", syscall(SYS_pidfd_open, getppid(), 0)) &&
         Closed("bpf", syscall(SYS_bpf, 0, nullptr, 0)) &&
         Closed("userfaultfd", syscall(SYS_userfaultfd, 0)) &&
         Closed("keyctl", syscall(SYS_keyctl, 0, 0, 0, 0, 0)) &&
         Closed("kexec_load", syscall(SYS_kexec_load, 0, 0, nullptr, 0)) &&
         Closed("init_module", syscall(SYS_init_module, nullptr, 0, ""));
}

// What a renderer needs goes on working: a thread, an anonymous file, its own signal, its folder.
bool Works(const std::string& output) {
  bool thread_ran = false;
  std::thread([&] {
    thread_ran = Closed("socket in a thread", socket(AF_INET, SOCK_STREAM, 0));
  }).join();
  const int memory = memfd_create("frames", MFD_CLOEXEC);
  const std::string part = output + "/part";
  const bool written = static_cast<bool>(std::ofstream(part) << "x") &&
                       rename(part.c_str(), (output + "/whole").c_str()) == 0 &&
                       unlink((output + "/whole").c_str()) == 0;
  const int random = open("/dev/urandom", O_RDONLY);
  const int null = open("/dev/null", O_RDWR);
  return thread_ran && memory >= 0 && written && random >= 0 && null >= 0 && raise(SIGCONT) == 0;
}

bool Limited() {
  rlimit core{}, files{}, size{};
  getrlimit(RLIMIT_CORE, &core);
  getrlimit(RLIMIT_NOFILE, &files);
  getrlimit(RLIMIT_FSIZE, &size);
  files.rlim_max += 1;
  return core.rlim_max == 0 && files.rlim_cur <= 1024 && size.rlim_cur != RLIM_INFINITY &&
         Closed("raise a limit", setrlimit(RLIMIT_NOFILE, &files)) &&
         Closed("socket", socket(AF_INET, SOCK_STREAM, 0));
}

std::string StillOpen(const rendernode::Order& order) {
  const std::string& output = order.output_directory();
  const std::map<std::string, std::function<bool()>> ways = {
      {"socket", Socket},
      {"exec", Exec},
      {"read", Read},
      {"write", [&] { return Write(output); }},
      {"kill", Kill},
      {"trace", Trace},
      {"limits", Limited},
      {"works", [&] { return Works(output); }}};
  std::string open;
  for (const auto& [name, closed] : ways) {
    if ((order.item_id() == name || order.item_id() == "everything") && !closed()) {
      absl::StrAppend(&open, name, " ");
    }
  }
  return open;
}

int Main(int argc, char** argv) {
  SandboxOptions options{.mode = rendernode::Sandbox::BEST_EFFORT};
  for (int i = 1; i < argc; ++i) {
    absl::string_view word = argv[i];
    if (absl::ConsumePrefix(&word, "--read=")) options.read_only.emplace_back(word);
    if (absl::ConsumePrefix(&word, "--write=")) options.writable = std::string(word);
  }
  const auto sandbox = EnterSandbox(options);
  if (!sandbox.ok()) {
    std::fprintf(stderr, "%s\n", sandbox.status().ToString().c_str());
    return 1;
  }
  rendernode::Report hello;
  *hello.mutable_hello()->mutable_sandbox() = *sandbox;
  Say(hello);
  while (true) {
    const rendernode::Order order = AwaitOrder();
    const std::string open = StillOpen(order);
    rendernode::Report report = DoneReport(order);
    if (!open.empty()) {
      report.mutable_done()->mutable_result()->set_outcome(rendernode::FAILED);
      report.mutable_done()->mutable_result()->set_error_message("open: " + open);
    }
    Say(report);
  }
}

}  // namespace
}  // namespace rn

int main(int argc, char** argv) {
  return rn::Main(argc, argv);
}
