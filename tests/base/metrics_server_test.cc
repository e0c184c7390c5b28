#include "base/metrics_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/counter.h>
#include <prometheus/registry.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/file.h"

namespace rn {
namespace {

using ::testing::HasSubstr;

std::string Get(int port) {
  const UniqueFd fd(socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(static_cast<std::uint16_t>(port))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const std::string request = "GET /metrics HTTP/1.0\r\n\r\n";
  EXPECT_EQ(write(fd.get(), request.data(), request.size()), std::ssize(request));
  std::string reply;
  char bytes[4096];
  for (ssize_t n = 0; (n = read(fd.get(), bytes, sizeof(bytes))) > 0;) {
    reply.append(bytes, static_cast<std::size_t>(n));
  }
  return reply;
}

TEST(MetricsServer, ServesWhatItsSourcesSay) {
  const auto registry = std::make_shared<prometheus::Registry>();
  prometheus::BuildCounter().Name("rn_test_total").Register(*registry).Add({}).Increment(7);
  const auto server = MetricsServer::Listen("127.0.0.1:0", {registry});
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_THAT(Get((*server)->port()), HasSubstr("rn_test_total 7"));
  const auto second =
      MetricsServer::Listen(absl::StrCat("127.0.0.1:", (*server)->port()), {registry});
  EXPECT_TRUE(absl::IsUnavailable(second.status())) << second.status();
}

TEST(MetricsServer, OnlyThisMachineIsServed) {
  for (const char* address : {"0.0.0.0:9464", "10.0.0.1:9464", "unix:/run/m.sock", "9464", ""}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckMetricsAddress(address))) << address;
  }
  EXPECT_TRUE(CheckMetricsAddress("localhost:9464").ok());
}

}  // namespace
}  // namespace rn
