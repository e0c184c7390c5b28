// A contender's run in a process of its own, and what it cost with everything it started.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace rn {

struct ChildCommand {
  std::vector<std::string> argv;            // argv[0]: a path, or a name to be found in $PATH
  std::filesystem::path working_directory;  // empty: ours
  std::vector<std::string> environment;     // "NAME=value", besides ours
};

struct ChildCost {
  double cpu_s = 0;         // of the child and of all its descendants
  double wall_s = 0;        // from start to exit
  double peak_rss_mib = 0;  // the largest sum over them; shared pages count once
};

// Where the shell would find `name`. NotFound: no such program in $PATH.
absl::StatusOr<std::filesystem::path> FindProgram(absl::string_view name);

// Runs it to its end; what it prints is part of the error when it fails. DeadlineExceeded: killed
// after `timeout`. One at a time, in a process without other children.
absl::StatusOr<ChildCost> RunChild(const ChildCommand& command,
                                   absl::Duration timeout = absl::Minutes(30));

}  // namespace rn
