#include "coordinator/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace rn {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::int64_t kExampleBytesMax = 1 << 20;

std::string MistakesIn(const std::string& text) {
  return std::string(ParseCoordinatorConfig(text, "coordinator.toml").status().message());
}

TEST(CoordinatorConfigTest, TheExampleSaysTheDefaults) {
  const auto text =
      ReadFile(std::filesystem::path(RN_SOURCE_DIR) / "coordinator" / "coordinator.example.toml",
               kExampleBytesMax);
  ASSERT_TRUE(text.ok());
  const auto example = ParseCoordinatorConfig(*text, "example");
  ASSERT_TRUE(example.ok()) << example.status();
  const CoordinatorConfig defaults;
  EXPECT_EQ(example->state_folder, defaults.state_folder);
  EXPECT_EQ(example->artifacts_folder, defaults.artifacts_folder);
  EXPECT_EQ(example->node_address, defaults.node_address);
  EXPECT_EQ(example->http.port, defaults.http.port);
  EXPECT_EQ(example->http.body_bytes_max, defaults.http.body_bytes_max);
  EXPECT_EQ(example->rate_limit.burst, defaults.rate_limit.burst);
  EXPECT_EQ(example->sync_interval, defaults.sync_interval);
  EXPECT_EQ(example->lease.ttl, defaults.lease.ttl);
  EXPECT_EQ(example->retry.losses_max, defaults.retry.losses_max);
}

TEST(CoordinatorConfigTest, AKeyGrantsItsScopesToItsTenant) {
  const auto config = ParseCoordinatorConfig(
      absl::StrCat("[keys]\n\"", Sha256("secret"), "\" = \"acme jobs:read\"\n"), "c");
  ASSERT_TRUE(config.ok()) << config.status();
  const auto principal = config->keys.Authenticate("Bearer secret");
  ASSERT_TRUE(principal.ok());
  EXPECT_EQ(principal->tenant, "acme");
  EXPECT_EQ(principal->scopes, std::set<Scope>{Scope::kJobsRead});
}

TEST(CoordinatorConfigTest, EveryMistakeIsReportedAtOnce) {
  EXPECT_THAT(MistakesIn(R"(
[folders]
state = "relative"
[http]
prot = 80
public_url = "videos.example.com"
[nodes]
address = "0.0.0.0:7600"
lease_ttl = "6s"
[retry]
backoff_min = "5m"
[keys]
"abc" = "acme"
)"),
              AllOf(HasSubstr("folders.state"),
                    HasSubstr("did you mean \"http.port\""),
                    HasSubstr("http.public_url"),
                    HasSubstr("nodes.address"),
                    HasSubstr("nodes.lease_ttl"),
                    HasSubstr("retry.backoff_min"),
                    HasSubstr("keys")));
}

TEST(CoordinatorConfigTest, AnAddressForEveryInterfaceNeedsANameForClients) {
  EXPECT_THAT(MistakesIn("[http]\naddress = \"0.0.0.0\"\n"),
              HasSubstr("http.public_url: must be given"));
  EXPECT_EQ(MistakesIn("[http]\naddress = \"::\"\npublic_url = \"https://v.example\"\n"), "");
}

}  // namespace
}  // namespace rn
