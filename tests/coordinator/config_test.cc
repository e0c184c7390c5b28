#include "coordinator/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
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
  EXPECT_EQ(example->nodes.address, defaults.nodes.address);
  EXPECT_EQ(example->http.port, defaults.http.port);
  EXPECT_EQ(example->http.body_bytes_max, defaults.http.body_bytes_max);
  EXPECT_EQ(example->rate_limit.burst, defaults.rate_limit.burst);
  EXPECT_EQ(example->sync_interval, defaults.sync_interval);
  EXPECT_EQ(example->lease.ttl, defaults.lease.ttl);
  EXPECT_EQ(example->retry.losses_max, defaults.retry.losses_max);
  EXPECT_EQ(example->rate_limit.flag_for, defaults.rate_limit.flag_for);
  EXPECT_EQ(example->webhooks.attempts_max, defaults.webhooks.attempts_max);
  EXPECT_EQ(example->webhooks.backoff_max, defaults.webhooks.backoff_max);
  EXPECT_EQ(example->templates.bytes_max, defaults.templates.bytes_max);
  EXPECT_EQ(example->templates.quota.versions_max, defaults.templates.quota.versions_max);
  EXPECT_EQ(example->quotas.everybody.items_open_max, defaults.quotas.everybody.items_open_max);
  EXPECT_EQ(example->admin_key_file, defaults.admin_key_file);
  EXPECT_EQ(example->keys_per_tenant_max, defaults.keys_per_tenant_max);
  EXPECT_EQ(example->audit_kept, defaults.audit_kept);
  EXPECT_EQ(example->key_ring.recheck, defaults.key_ring.recheck);
  EXPECT_EQ(example->key_ring.verified_for, defaults.key_ring.verified_for);
  EXPECT_EQ(example->key_ring.keys_max, defaults.key_ring.keys_max);
  EXPECT_EQ(example->key_ring.hashes_max, defaults.key_ring.hashes_max);
  EXPECT_EQ(example->sheets.folder.file_bytes_max, defaults.sheets.folder.file_bytes_max);
  EXPECT_EQ(example->sheets.uploads_max, defaults.sheets.uploads_max);
  EXPECT_EQ(example->sheets.google.api_url, defaults.sheets.google.api_url);
  EXPECT_EQ(example->sheets.google.token_url, defaults.sheets.google.token_url);
  EXPECT_EQ(example->sheets.google.concurrency_max, defaults.sheets.google.concurrency_max);
  EXPECT_EQ(example->sheets.google.calls.timeout, defaults.sheets.google.calls.timeout);
  EXPECT_EQ(example->sheets.google.calls.backoff_max, defaults.sheets.google.calls.backoff_max);
}

TEST(CoordinatorConfigTest, ArtifactsInS3AreSignedWhenAskedFor) {
  const auto config = ParseCoordinatorConfig(
      "[s3]\nsign = true\nendpoint = \"http://minio:9000\"\ncredentials_file = \"/srv/keys\"\n"
      "url_valid_for = \"2h\"\n",
      "c");
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_TRUE(config->s3.has_value());
  EXPECT_EQ(config->s3->account.endpoint, "http://minio:9000");
  EXPECT_EQ(config->s3->account.credentials.file, "/srv/keys");
  EXPECT_EQ(config->s3->valid_for, absl::Hours(2));
  EXPECT_THAT(MistakesIn("[s3]\nsign = true\nurl_valid_for = \"200h\"\n"),
              HasSubstr("s3.url_valid_for"));
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

TEST(CoordinatorConfigTest, AKeySaysWhatItMayDo) {
  EXPECT_THAT(
      MistakesIn(absl::StrCat("[keys]\n\"", Sha256("secret"), "\" = \"acme\"\n")),
      HasSubstr(
          "keys: API key 1: no scopes are given; name what the key may do: jobs:read, "
          "jobs:write, sheets:connect, sheets:write, templates:write, nodes:read, nodes:write"));
}

TEST(CoordinatorConfigTest, ATenantMayHaveAQuotaOfItsOwn) {
  const auto config = ParseCoordinatorConfig(
      "[quota]\nitems_open_max = 100\nitems_per_day_max = 1000\n"
      "[quota.tenants.acme]\nitems_open_max = 7\n",
      "c");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->quotas.Of("acme").items_open_max, 7);
  EXPECT_EQ(config->quotas.Of("acme").items_per_day_max, 1000);
  EXPECT_EQ(config->quotas.Of("zeta").items_open_max, 100);
  EXPECT_THAT(MistakesIn("[quota.tenants.acme]\nitems_opne_max = 7\n"),
              HasSubstr("did you mean \"quota.tenants.acme.items_open_max\""));
}

TEST(CoordinatorConfigTest, WebhooksHaveBounds) {
  const auto config = ParseCoordinatorConfig(
      "[webhooks]\nallow_private = [\"10.1.0.0/16\"]\nattempts_max = 3\n", "c");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->webhooks.attempts_max, 3);
  EXPECT_THAT(MistakesIn("[webhooks]\nallow_private = [\"10.1.0.1/16\"]\nbackoff_min = \"1h\"\n"
                         "backoff_max = \"1s\"\n"),
              AllOf(HasSubstr("webhooks.allow_private"), HasSubstr("webhooks.backoff_min")));
}

TEST(CoordinatorConfigTest, SheetsAreWhereTheConfigurationSays) {
  const auto config = ParseCoordinatorConfig(R"(
[sheets]
source = "google"
[sheets.google]
service_account_file = "/etc/google.json"
api_url = "http://127.0.0.1:9000"
[sheets.tenants.acme]
api_key_file = "/etc/acme.key"
[sheets.tenants.zeta]
source = "folder"
)",
                                             "c");
  ASSERT_TRUE(config.ok()) << config.status();
  const SheetsConfig& sheets = config->sheets;
  EXPECT_TRUE(sheets.uses_google());
  EXPECT_EQ(sheets.routing.Of("anybody", "1A2B"), SheetsFrom::kGoogle);
  EXPECT_EQ(sheets.routing.Of("anybody", "file_1"), SheetsFrom::kFolder);
  EXPECT_EQ(sheets.routing.Of("zeta", "1A2B"), SheetsFrom::kFolder);
  EXPECT_EQ(sheets.google.everybody.service_account_file, "/etc/google.json");
  EXPECT_EQ(sheets.google.tenants.at("acme").api_key_file, "/etc/acme.key");
  EXPECT_EQ(sheets.google.tenants.count("zeta"), 0u);
  EXPECT_FALSE(CoordinatorConfig().sheets.uses_google());
}

TEST(CoordinatorConfigTest, MistakesAboutSheetsAreNamed) {
  EXPECT_THAT(MistakesIn("[sheets]\nsource = \"google\"\n"),
              HasSubstr("sheets.google.service_account_file: must be given"));
  EXPECT_THAT(MistakesIn("[sheets.tenants.acme]\nsource = \"google\"\n"),
              HasSubstr("sheets.tenants.acme.service_account_file: must be given"));
  EXPECT_THAT(MistakesIn("[sheets.google]\nservice_account_file = \"/a\"\napi_key_file = \"b\"\n"),
              AllOf(HasSubstr("goes instead of service_account_file"),
                    HasSubstr("\"b\" is not an absolute path")));
  EXPECT_THAT(MistakesIn("[sheets]\nsource = \"gogle\"\n"), HasSubstr("google"));
  EXPECT_THAT(MistakesIn("[sheets.tenants.-x]\nsource = \"folder\"\n"),
              HasSubstr("the tenant's name"));
  EXPECT_THAT(MistakesIn("[http]\nhandler_threads = 2\n[sheets]\nsource = \"google\"\n"
                         "[sheets.google]\napi_key_file = \"/k\"\nconcurrency_max = 2\n"),
              HasSubstr("must be below http.handler_threads = 2"));
  for (const char* url : {"http://sheets.example.com",
                          "http://localhost.example.com",
                          "http://127.0.0.1@example.com",
                          "http://127.0.0.1:80@example.com/x",
                          "https://",
                          "ftp://x",
                          "https://x/"}) {
    EXPECT_THAT(MistakesIn(absl::StrCat("[sheets.google]\napi_url = \"", url, "\"\n")),
                HasSubstr("sheets.google.api_url"))
        << url;
  }
}

TEST(CoordinatorConfigTest, TenantsHaveSharesAndLimits) {
  const auto config = ParseCoordinatorConfig(
      "[scheduler]\ntenant_items_running_max = 8\n[scheduler.tenants.acme]\nweight = 2.5\n"
      "[scheduler.tenants.initech]\nitems_running_max = 0\n",
      "c");
  ASSERT_TRUE(config.ok()) << config.status();
  const TenantShares& shares = config->backlog.scheduler.shares;
  EXPECT_EQ(shares.others.items_running_max, 8);
  EXPECT_EQ(shares.named.at("acme").weight, 2.5);
  EXPECT_EQ(shares.named.at("acme").items_running_max, 8) << "as for everybody";
  EXPECT_EQ(shares.named.at("initech").items_running_max, TenantShare().items_running_max);
  EXPECT_THAT(MistakesIn("[scheduler.tenants.acme]\nweight = 0.0\n"),
              HasSubstr("scheduler.tenants.acme.weight"));
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
                    HasSubstr("keys: API key 1: the digest must be 64 lower-case hex digits")));
}

TEST(CoordinatorConfigTest, WithTlsNodesMayDialInFromAnywhere) {
  const auto config = ParseCoordinatorConfig(absl::StrCat(R"(
[nodes]
address = "0.0.0.0:7600"
[nodes.tls]
cert_file = "/etc/c.crt"
key_file = "/etc/c.key"
client_ca_file = "/etc/nodes.crt"
refresh = "1m"
connection_age_max = "10m"
[nodes.tokens]
"box-7" = ")",
                                                          Sha256("token"),
                                                          "\"\n"),
                                             "c");
  ASSERT_TRUE(config.ok()) << config.status();
  const NodeServiceOptions& nodes = config->nodes;
  ASSERT_TRUE(nodes.tls.has_value());
  EXPECT_EQ(nodes.tls->cert_file, "/etc/c.crt");
  EXPECT_EQ(nodes.tls->key_file, "/etc/c.key");
  EXPECT_EQ(nodes.tls->client_ca_file, "/etc/nodes.crt");
  EXPECT_EQ(nodes.tls->refresh, absl::Minutes(1));
  EXPECT_EQ(nodes.tls->connection_age_max, absl::Minutes(10));
  EXPECT_EQ(nodes.tokens.at("box-7"), Sha256("token"));
}

TEST(CoordinatorConfigTest, HalfATlsIsNone) {
  EXPECT_THAT(MistakesIn("[nodes]\naddress = \"0.0.0.0:7600\"\n"),
              HasSubstr("for TLS give nodes.tls.cert_file"));
  EXPECT_THAT(MistakesIn("[nodes.tls]\ncert_file = \"/c.crt\"\n"),
              HasSubstr("nodes.tls.cert_file: goes with nodes.tls.key_file"));
  EXPECT_THAT(MistakesIn("[nodes.tls]\nclient_ca_file = \"/ca.crt\"\n"),
              HasSubstr("nodes.tls.cert_file: must be given"));
  EXPECT_THAT(MistakesIn("[nodes.tls]\ncert_file = \"/c.crt\"\nkey_file = \"/c.key\"\n"),
              HasSubstr("else anybody could be a node"));
}

TEST(CoordinatorConfigTest, ATokenBelongsToOneNode) {
  const std::string digest = Sha256("token");
  EXPECT_THAT(MistakesIn("[nodes.tokens]\na = \"token\"\n"),
              HasSubstr("node \"a\": a token's SHA-256 is 64 lower-case hex digits"));
  EXPECT_THAT(
      MistakesIn(absl::StrCat("[nodes.tokens]\na = \"", digest, "\"\nb = \"", digest, "\"\n")),
      HasSubstr("nodes \"a\" and \"b\" share a token"));
}

TEST(CoordinatorConfigTest, AnAddressForEveryInterfaceNeedsANameForClients) {
  EXPECT_THAT(MistakesIn("[http]\naddress = \"0.0.0.0\"\n"),
              HasSubstr("http.public_url: must be given"));
  EXPECT_EQ(MistakesIn("[http]\naddress = \"::\"\npublic_url = \"https://v.example\"\n"), "");
}

}  // namespace
}  // namespace rn
