#include "pipeline/syscall_filter.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <utility>

#include "base/status.h"

namespace rn {
namespace {

// Whatever their arguments are. Names that a machine does not have are passed over.
// clang-format off
constexpr const char* kAllowed[] = {
    // Memory.
    "brk", "madvise", "map_shadow_stack", "membarrier", "memfd_create", "mincore", "mlock",
    "mlock2", "mmap", "mprotect", "mremap", "mseal", "msync", "munlock", "munmap", "pkey_alloc",
    "pkey_free", "pkey_mprotect", "get_mempolicy",
    // Files: which, Landlock says.
    "access", "chdir", "close", "close_range", "copy_file_range", "creat", "dup", "dup2", "dup3",
    "faccessat", "faccessat2", "fadvise64", "fallocate", "fchdir", "fdatasync", "flock", "fstat",
    "fstatfs", "fsync", "ftruncate", "getcwd", "getdents", "getdents64", "lseek", "lstat", "mkdir",
    "mkdirat", "newfstatat", "open", "openat", "openat2", "pread64", "preadv", "preadv2",
    "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink", "readlinkat", "readv",
    "rename", "renameat", "renameat2", "rmdir", "sendfile", "stat", "statfs", "statx",
    "sync_file_range", "umask", "unlink", "unlinkat", "utimensat", "write", "writev",
    // Waiting, and the channel, which is the only socket there is.
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait",
    "eventfd", "eventfd2", "pipe", "pipe2", "poll", "ppoll", "pselect6", "recvfrom", "recvmsg",
    "select", "shutdown", "timerfd_create", "timerfd_gettime", "timerfd_settime",
    // Threads, their signals and their time.
    "alarm", "arch_prctl", "clock_getres", "clock_gettime", "clock_nanosleep", "exit", "exit_group",
    "futex", "futex_requeue", "futex_wait", "futex_waitv", "futex_wake", "getcpu", "getitimer",
    "gettimeofday", "nanosleep", "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending",
    "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "sched_get_priority_max",
    "sched_get_priority_min", "sched_getaffinity", "sched_getattr", "sched_getparam",
    "sched_getscheduler", "sched_yield", "set_robust_list", "set_tid_address", "setitimer",
    "sigaltstack", "time", "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime",
    "timer_settime",
    // Who and where we are.
    "capget", "getegid", "geteuid", "getgid", "getgroups", "getpgid", "getpgrp", "getpid",
    "getppid", "getpriority", "getrandom", "getresgid", "getresuid", "getrlimit", "getrusage",
    "getsid", "gettid", "getuid", "setrlimit", "sysinfo", "times", "uname",
};
// clang-format on

// Libraries try these, and do without.
struct Quiet {
  const char* name;
  int error;
};
constexpr Quiet kQuietlyRefused[] = {
    {"clone3", ENOSYS},  // Its flags are out of a filter's sight; then clone() is called.
    {"ioprio_set", EPERM},
    {"kcmp", EPERM},
    {"mbind", EPERM},
    {"sched_setaffinity", EPERM},
    {"sched_setattr", EPERM},
    {"sched_setparam", EPERM},
    {"sched_setscheduler", EPERM},
    {"set_mempolicy", EPERM},
    {"setpriority", EPERM},
};

constexpr int kPrctlOptions[] = {PR_GET_DUMPABLE,
                                 PR_GET_NAME,
                                 PR_SET_NAME,
                                 PR_SET_TIMERSLACK,
                                 PR_CAPBSET_READ,
                                 0x53564d41 /* PR_SET_VMA: names of mappings */};

// Not those that have signals sent (F_SETOWN, F_SETSIG).
constexpr int kFcntlCommands[] = {F_DUPFD,
                                  F_DUPFD_CLOEXEC,
                                  F_GETFD,
                                  F_SETFD,
                                  F_GETFL,
                                  F_SETFL,
                                  F_GETLK,
                                  F_SETLK,
                                  F_SETLKW,
                                  36 /* F_OFD_GETLK */,
                                  37 /* F_OFD_SETLK */,
                                  38 /* F_OFD_SETLKW */,
                                  1031 /* F_SETPIPE_SZ */,
                                  1032 /* F_GETPIPE_SZ */,
                                  1033 /* F_ADD_SEALS */,
                                  1034 /* F_GET_SEALS */};

// By type, the second byte. None of a socket's (0x89): they have signals sent, too.
constexpr int kIoctlTypes[] = {'T',    // FIONREAD and isatty().
                               'd',    // Direct rendering.
                               'F',    // NVIDIA,
                               'm',    // its modes,
                               0,      // and its unified memory.
                               'K',    // AMD compute.
                               'b',    // Buffers shared between devices,
                               '>',    // and their fences.
                               0x94};  // FICLONE.
constexpr std::uint64_t kIoctlTypeMask = 0xff00;

constexpr std::uint64_t kLow32 = 0xffffffff;
constexpr std::uint64_t kCloneFlags = CLONE_THREAD | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                      CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
constexpr int kChannelFd = 3;

// ------------------------------------------------------------------- what is said of a refusal
// The handler may not look names up: a table, made before.
constexpr int kNamesMax = 512;
using CallName = std::array<char, 24>;
std::array<CallName, kNamesMax> call_names;
// A newer one is not there, as far as libraries can see: they try an older way.
int newest_known = 0;
std::atomic<int> unsaid = 0;

void LearnNames() {
  for (int number = 0; number < kNamesMax; ++number) {
    char* name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
    if (name == nullptr) continue;
    newest_known = number;
    CallName& slot = call_names[static_cast<std::size_t>(number)];
    std::strncpy(slot.data(), name, slot.size() - 1);
    std::free(name);
  }
}

// Async-signal-safe, with no more than a few hundred bytes of stack.
class Line {
 public:
  void Append(const char* text) {
    while (*text != '\0' && length_ < sizeof(bytes_)) bytes_[length_++] = *text++;
  }
  void Append(int number) {
    char digits[16] = {};
    char* at = digits + sizeof(digits) - 1;
    auto rest = static_cast<unsigned>(std::max(0, number));
    do {
      *--at = static_cast<char>('0' + rest % 10);
      rest /= 10;
    } while (rest != 0);
    Append(at);
  }
  void Write() const { (void)!write(STDERR_FILENO, bytes_, length_); }

 private:
  char bytes_[128];
  std::size_t length_ = 0;
};

void SetResult(ucontext_t& context, int error) {
#if defined(__x86_64__)
  context.uc_mcontext.gregs[REG_RAX] = -error;
#elif defined(__aarch64__)
  context.uc_mcontext.regs[0] = static_cast<std::uint64_t>(-error);
#else
#error "where does this machine have a system call's result?"
#endif
}

void OnRefused(int /*signal*/, siginfo_t* info, void* context) {
  const int kept = errno;
  const int number = info->si_syscall;
  const bool known = number >= 0 && number <= newest_known;
  Line line;
  line.Append("sandbox refused call=");
  line.Append(known ? call_names[static_cast<std::size_t>(number)].data() : "unknown");
  line.Append(" number=");
  line.Append(number);
  line.Append("\n");
  if (unsaid == 0) line.Write();
  SetResult(*static_cast<ucontext_t*>(context), known ? EPERM : ENOSYS);
  errno = kept;
}

absl::Status HandleRefusals() {
  LearnNames();
  struct sigaction action {};
  action.sa_sigaction = OnRefused;
  action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK | SA_RESTART;
  if (sigaction(SIGSYS, &action, nullptr) != 0) return ErrnoStatus(errno, "sigaction");
  return absl::OkStatus();
}

// ------------------------------------------------------------------- the filter
struct Release {
  void operator()(void* filter) const { seccomp_release(filter); }
};

class Filter {
 public:
  Filter() : filter_(seccomp_init(SCMP_ACT_TRAP)) {}

  // The first failure is kept for Load().
  void Add(std::uint32_t action, const char* name, std::initializer_list<scmp_arg_cmp> when = {}) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number < 0 || error_ != 0 || filter_ == nullptr) return;  // Another machine's.
    error_ = seccomp_rule_add_array(
        filter_.get(), action, number, static_cast<unsigned>(when.size()), when.begin());
    if (error_ != 0) culprit_ = name;
  }
  void Allow(const char* name, std::initializer_list<scmp_arg_cmp> when = {}) {
    Add(SCMP_ACT_ALLOW, name, when);
  }

  absl::Status Load() {
    if (filter_ == nullptr) return absl::ResourceExhaustedError("out of memory for a filter");
    if (error_ != 0) return ErrnoStatus(-error_, absl::StrCat("a rule for ", culprit_));
    // Threads of a library's making are held to it as well; a tree, for it is asked all the time.
    for (const auto& [attribute, value] :
         {std::pair{SCMP_FLTATR_CTL_TSYNC, 1U}, std::pair{SCMP_FLTATR_CTL_OPTIMIZE, 2U}}) {
      if (const int error = seccomp_attr_set(filter_.get(), attribute, value); error != 0) {
        return ErrnoStatus(-error, "seccomp_attr_set");
      }
    }
    if (const int error = seccomp_load(filter_.get()); error != 0) {
      return absl::UnavailableError(
          absl::StrCat("this kernel takes no seccomp filter: ", std::strerror(-error)));
    }
    return absl::OkStatus();
  }

 private:
  std::unique_ptr<void, Release> filter_;
  int error_ = 0;
  const char* culprit_ = "";
};

scmp_arg_cmp Is(unsigned argument, std::uint64_t mask, std::uint64_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

}  // namespace

UnsaidRefusals::UnsaidRefusals() {
  ++unsaid;
}

UnsaidRefusals::~UnsaidRefusals() {
  --unsaid;
}

absl::Status FilterSystemCalls() {
  RETURN_IF_ERROR(HandleRefusals());
  Filter filter;
  for (const char* name : kAllowed) filter.Allow(name);
  for (const auto& [name, error] : kQuietlyRefused) {
    filter.Add(SCMP_ACT_ERRNO(static_cast<std::uint16_t>(error)), name);
  }
  filter.Allow("clone", {Is(0, kCloneFlags, CLONE_THREAD)});
  filter.Allow("fchmod", {Is(1, 07000, 0)});  // Nobody becomes somebody else by our files.
  filter.Allow("sendto", {Is(0, kLow32, kChannelFd), {4, SCMP_CMP_EQ, 0, 0}});
  const auto ourselves = static_cast<std::uint64_t>(getpid());
  for (const char* name : {"kill", "tgkill", "prlimit64"}) {
    filter.Allow(name, {Is(0, kLow32, ourselves)});
  }
  filter.Allow("prlimit64", {Is(0, kLow32, 0)});
  for (const int option : kPrctlOptions) {
    filter.Allow("prctl", {Is(0, kLow32, static_cast<std::uint64_t>(option))});
  }
  for (const int command : kFcntlCommands) {
    filter.Allow("fcntl", {Is(1, kLow32, static_cast<std::uint64_t>(command))});
  }
  for (const int type : kIoctlTypes) {
    filter.Allow("ioctl", {Is(1, kIoctlTypeMask, static_cast<std::uint64_t>(type) << 8)});
  }
  return filter.Load();
}

}  // namespace rn
