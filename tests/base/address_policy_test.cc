#include "base/address_policy.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace rn {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

absl::Status CheckOf(const AddressPolicy& policy, const std::string& text) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    return policy.Check(reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  EXPECT_EQ(inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr), 1) << text;
  return policy.Check(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
}

AddressPolicy PolicyAllowing(const std::vector<std::string>& blocks) {
  absl::StatusOr<AddressPolicy> policy = AddressPolicy::Create(blocks);
  EXPECT_TRUE(policy.ok()) << policy.status();
  return *std::move(policy);
}

TEST(AddressPolicy, PublicAddressesMayBeConnectedTo) {
  const AddressPolicy policy = PolicyAllowing({});
  for (const char* address : {"1.1.1.1",
                              "93.184.216.34",
                              "172.15.255.255",
                              "172.32.0.0",
                              "100.63.255.255",
                              "100.128.0.0",
                              "223.255.255.255",
                              "2606:4700::1111",
                              "2a00:1450:4001:80b::200e",
                              "::ffff:1.1.1.1",
                              "64:ff9b::101:101"}) {
    EXPECT_TRUE(CheckOf(policy, address).ok()) << address << ": " << CheckOf(policy, address);
  }
}

TEST(AddressPolicy, TheMachinesOwnNetworkMayNot) {
  const AddressPolicy policy = PolicyAllowing({});
  for (const char* address :
       {"0.0.0.0",       "0.1.2.3",         "10.0.0.1",        "100.100.100.200",
        "127.0.0.1",     "127.255.255.255", "168.63.129.16",   "169.254.169.254",
        "172.16.0.1",    "172.31.255.255",  "192.0.0.192",     "192.168.1.1",
        "198.19.0.1",    "224.0.0.251",     "255.255.255.255", "::",
        "::1",           "::7f00:1",        "fe80::1",         "fec0::1",
        "fd00:ec2::254", "ff02::fb",        "2001:0:1:2::3",   "2001:db8::1",
        "4000::1"}) {
    EXPECT_TRUE(absl::IsPermissionDenied(CheckOf(policy, address))) << address;
  }
}

TEST(AddressPolicy, AnIpv4AddressInsideAnIpv6OneCountsAsWhatItIs) {
  const AddressPolicy policy = PolicyAllowing({});
  for (const char* address : {"::ffff:127.0.0.1",
                              "::ffff:169.254.169.254",
                              "64:ff9b::7f00:1",
                              "64:ff9b::a9fe:a9fe",
                              "64:ff9b:1::101:101",
                              "2002:7f00:1::",
                              "2002:c0a8:101::1"}) {
    EXPECT_TRUE(absl::IsPermissionDenied(CheckOf(policy, address))) << address;
  }
}

TEST(AddressPolicy, ARefusalNamesTheAddressAndWhatItIs) {
  const AddressPolicy policy = PolicyAllowing({});
  EXPECT_EQ(CheckOf(policy, "127.0.0.1").message(), "127.0.0.1 is a loopback address");
  EXPECT_EQ(CheckOf(policy, "64:ff9b::a9fe:a9fe").message(),
            "64:ff9b::a9fe:a9fe leads to 169.254.169.254, which is a link-local or cloud metadata "
            "address");
}

TEST(AddressPolicy, WhatTheOperatorAllowsIsAllowedInEveryForm) {
  const AddressPolicy policy = PolicyAllowing({"127.0.0.0/8", "fd00:1234::/32", "10.1.2.3"});
  for (const char* address :
       {"127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "fd00:1234::9", "10.1.2.3"}) {
    EXPECT_TRUE(CheckOf(policy, address).ok()) << address;
  }
  for (const char* address : {"10.1.2.4", "::1", "fd00:1235::9", "192.168.0.1"}) {
    EXPECT_TRUE(absl::IsPermissionDenied(CheckOf(policy, address))) << address;
  }
}

TEST(AddressPolicy, OnlyInternetAddressesAreConnectedTo) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  EXPECT_TRUE(absl::IsPermissionDenied(
      PolicyAllowing({"0.0.0.0/0", "::/0"})
          .Check(reinterpret_cast<const sockaddr*>(&address), sizeof address)));
}

TEST(AddressPolicy, EveryBadBlockIsNamed) {
  EXPECT_THAT(
      AddressPolicy::Create({"localhost", "10.0.0.0/33", "10.1.0.0/8", "fd00::/8"})
          .status()
          .message(),
      AllOf(HasSubstr("\"localhost\" is no address block"),
            HasSubstr("\"10.0.0.0/33\" needs a prefix length of 0 to 32"),
            HasSubstr("\"10.1.0.0/8\" has bits beyond its prefix: did you mean \"10.0.0.0/8\"?")));
}

}  // namespace
}  // namespace rn
