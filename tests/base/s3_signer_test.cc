// The examples that Amazon publishes with the definition of Signature Version 4 for S3:
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
#include "base/s3_signer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.h"

namespace rn {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

const S3Credentials kKeys = {.key_id = "AKIAIOSFODNN7EXAMPLE",
                             .secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
constexpr char kRegion[] = "us-east-1";
constexpr char kHost[] = "examplebucket.s3.amazonaws.com";
const absl::Time kThen = absl::FromCivil(absl::CivilDay(2013, 5, 24), absl::UTCTimeZone());

std::string AuthorizationOf(const S3Request& request, const S3Credentials& keys = kKeys) {
  for (const auto& [name, value] : SignedHeaders(request, keys, kRegion, kThen)) {
    if (name == "Authorization") {
      return value;
    }
  }
  return "";
}

TEST(S3Signer, AGetOfARange) {
  EXPECT_EQ(AuthorizationOf({.method = "GET",
                             .host = kHost,
                             .path = "/test.txt",
                             .headers = {{"Range", "bytes=0-9"}},
                             .payload_sha256 = Sha256("")}),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(S3Signer, APutWhosePathNeedsEncoding) {
  EXPECT_THAT(
      AuthorizationOf({.method = "PUT",
                       .host = kHost,
                       .path = "/test$file.text",
                       .headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                                   {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                       .payload_sha256 = Sha256("Welcome to Amazon S3.")}),
      EndsWith("SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,"
               "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));
}

TEST(S3Signer, AQueryWithoutAValue) {
  EXPECT_THAT(AuthorizationOf({.method = "GET",
                               .host = kHost,
                               .path = "/",
                               .query = {{"lifecycle", ""}},
                               .payload_sha256 = Sha256("")}),
              EndsWith("fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));
}

TEST(S3Signer, AListInAnyOrderOfItsQuery) {
  EXPECT_THAT(AuthorizationOf({.method = "GET",
                               .host = kHost,
                               .path = "/",
                               .query = {{"prefix", "J"}, {"max-keys", "2"}},
                               .payload_sha256 = Sha256("")}),
              EndsWith("34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

TEST(S3Signer, APresignedGet) {
  EXPECT_EQ(PresignedQuery({.method = "GET", .host = kHost, .path = "/test.txt"},
                           kKeys,
                           kRegion,
                           kThen,
                           absl::Hours(24)),
            "X-Amz-Algorithm=AWS4-HMAC-SHA256"
            "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
            "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
            "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

// No published example; the rule is that the method is signed.
TEST(S3Signer, APresignedPutIsAnotherSignatureThanAGet) {
  const auto query = [](const char* method) {
    return PresignedQuery({.method = method, .host = kHost, .path = "/test.txt"},
                          kKeys,
                          kRegion,
                          kThen,
                          absl::Hours(24));
  };
  EXPECT_NE(query("PUT"), query("GET"));
}

TEST(S3Signer, TemporaryKeysSendTheirTokenSigned) {
  S3Credentials keys = kKeys;
  keys.session_token = "token";
  const S3Request request = {.method = "GET", .host = kHost, .path = "/"};
  EXPECT_THAT(SignedHeaders(request, keys, kRegion, kThen),
              Contains(Pair("X-Amz-Security-Token", "token")));
  EXPECT_THAT(AuthorizationOf(request, keys), HasSubstr("x-amz-date;x-amz-security-token,"));
  EXPECT_THAT(PresignedQuery(request, keys, kRegion, kThen, absl::Hours(1)),
              HasSubstr("&X-Amz-Security-Token=token&"));
}

TEST(S3Signer, ASecretIsNeverSent) {
  const S3Request request = {.method = "GET", .host = kHost, .path = "/"};
  EXPECT_THAT(AuthorizationOf(request), Not(HasSubstr(kKeys.secret)));
}

// ---------------------------------------------------------------- where the keys come from

class S3CredentialsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = TempDir::Create("keys");
    ASSERT_TRUE(dir.ok()) << dir.status();
    dir_ = std::make_unique<TempDir>(*std::move(dir));
  }
  S3CredentialsSource File(const std::string& text) {
    const S3CredentialsSource source{.file = dir_->path() / "credentials", .profile = "farm"};
    EXPECT_TRUE(WriteFileDurably(source.file, text).ok());
    return source;
  }
  std::unique_ptr<TempDir> dir_;
};

TEST_F(S3CredentialsTest, AProfileOfAFile) {
  const auto keys = ReadS3Credentials(
      File("[default]\naws_access_key_id = other\n# mine\n[farm]\naws_access_key_id = id\n"
           "aws_secret_access_key=a=b/c\naws_session_token = t\n[last]\naws_access_key_id=x\n"));
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(keys->key_id, "id");
  EXPECT_EQ(keys->secret, "a=b/c");
  EXPECT_EQ(keys->session_token, "t");
}

TEST_F(S3CredentialsTest, WhatIsMissingIsNamedAndNoSecretIs) {
  const absl::Status status =
      ReadS3Credentials(File("[farm]\naws_secret_access_key = hush\n")).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("has no aws_access_key_id in [farm]"), Not(HasSubstr("hush"))));
}

TEST_F(S3CredentialsTest, WithoutAFileTheEnvironment) {
  setenv("AWS_ACCESS_KEY_ID", "id", 1);
  setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
  EXPECT_EQ(ReadS3Credentials({})->key_id, "id");
  unsetenv("AWS_SECRET_ACCESS_KEY");
  EXPECT_THAT(std::string(ReadS3Credentials({}).status().message()),
              HasSubstr("AWS_SECRET_ACCESS_KEY is not in the environment"));
  unsetenv("AWS_ACCESS_KEY_ID");
}

}  // namespace
}  // namespace rn
