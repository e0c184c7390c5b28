// Addresses that never leave the machine: the only ones for a wire without encryption.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace rn {

enum class PortZero { kRefused, kAllowed };  // Zero: any free port, for those who listen.

// OK for "unix:/path" and for a loopback address with a port: "127.0.0.1:7600", "[::1]:7600",
// "localhost:7600". InvalidArgument otherwise, saying so.
absl::Status CheckLocalAddress(const std::string& address, PortZero port_zero);

}  // namespace rn
