// Addresses, and those that never leave the machine: the only ones for a wire without encryption.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace rn {

enum class PortZero { kRefused, kAllowed };  // Zero: any free port, for those who listen.

// OK for "unix:/path" and for a loopback address with a port: "127.0.0.1:7600", "[::1]:7600",
// "localhost:7600". InvalidArgument otherwise, saying so.
absl::Status CheckLocalAddress(const std::string& address, PortZero port_zero);

// OK for "unix:/path" and for any host with a port: "render.example:7600", "0.0.0.0:7600".
absl::Status CheckAddress(const std::string& address, PortZero port_zero);

}  // namespace rn
