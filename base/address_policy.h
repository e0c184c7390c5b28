// Which network addresses a URL of a stranger may lead to: those of the public internet, and what
// the operator allows besides.
//
// Source: the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890).
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rn {

// IPv4 in its IPv6-mapped form, ::ffff:a.b.c.d, so that there is one kind.
using IpAddress = std::array<std::uint8_t, 16>;

struct AddressBlock {
  IpAddress prefix{};
  int bits = 0;  // Of the mapped form: 10.0.0.0/8 has 104.

  bool Contains(const IpAddress& address) const;
};

// "10.0.0.0/8", "fd00::/8", "127.0.0.1". InvalidArgument: none of these, or bits beyond the prefix.
absl::StatusOr<AddressBlock> ParseAddressBlock(absl::string_view text);

// Immutable.
class AddressPolicy {
 public:
  // `allowed`: blocks that are allowed though not public. InvalidArgument names every bad one.
  static absl::StatusOr<AddressPolicy> Create(const std::vector<std::string>& allowed);

  // PermissionDenied, naming the address and what it is: a private, loopback, link-local, shared,
  // multicast, reserved or cloud metadata address, also as the IPv4 address inside of an IPv6 one
  // (mapped, NAT64, 6to4); or no internet address at all.
  absl::Status Check(const sockaddr* address, socklen_t size) const;

 private:
  explicit AddressPolicy(std::vector<AddressBlock> allowed) : allowed_(std::move(allowed)) {}

  std::vector<AddressBlock> allowed_;
};

}  // namespace rn
