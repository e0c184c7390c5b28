#include "coordinator/artifact_urls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "tests/fakes/fake_clock.h"

namespace rn {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ArtifactUrlsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = TempDir::Create("urls");
    ASSERT_TRUE(dir.ok()) << dir.status();
    dir_ = std::make_unique<TempDir>(*std::move(dir));
    item_.job_id = "job_1";
    item_.id = "job_1-2";
    s3_.account.endpoint = "https://s3.example";
    s3_.account.credentials.file = dir_->path() / "keys";
    s3_.valid_for = absl::Minutes(30);
    Keys("ID");
  }
  void Keys(const std::string& id) {
    ASSERT_TRUE(
        WriteFileDurably(
            s3_.account.credentials.file,
            absl::StrCat("[default]\naws_access_key_id = ", id, "\naws_secret_access_key = hush\n"))
            .ok());
  }
  std::string Of(const std::string& url) const {
    return ArtifactUrls("https://us", s3_, clock_).Of(item_, url);
  }

  mutable FakeClock clock_;
  std::unique_ptr<TempDir> dir_;
  S3Signing s3_;
  Item item_;
};

constexpr char kObject[] = "s3://videos/job_1/job_1-2/3/video.mp4";

TEST_F(ArtifactUrlsTest, OurOwnFilesAreUnderOurOwnName) {
  EXPECT_EQ(Of("/artifacts/b/job_1/job_1-2/3/video.mp4"),
            "https://us/artifacts/b/job_1/job_1-2/3/video.mp4");
  EXPECT_EQ(Of("https://cdn.example/video.mp4"), "https://cdn.example/video.mp4");
}

TEST_F(ArtifactUrlsTest, AnObjectInS3IsGivenOutForAWhile) {
  EXPECT_THAT(Of(kObject),
              AllOf(StartsWith("https://s3.example/videos/job_1/job_1-2/3/video.mp4?"),
                    HasSubstr("X-Amz-Credential=ID%2F"),
                    HasSubstr("X-Amz-Expires=1800"),
                    HasSubstr("X-Amz-Signature="),
                    Not(HasSubstr("hush"))));
}

TEST_F(ArtifactUrlsTest, ABucketMayBeAHost) {
  s3_.account.path_style = false;
  EXPECT_THAT(Of(kObject), StartsWith("https://videos.s3.example/job_1/job_1-2/3/video.mp4?"));
}

TEST_F(ArtifactUrlsTest, RotatedKeysSignWithoutARestart) {
  const ArtifactUrls urls("https://us", s3_, clock_);
  EXPECT_THAT(urls.Of(item_, kObject), HasSubstr("Credential=ID%2F"));
  Keys("NEW");
  EXPECT_THAT(urls.Of(item_, kObject), HasSubstr("Credential=NEW%2F"));
}

// A node reports its artifacts' URLs; it must not have us sign what it could not read itself.
TEST_F(ArtifactUrlsTest, NobodysObjectButTheItemsOwnIsSigned) {
  for (const char* url : {"s3://videos/job_1/job_1-3/1/video.mp4",
                          "s3://private/backup.tar",
                          "s3://videos/job_1/job_1-22/1/video.mp4",
                          "s3://job_1"}) {
    EXPECT_EQ(Of(url), url);
  }
}

TEST_F(ArtifactUrlsTest, WithoutKeysTheObjectIsNamedAsItIs) {
  EXPECT_EQ(ArtifactUrls("https://us").Of(item_, kObject), kObject);
  std::filesystem::remove(s3_.account.credentials.file);
  EXPECT_EQ(Of(kObject), kObject);
}

}  // namespace
}  // namespace rn
