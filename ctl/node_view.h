// A node's status for people and for programs.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/admin.pb.h"

namespace rn {

// Lines of text: who and how the node is, its slots, what waits. `now` tells how long certificates
// last.
std::string DescribeNode(const rendernode::NodeStatus& status, absl::Time now);

// One line of JSON with the names of admin.proto; every field is there.
absl::StatusOr<std::string> NodeJson(const rendernode::NodeStatus& status);

}  // namespace rn
