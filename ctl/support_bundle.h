// What to send to somebody who was not there: one .tar.gz, without secrets.
#pragma once

#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "proto/admin.pb.h"

namespace rn {

// Writes `path` (mode 0600; AlreadyExists when it is there) with a folder of these files:
//   status.txt, status.json, config.txt, log.txt, metrics.txt   as the node says
//   leases.txt                                                  what its journal holds
//   system.txt                                                  this machine, from /proc and /etc
absl::Status WriteSupportBundle(const std::filesystem::path& path,
                                const rendernode::SupportData& data,
                                absl::Time now);

}  // namespace rn
