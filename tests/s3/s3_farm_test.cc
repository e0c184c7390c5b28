// A whole farm that puts its videos into a real S3 server, and clients that fetch them from there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "daemon/fetcher.h"
#include "tests/e2e/farm.h"
#include "tests/s3/s3_server.h"

namespace rn {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int kRows = 4;
constexpr absl::Duration kJobTimeout = absl::Seconds(180);
constexpr std::int64_t kArtifactBytesMax = 64 << 20;

class S3FarmTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = TempDir::Create("s3farm");
    ASSERT_TRUE(dir.ok()) << dir.status();
    dir_ = std::make_unique<TempDir>(*std::move(dir));
    server_ = std::make_unique<S3Server>(dir_->path());
  }
  void TearDown() override {
    if (HasFailure() && farm_ != nullptr) {
      std::printf("%s\n", farm_->Logs().c_str());
    }
  }

  void StartFarm() {
    const S3StoreOptions s3 = server_->Options();
    const std::string account = absl::StrCat("endpoint = \"",
                                             server_->endpoint(),
                                             "\"\ncredentials_file = \"",
                                             s3.client.account.credentials.file.string(),
                                             "\"\n");
    auto farm = Farm::Create(
        {.store = absl::StrCat("[store]\nkind = \"s3\"\nprobe_interval = \"1s\"\n",
                               "retry_min = \"50ms\"\nretry_max = \"500ms\"\n[store.s3]\n",
                               account,
                               "attempts_max = 2\nretry_min = \"20ms\"\nretry_max = \"200ms\"\n"),
         .coordinator_config = absl::StrCat("[s3]\nsign = true\n", account)});
    ASSERT_TRUE(farm.ok()) << farm.status();
    farm_ = *std::move(farm);
    std::vector<std::array<std::string, 3>> rows;
    for (int i = 1; i <= kRows; ++i) {
      rows.push_back({absl::StrCat("Video ", i), absl::StrCat("Number ", i, "."), "speaker.jpg"});
    }
    farm_->WriteSheet("s3", rows);
  }

  void Submit() {
    const auto job = farm_->Submit("s3", "S3");
    ASSERT_TRUE(job.ok()) << job.status() << farm_->Logs();
    job_ = *job;
  }

  bool Ended() {
    return farm_->WaitForJob(job_, kJobTimeout, [](const json& job) {
      return job.at("state") == "completed" || job.at("state") == "failed";
    });
  }

  // As a client does it that has no keys: every artifact of every row.
  void ExpectEveryArtifactCanBeFetched() {
    auto fetcher = Fetcher::Create({.allow_private = {"127.0.0.1"}}, Clock::System());
    ASSERT_TRUE(fetcher.ok());
    const auto videos = farm_->client().ListVideos(job_);
    ASSERT_TRUE(videos.ok()) << videos.status();
    ASSERT_EQ(videos->size(), static_cast<std::size_t>(kRows));
    for (const json& video : *videos) {
      ASSERT_EQ(video.at("state"), "completed") << video;
      for (const json& artifact : video.at("artifacts")) {
        const std::string url = artifact.at("url");
        EXPECT_THAT(
            url,
            AllOf(StartsWith(server_->endpoint() + "/videos/"), HasSubstr("X-Amz-Signature=")));
        const std::filesystem::path to = dir_->path() / "fetched";
        const auto download =
            (*fetcher)->Fetch({.url = url, .bytes_max = kArtifactBytesMax, .to = to}, {});
        ASSERT_TRUE(download.ok()) << download.status();
        EXPECT_EQ(download->sha256, artifact.at("sha256"));
        std::filesystem::remove(to);
      }
    }
  }

  std::unique_ptr<TempDir> dir_;
  std::unique_ptr<S3Server> server_;
  std::unique_ptr<Farm> farm_;
  std::string job_;
};

TEST_F(S3FarmTest, EveryVideoIsInS3AndIsFetchedUnderAUrlOfItsOwn) {
  StartFarm();
  Submit();
  ASSERT_TRUE(Ended());
  ExpectEveryArtifactCanBeFetched();
}

TEST_F(S3FarmTest, AServerThatIsAwayCostsNoVideo) {
  StartFarm();
  Submit();
  ASSERT_TRUE(farm_->WaitForJob(job_, kJobTimeout, [](const json& job) {
    return job.at("items_completed").get<int>() >= 1;
  }));
  server_->Kill();
  ASSERT_TRUE(farm_->WaitUntil(
      kJobTimeout, [&] { return absl::StrContains(farm_->Logs(), "Couldn't connect to server"); }));
  server_->Start();
  ASSERT_TRUE(Ended());
  ExpectEveryArtifactCanBeFetched();
}

}  // namespace
}  // namespace rn
