#include "base/redact.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rn {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Redact, TextWithoutSecretsStaysAsItIs) {
  const std::string text =
      "fetch failed item=job_1-2 url=https://cdn.example/a.jpg error=\"404 \"not\" found\"";
  EXPECT_EQ(Redacted(text), text);
}

TEST(Redact, KeysGoWhetherWholeOrCutOff) {
  EXPECT_EQ(Redacted("a\n-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\nb"),
            "a\n(removed)\nb");
  EXPECT_EQ(Redacted("a -----BEGIN EC PRIVATE KEY-----\nMIGH"), "a (removed)");
}

TEST(Redact, CredentialsOfHeadersGo) {
  EXPECT_EQ(Redacted("authorization: Bearer abc.def/+= next"),
            "authorization: Bearer (removed) next");
  EXPECT_EQ(Redacted("\"basic dXNlcjpw\""), "\"basic (removed)\"");
}

TEST(Redact, UrlsLoseUsersAndQueries) {
  EXPECT_EQ(Redacted("url=https://me:hunter2@s3.example/b/k?X-Amz-Signature=abc&x=1 then"),
            "url=https://(removed)@s3.example/b/k?(removed) then");
  EXPECT_EQ(Redacted("s3://b/user@home"), "s3://b/user@home");
  EXPECT_EQ(Redacted("http://a:p@ss@host/x"), "http://(removed)@host/x");
}

TEST(Redact, AConfigurationKeepsPathsAndLosesSecrets) {
  const auto clean = RedactedConfig({
      {"coordinator.token_file", "\"/etc/node.token\""},
      {"store.secret_access_key", "\"hunter2\""},
      {"speech.engines.x.api_key", "\"hunter2\""},
      {"worker.environment", R"("PATH=/bin","PIN=hun\"ter2","EMPTY=")"},
      {"speech.engines.x.command", R"("/bin/x","--api-key","hunter2","--token=hunter2","-v")"},
      {"speech.engines.x.url", "\"http://me:hunter2@127.0.0.1/v1\""},
      {"node.slots", "4"},
  });
  EXPECT_EQ(clean.at("coordinator.token_file"), "\"/etc/node.token\"");
  EXPECT_EQ(clean.at("node.slots"), "4");
  EXPECT_EQ(clean.at("worker.environment"),
            "\"PATH=(removed)\",\"PIN=(removed)\",\"EMPTY=(removed)\"");
  EXPECT_EQ(clean.at("speech.engines.x.command"),
            "\"/bin/x\",\"--api-key\",\"(removed)\",\"--token=(removed)\",\"-v\"");
  for (const auto& [key, value] : clean) {
    EXPECT_THAT(value, Not(HasSubstr("ter2"))) << key;
  }
}

}  // namespace
}  // namespace rn
