#include "base/local_address.h"

#include <arpa/inet.h>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace rn {
namespace {

bool IsLoopback(const std::string& host) {
  if (host == "localhost") {
    return true;
  }
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) {
    return (ntohl(v4.s_addr) >> 24) == 127;
  }
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

}  // namespace

absl::Status CheckAddress(const std::string& address, PortZero port_zero) {
  if (absl::StartsWith(address, "unix:")) {
    return address.size() > 5 ? absl::OkStatus()
                              : absl::InvalidArgumentError("unix: needs the path of a socket");
  }
  const int port_min = port_zero == PortZero::kAllowed ? 0 : 1;
  const std::size_t colon = address.rfind(':');
  int port = 0;
  if (colon == std::string::npos || colon == 0 ||
      !absl::SimpleAtoi(address.substr(colon + 1), &port) || port < port_min || port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", address, "\" is neither host:port nor unix:/path"));
  }
  return absl::OkStatus();
}

absl::Status CheckLocalAddress(const std::string& address, PortZero port_zero) {
  RETURN_IF_ERROR(CheckAddress(address, port_zero));
  if (absl::StartsWith(address, "unix:")) {
    return absl::OkStatus();
  }
  absl::string_view host = absl::string_view(address).substr(0, address.rfind(':'));
  if (absl::ConsumePrefix(&host, "[")) {
    absl::ConsumeSuffix(&host, "]");
  }
  if (!IsLoopback(std::string(host))) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"",
                     address,
                     "\" is not this machine: without TLS the coordinator must be on a loopback "
                     "address or a Unix socket"));
  }
  return absl::OkStatus();
}

}  // namespace rn
