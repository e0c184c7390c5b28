#include "base/address_policy.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr std::size_t kMappedPrefixBytes = 12;
constexpr int kMappedPrefixBits = 96;
constexpr int kAddressBits = 128;

struct Special {
  const char* block;
  const char* what;
};

// Most are found by their first match; the order matters to the wording alone.
constexpr Special kRefused[] = {
    {"0.0.0.0/8", "an unspecified address"},
    {"10.0.0.0/8", "a private address"},
    {"100.64.0.0/10", "a carrier's shared address"},
    {"127.0.0.0/8", "a loopback address"},
    {"168.63.129.16", "a cloud metadata address"},  // Azure's, though of a public block.
    {"169.254.0.0/16", "a link-local or cloud metadata address"},
    {"172.16.0.0/12", "a private address"},
    {"192.0.0.0/24", "a protocol's address"},
    {"192.0.2.0/24", "a documentation address"},
    {"192.88.99.0/24", "a relay address"},
    {"192.168.0.0/16", "a private address"},
    {"198.18.0.0/15", "a benchmarking address"},
    {"198.51.100.0/24", "a documentation address"},
    {"203.0.113.0/24", "a documentation address"},
    {"224.0.0.0/4", "a multicast address"},
    {"240.0.0.0/4", "a reserved or broadcast address"},
    {"::", "an unspecified address"},
    {"::1", "a loopback address"},
    {"64:ff9b:1::/48", "a local translation address"},
    {"2001::/23", "a protocol's or tunnel's address"},  // Teredo, ORCHID, benchmarking, …
    {"2001:db8::/32", "a documentation address"},
    {"3fff::/20", "a documentation address"},
    {"fc00::/7", "a private address"},
    {"fe80::/10", "a link-local address"},
    {"ff00::/8", "a multicast address"},
};

AddressBlock Known(const char* text) {
  const absl::StatusOr<AddressBlock> block = ParseAddressBlock(text);
  CHECK(block.ok());
  return *block;
}

IpAddress Mapped(const void* v4) {
  IpAddress address{};
  address[10] = address[11] = 0xff;
  std::memcpy(&address[kMappedPrefixBytes], v4, 4);
  return address;
}

std::string ToText(const IpAddress& address) {
  static const AddressBlock mapped = Known("::ffff:0:0/96");
  char text[INET6_ADDRSTRLEN] = "";
  if (mapped.Contains(address)) {
    inet_ntop(AF_INET, &address[kMappedPrefixBytes], text, sizeof text);
  } else {
    inet_ntop(AF_INET6, address.data(), text, sizeof text);
  }
  return text;
}

// The IPv4 address that a translator or tunnel would take the packets to.
std::optional<IpAddress> Embedded(const IpAddress& address) {
  static const AddressBlock nat64 = Known("64:ff9b::/96");
  static const AddressBlock six_to_four = Known("2002::/16");
  if (nat64.Contains(address)) {
    return Mapped(&address[kMappedPrefixBytes]);
  }
  if (six_to_four.Contains(address)) {
    return Mapped(&address[2]);
  }
  return std::nullopt;
}

// What is wrong with `address`; nullptr: nothing, it is public.
const char* Objection(const IpAddress& address) {
  static const auto refused = [] {
    std::vector<std::pair<AddressBlock, const char*>> blocks;
    for (const Special& special : kRefused) {
      blocks.emplace_back(Known(special.block), special.what);
    }
    return blocks;
  }();
  for (const auto& [block, what] : refused) {
    if (block.Contains(address)) {
      return what;
    }
  }
  static const AddressBlock global = Known("2000::/3");  // All that is handed out so far.
  static const AddressBlock mapped = Known("::ffff:0:0/96");
  return global.Contains(address) || mapped.Contains(address) ? nullptr : "not a public address";
}

std::optional<IpAddress> FromSockaddr(const sockaddr* address, socklen_t size) {
  if (address->sa_family == AF_INET && size >= sizeof(sockaddr_in)) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    return Mapped(&v4.sin_addr);
  }
  if (address->sa_family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    IpAddress found{};
    std::memcpy(found.data(), &v6.sin6_addr, found.size());
    return found;
  }
  return std::nullopt;
}

}  // namespace

bool AddressBlock::Contains(const IpAddress& address) const {
  const int whole = bits / 8;
  if (!std::equal(prefix.begin(), prefix.begin() + whole, address.begin())) {
    return false;
  }
  const int rest = bits % 8;
  const auto at = static_cast<std::size_t>(whole);
  return rest == 0 || ((prefix[at] ^ address[at]) >> (8 - rest)) == 0;
}

absl::StatusOr<AddressBlock> ParseAddressBlock(absl::string_view text) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('/', 1));
  AddressBlock block;
  in_addr v4{};
  const bool is_v4 = inet_pton(AF_INET, parts.first.c_str(), &v4) == 1;
  if (is_v4) {
    block.prefix = Mapped(&v4);
  } else if (inet_pton(AF_INET6, parts.first.c_str(), block.prefix.data()) != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is no address block like \"10.0.0.0/8\" or \"fd00::/8\""));
  }
  const int first = is_v4 ? kMappedPrefixBits : 0;
  block.bits = kAddressBits - first;
  if (absl::StrContains(text, "/") && (!absl::SimpleAtoi(parts.second, &block.bits) ||
                                       block.bits < 0 || block.bits > kAddressBits - first)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", text, "\" needs a prefix length of 0 to ", kAddressBits - first, " after the /"));
  }
  block.bits += first;
  AddressBlock masked = block;
  for (int bit = block.bits; bit < kAddressBits; ++bit) {
    masked.prefix[static_cast<std::size_t>(bit / 8)] &=
        static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
  }
  if (masked.prefix != block.prefix) {
    return absl::InvalidArgumentError(absl::StrCat("\"",
                                                   text,
                                                   "\" has bits beyond its prefix: did you mean \"",
                                                   ToText(masked.prefix),
                                                   "/",
                                                   block.bits - first,
                                                   "\"?"));
  }
  return block;
}

absl::StatusOr<AddressPolicy> AddressPolicy::Create(const std::vector<std::string>& allowed) {
  std::vector<AddressBlock> blocks;
  std::vector<std::string> mistakes;
  for (const std::string& text : allowed) {
    absl::StatusOr<AddressBlock> block = ParseAddressBlock(text);
    if (block.ok()) {
      blocks.push_back(*block);
    } else {
      mistakes.emplace_back(block.status().message());
    }
  }
  if (!mistakes.empty()) {
    return absl::InvalidArgumentError(absl::StrJoin(mistakes, "; "));
  }
  return AddressPolicy(std::move(blocks));
}

absl::Status AddressPolicy::Check(const sockaddr* address, socklen_t size) const {
  const std::optional<IpAddress> outer = FromSockaddr(address, size);
  if (!outer.has_value()) {
    return absl::PermissionDeniedError("not an internet address");
  }
  const std::optional<IpAddress> inner = Embedded(*outer);
  for (const AddressBlock& block : allowed_) {
    if (block.Contains(*outer) || (inner.has_value() && block.Contains(*inner))) {
      return absl::OkStatus();
    }
  }
  // A translator's address is as public as the one it leads to.
  const IpAddress& target = inner.value_or(*outer);
  if (const char* objection = Objection(target)) {
    return absl::PermissionDeniedError(absl::StrCat(ToText(*outer),
                                                    inner ? " leads to " : "",
                                                    inner ? ToText(*inner) : "",
                                                    inner ? ", which" : "",
                                                    " is ",
                                                    objection));
  }
  return absl::OkStatus();
}

}  // namespace rn
