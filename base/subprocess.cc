#include "base/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

#include "base/status.h"

namespace rn {
namespace {

constexpr int kChannelFd = 3;
constexpr int kExecFailed = 127;  // As a shell would say it.
constexpr int kFirstInherited = kChannelFd + 1;

std::vector<char*> ToPointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& text : strings) {
    pointers.push_back(const_cast<char*>(text.c_str()));  // execve promises not to write.
  }
  pointers.push_back(nullptr);
  return pointers;
}

struct ChildPlan {
  char* const* argv;
  char* const* environment;
  const char* working_directory;  // Null: ours.
  int channel;                    // −1: none.
  bool channel_as_stdio;          // Not fd 3.
  int output;                     // −1: stdin, stdout and stderr are the parent's.
  int error_pipe;                 // Close-on-exec: says why exec failed, or closes silently.
  pid_t parent;
};

// Between fork and exec only async-signal-safe calls are allowed: no allocation, no lock.
[[noreturn]] void RunChild(const ChildPlan& plan) {
  int error_pipe = plan.error_pipe;
  const auto fail = [&] {
    const int error = errno;
    (void)!write(error_pipe, &error, sizeof(error));
    _exit(kExecFailed);
  };
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != plan.parent) {
    _exit(kExecFailed);  // The parent died before the line above took hold.
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);  // What we ignore stays ignored over exec; programs expect to die.
  if (plan.output >= 0) {
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(plan.output, STDOUT_FILENO) < 0 ||
        dup2(plan.output, STDERR_FILENO) < 0) {
      fail();
    }
  }
  if (plan.channel_as_stdio) {
    if (dup2(plan.channel, STDIN_FILENO) < 0 || dup2(plan.channel, STDOUT_FILENO) < 0) {
      fail();
    }
  } else if (plan.channel >= 0) {
    // The pipe must not be where the channel goes.
    if (error_pipe == kChannelFd) {
      error_pipe = fcntl(error_pipe, F_DUPFD_CLOEXEC, kFirstInherited);
    }
    if (plan.channel == kChannelFd ? fcntl(kChannelFd, F_SETFD, 0) < 0
                                   : dup2(plan.channel, kChannelFd) < 0) {
      fail();
    }
  }
  // Whatever a library opened without O_CLOEXEC stays ours.
  syscall(SYS_close_range,
          plan.channel >= 0 && !plan.channel_as_stdio ? kFirstInherited : kChannelFd,
          UINT_MAX,
          4U /* CLOSE_RANGE_CLOEXEC */);
  if (plan.working_directory != nullptr && chdir(plan.working_directory) != 0) {
    fail();
  }
  execve(plan.argv[0], plan.argv, plan.environment);
  fail();
  _exit(kExecFailed);
}

// Zero once the child has replaced itself; else the errno of what stopped it.
int AwaitExec(int error_pipe) {
  int error = 0;
  ssize_t got = 0;
  do {
    got = read(error_pipe, &error, sizeof(error));
  } while (got < 0 && errno == EINTR);
  return got == sizeof(error) ? error : 0;
}

absl::Status OpenPipe(UniqueFd& read_end, UniqueFd& write_end) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) {
    return ErrnoStatus(errno, "pipe2");
  }
  read_end.Reset(fds[0]);
  write_end.Reset(fds[1]);
  return absl::OkStatus();
}

ExitStatus ToExitStatus(const siginfo_t& info) {
  ExitStatus status;
  if (info.si_code == CLD_EXITED) {
    status.exit_code = info.si_status;
  } else {
    status.signal = info.si_status;
  }
  return status;
}

}  // namespace

std::string ExitStatus::ToString() const {
  if (signal.has_value()) {
    return absl::StrCat("signal ", *signal, " (", strsignal(*signal), ")");
  }
  return absl::StrCat("exit code ", exit_code.value_or(0));
}

absl::StatusOr<Subprocess> Subprocess::Start(const SubprocessOptions& options) {
  if (options.argv.empty()) {
    return absl::InvalidArgumentError("a subprocess needs a program");
  }
  int channel[2] = {-1, -1};
  if (options.with_channel && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) != 0) {
    return ErrnoStatus(errno, "socketpair");
  }
  UniqueFd ours(channel[0]);
  UniqueFd theirs(channel[1]);
  UniqueFd error_read, error_write, output_read, output_write;
  RETURN_IF_ERROR(OpenPipe(error_read, error_write));
  if (options.with_output) {
    RETURN_IF_ERROR(OpenPipe(output_read, output_write));
    fcntl(output_read.get(), F_SETFL, O_NONBLOCK);
  }
  const std::vector<char*> argv = ToPointers(options.argv);
  const std::vector<char*> environment = ToPointers(options.environment);
  const ChildPlan plan{.argv = argv.data(),
                       .environment = environment.data(),
                       .working_directory = options.working_directory.empty()
                                                ? nullptr
                                                : options.working_directory.c_str(),
                       .channel = theirs.get(),
                       .channel_as_stdio = options.channel_as_stdio,
                       .output = output_write.get(),
                       .error_pipe = error_write.get(),
                       .parent = getpid()};

  const pid_t pid = fork();
  if (pid < 0) {
    return ErrnoStatus(errno, "fork");
  }
  if (pid == 0) {
    RunChild(plan);
  }
  setpgid(pid, pid);  // Both sides set it: whoever comes first, Kill() finds the group.
  error_write.Reset();
  theirs.Reset();
  output_write.Reset();
  Subprocess child(pid,
                   UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))),
                   std::move(ours),
                   std::move(output_read));
  if (const int error = AwaitExec(error_read.get()); error != 0) {
    return ErrnoStatus(error, absl::StrCat("starting ", options.argv[0]));
  }
  if (!child.pidfd_.valid()) {
    return ErrnoStatus(errno, "pidfd_open");
  }
  return child;
}

Subprocess::Subprocess(pid_t pid, UniqueFd pidfd, UniqueFd channel, UniqueFd output)
    : pid_(pid),
      pidfd_(std::move(pidfd)),
      channel_(std::move(channel)),
      output_(std::move(output)) {}

Subprocess::~Subprocess() {
  if (pidfd_.valid()) {  // Not moved from.
    Kill();
    (void)Wait(absl::InfiniteDuration());
  }
}

void Subprocess::Kill() {
  Signal(SIGKILL);
}

void Subprocess::Signal(int signal_number) {
  // A reaped pid may be somebody else's by now.
  if (!ended_.has_value()) {
    kill(-pid_, signal_number);
  }
}

absl::StatusOr<ExitStatus> Subprocess::Wait(absl::Duration timeout) {
  if (ended_.has_value()) {
    return *ended_;
  }
  pollfd ready{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
  const int milliseconds = timeout == absl::InfiniteDuration()
                               ? -1
                               : static_cast<int>(absl::ToInt64Milliseconds(timeout));
  const int result = poll(&ready, 1, milliseconds);
  if (result < 0 && errno != EINTR) {
    return ErrnoStatus(errno, "poll");
  }
  if (result <= 0) {
    return timeout == absl::InfiniteDuration() ? Wait(timeout)
                                               : absl::DeadlineExceededError("still running");
  }
  siginfo_t info{};
  if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) != 0) {
    return ErrnoStatus(errno, "waitid");
  }
  // Grandchildren of a worker that crashed must not stay behind either.
  kill(-pid_, SIGKILL);
  ended_ = ToExitStatus(info);
  return *ended_;
}

}  // namespace rn
