// What a worker gives up before it reads anything that nobody vouches for: the network, other
// programs, other processes, and every file but those that it was handed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/worker.pb.h"

namespace rn {

struct SandboxOptions {
  rendernode::Sandbox::Mode mode = rendernode::Sandbox::REQUIRED;
  std::vector<std::string> read_only;  // Beside the system's libraries, fonts and voices.
  std::string writable;                // A folder; empty: nothing may be written.
  std::int64_t file_bytes_max = std::int64_t{16} << 30;  // Of one file that is written.
  std::int64_t open_files_max = 1024;
};

// Shuts the process in, for good: resource limits, no_new_privs, no capabilities, Landlock, a
// system call filter. Refused calls fail and are said on stderr. Call while there is one thread:
// only what it starts is kept from files. Returns what holds now, and what of it this kernel could
// not do. With REQUIRED, FailedPrecondition when there is any such gap; other errors are the
// options'.
absl::StatusOr<rendernode::Sandbox> EnterSandbox(const SandboxOptions& options);

}  // namespace rn
