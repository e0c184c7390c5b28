#include "coordinator/config_reload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/file.h"

namespace rn {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

absl::Status Reload(const std::string& now, const std::string& next) {
  const auto running = ParseCoordinatorConfig(now, "coordinator.toml");
  const auto wanted = ParseCoordinatorConfig(next, "coordinator.toml");
  EXPECT_TRUE(running.ok()) << running.status();
  EXPECT_TRUE(wanted.ok()) << wanted.status();
  return CheckReloadable(*running, *wanted);
}

TEST(CoordinatorConfigReload, KeysTokensRateLimitsSharesAndTheLogLevelChangeWithoutARestart) {
  const absl::Status status =
      Reload("[rate_limit]\nburst = 5\n",
             absl::StrCat("log_level = \"debug\"\n"
                          "[rate_limit]\nper_second = 50.0\nburst = 100\n"
                          "[scheduler]\ntenant_weight = 2.0\ntenant_items_running_max = 9\n"
                          "[scheduler.tenants.acme]\nweight = 3.0\n"
                          "[keys]\n\"",
                          Sha256("key"),
                          "\" = \"acme jobs:read\"\n[nodes.tokens]\nbox = \"",
                          Sha256("token"),
                          "\"\n"));
  EXPECT_TRUE(status.ok()) << status;
}

TEST(CoordinatorConfigReload, WhatOnlyARestartChangesIsRefusedByName) {
  const absl::Status status = Reload("", R"(
log_level = "debug"
log_format = "json"
[folders]
state = "/srv/state"
[http]
port = 8081
[nodes]
lease_ttl = "1m"
[nodes.tls]
cert_file = "/etc/c.crt"
key_file = "/etc/c.key"
client_ca_file = "/etc/nodes.crt"
[retry]
losses_max = 9
)");
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("only a restart changes folders.state, http.port, log_format, "
                              "nodes.lease_ttl, nodes.tls.cert_file"),
                    HasSubstr("retry.losses_max"),
                    Not(HasSubstr("log_level"))));
}

}  // namespace
}  // namespace rn
