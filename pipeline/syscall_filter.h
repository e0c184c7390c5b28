// The system calls of a renderer (seccomp(2)): files, memory, threads, and control of devices that
// it may open. No socket, no other program, no look into other processes.
#pragma once

#include "absl/status/status.h"

namespace rn {

// From now on every other call of any thread fails with EPERM, and a line on stderr says so:
// "sandbox refused call=socket number=41". Cannot be taken back. Sets no_new_privs and a handler
// for SIGSYS, without which a refused call would end the process. Unavailable: the kernel cannot.
absl::Status FilterSystemCalls();

// While one lives, nothing is said of a refused call, of whatever thread: for a library that asks
// for what it then does without.
class UnsaidRefusals {
 public:
  UnsaidRefusals();
  ~UnsaidRefusals();
  UnsaidRefusals(const UnsaidRefusals&) = delete;
  UnsaidRefusals& operator=(const UnsaidRefusals&) = delete;
};

}  // namespace rn
