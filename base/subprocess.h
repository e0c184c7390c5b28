// A child process that cannot outlive us, with one socket to talk over.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/file.h"

namespace rn {

struct SubprocessOptions {
  std::vector<std::string> argv;         // argv[0] is a path; no shell, no $PATH search.
  std::vector<std::string> environment;  // "NAME=value"; exactly these.
  std::string working_directory;         // Empty: ours.
  bool with_channel = true;              // A SOCK_STREAM pair; the child's end is fd 3.
  bool channel_as_stdio = false;         // The channel is its stdin and stdout instead.
  // Its stdout and stderr come through output(), and its stdin is empty. Else all three are ours.
  bool with_output = false;
};

// How a child ended: exit code, or the signal that killed it.
struct ExitStatus {
  std::optional<int> exit_code;
  std::optional<int> signal;
  std::string ToString() const;  // "exit code 3", "signal 9 (Killed)"
};

// Not thread-safe; Kill() alone may be called from any thread while the object lives.
// The child gets its own process group, PR_SET_PDEATHSIG=SIGKILL (so the thread that calls Start
// must live as long as the child should), and no inherited descriptors but 0-3.
class Subprocess {
 public:
  static absl::StatusOr<Subprocess> Start(const SubprocessOptions& options);

  Subprocess(Subprocess&&) noexcept = default;
  Subprocess& operator=(Subprocess&&) noexcept = delete;
  ~Subprocess();  // Kills the group and reaps.

  pid_t pid() const { return pid_; }

  // Our end of the channel; -1 without one.
  int channel() const { return channel_.get(); }

  // Where the child's stdout and stderr are read; does not block. -1 without.
  int output() const { return output_.get(); }

  // Readable when the child has ended: for poll().
  int pidfd() const { return pidfd_.get(); }

  // SIGKILL to the whole process group. Idempotent.
  void Kill();

  void Signal(int signal_number);

  // Reaps; DeadlineExceeded when it still runs after `timeout`. Idempotent once ended.
  absl::StatusOr<ExitStatus> Wait(absl::Duration timeout);

 private:
  Subprocess(pid_t pid, UniqueFd pidfd, UniqueFd channel, UniqueFd output);

  pid_t pid_;
  UniqueFd pidfd_;
  UniqueFd channel_;
  UniqueFd output_;
  std::optional<ExitStatus> ended_;
};

}  // namespace rn
