// Landlock (landlock(7)): which files this process may still use, whoever owns them.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace rn {

struct PathRule {
  enum class Access {
    kRead,    // Files and folders, to read.
    kWrite,   // The same, and to make, change, move and remove regular files and folders.
    kDevice,  // Device nodes: to read, write and control.
  };
  std::string path;  // A file, or a folder with all that is in it. Links are followed, here only.
  Access access = Access::kRead;
  bool optional = false;  // No error when it does not exist.
};

// The version of the kernel's Landlock; 0 where it has none or has it switched off.
int LandlockAbi();

// From now on the calling thread, and whatever it starts, opens what a rule allows and nothing
// else. Where the kernel can: it reaches no TCP port, no abstract Unix socket, and signals nobody
// else. Cannot be taken back. Needs no_new_privs. Unavailable: the kernel has no Landlock; others:
// a path that is not optional and cannot be opened.
absl::Status RestrictPaths(const std::vector<PathRule>& rules);

}  // namespace rn
