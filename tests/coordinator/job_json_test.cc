#include "coordinator/job_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace rn {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixMillis(1'700'000'000'007);

Job RunningJob() {
  Job job;
  job.id = "job_01HABCDEF";
  job.title = "Launch";
  job.state = JobState::kRunning;
  job.items_total = 8;
  job.items_completed = 2;
  job.progress_items = 2.5;
  job.created_at = kNow - absl::Minutes(7);
  job.started_at = kNow - absl::Minutes(5);
  job.updated_at = kNow;
  return job;
}

Item CompletedItem() {
  Item item;
  item.id = "job_1-2";
  item.row = 2;
  item.state = ItemState::kCompleted;
  item.errors = {{rendernode::ITEM_ERROR_ASSET_DOWNLOAD_FAILED, "503"}};
  item.result.emplace();
  auto* video = item.result->add_artifacts();
  video->set_type(rendernode::Artifact::VIDEO);
  video->set_url("/artifacts/b/job_1/job_1-2/3/video.mp4");
  video->set_format("mp4");
  video->set_bytes(1234);
  auto* captions = item.result->add_artifacts();
  captions->set_type(rendernode::Artifact::CAPTIONS);
  captions->set_url("https://cdn.example/captions.srt");
  auto* preview = item.result->add_artifacts();
  preview->set_type(rendernode::Artifact::PREVIEW);
  preview->set_url("/artifacts/b/job_1/job_1-2/3/preview.jpg");
  item.result->mutable_usage()->set_wall_s(2.5);
  item.result->mutable_usage()->set_media_s(10);
  item.result->mutable_usage()->set_encoder("libx264");
  item.updated_at = kNow;
  return item;
}

json Plain(const nlohmann::ordered_json& value) {
  return json::parse(value.dump());
}

TEST(JobJson, ARunningJobShowsItsProgressAndWhenItWillEnd) {
  const json job = Plain(JobJson(RunningJob(), kNow, "https://us"));
  EXPECT_EQ(job["state"], "running");
  EXPECT_EQ(job["percent_complete"], 31.2);
  EXPECT_EQ(job["eta_ms"], 660'000) << "2.5 of 8 took 5 minutes";
  EXPECT_EQ(job["rate_limited"], false);
  EXPECT_EQ(job["last_error"], nullptr);
  EXPECT_EQ(job["artifacts"], json::array());
  EXPECT_EQ(job["updated_at"], "2023-11-14T22:13:20.007Z");
}

TEST(JobJson, OnlyAJobThatIsNotOverIsHeldUpByItsTenantsHaste) {
  Job job = RunningJob();
  EXPECT_EQ(Plain(JobJson(job, kNow, "https://us", /*rate_limited=*/true))["rate_limited"], true);
  job.state = JobState::kCompleted;
  EXPECT_EQ(Plain(JobJson(job, kNow, "https://us", /*rate_limited=*/true))["rate_limited"], false);
}

TEST(JobJson, TimesHaveThreeDigitsEvenWhenTheyAreZero) {
  EXPECT_EQ(ApiTime(absl::FromUnixSeconds(1'700'000'000)), "2023-11-14T22:13:20.000Z");
}

TEST(JobJson, NothingIsForetoldOfAJobThatDoesNotMove) {
  Job job = RunningJob();
  job.state = JobState::kPaused;
  EXPECT_EQ(JobJson(job, kNow, "")["eta_ms"], nullptr);
  job.state = JobState::kRunning;
  job.progress_items = 0;
  EXPECT_EQ(JobJson(job, kNow, "")["eta_ms"], nullptr);
}

TEST(JobJson, TheSchedulersForecastGoesBeforeThePaceSoFar) {
  Job job = RunningJob();
  job.deadline_at = kNow + absl::Minutes(2);
  json shown = Plain(JobJson(job, kNow, "", false, Forecast{.left = absl::Seconds(90)}));
  EXPECT_EQ(shown["eta_ms"], 90'000);
  EXPECT_EQ(shown["deadline_risk"], nullptr);
  shown = Plain(JobJson(
      job, kNow, "", false, Forecast{.left = absl::Seconds(150), .delay = Delay::kTenantShare}));
  EXPECT_EQ(shown["deadline_risk"]["code"], "tenant_share");
  EXPECT_THAT(std::string(shown["deadline_risk"]["message"]), HasSubstr("30s after its deadline"));
  job.state = JobState::kCompleted;
  EXPECT_EQ(JobJson(job, kNow, "", false, Forecast{.left = absl::Hours(1)})["eta_ms"], nullptr);
}

TEST(JobJson, AJobThatWillMissItsDeadlineSaysSo) {
  Job job = RunningJob();
  job.deadline_at = kNow + absl::Minutes(10);
  EXPECT_EQ(JobJson(job, kNow, "")["deadline_risk"]["code"], "pace") << "11 minutes are left";
  job.deadline_at = kNow + absl::Minutes(12);
  EXPECT_EQ(JobJson(job, kNow, "")["deadline_risk"], nullptr);
  const json waiting = Plain(
      JobJson(job, kNow, "", false, Forecast{.left = std::nullopt, .delay = Delay::kNoNodes}));
  EXPECT_EQ(waiting["eta_ms"], nullptr);
  EXPECT_EQ(waiting["deadline_risk"]["code"], "no_nodes");
}

TEST(JobJson, AnEndedJobOffersItsReports) {
  Job job = RunningJob();
  job.state = JobState::kCompleted;
  const json artifacts = Plain(JobJson(job, kNow, "https://us"))["artifacts"];
  ASSERT_EQ(artifacts.size(), 2u);
  EXPECT_EQ(artifacts[0]["type"], "report");
  EXPECT_EQ(artifacts[0]["url"], "https://us/api/v1/bulk-jobs/job_01HABCDEF/report.csv");
  EXPECT_EQ(JobJson(job, kNow, "")["percent_complete"], 100.0);
}

TEST(JobJson, AFailedOrCanceledJobAlwaysHasALastError) {
  Job job = RunningJob();
  job.state = JobState::kFailed;
  job.last_error = ItemError{rendernode::ITEM_ERROR_QUOTA_EXCEEDED, "bucket full"};
  EXPECT_EQ(JobJson(job, kNow, "")["last_error"]["code"], "quota_exceeded");
  job.state = JobState::kCanceled;
  EXPECT_EQ(JobJson(job, kNow, "")["last_error"]["code"], "canceled");
}

TEST(JobJson, ACompletedVideoHasArtifactsAndUsageAndNoErrors) {
  const json video = Plain(VideoJson(CompletedItem(), ArtifactUrls("https://us")));
  EXPECT_EQ(video["state"], "completed");
  EXPECT_EQ(video["artifacts"][0]["type"], "video");
  EXPECT_EQ(video["artifacts"][0]["url"], "https://us/artifacts/b/job_1/job_1-2/3/video.mp4");
  EXPECT_EQ(video["artifacts"][1]["url"], "https://cdn.example/captions.srt");
  EXPECT_EQ(video["artifacts"][2]["type"], "preview");
  EXPECT_EQ(video["errors"], json::array());
  EXPECT_EQ(video["progress"]["percent_complete"], 100.0);
  EXPECT_EQ(
      video["usage"],
      (json{{"render_s", 2.5}, {"encoder", "libx264"}, {"media_s", 10.0}, {"x_realtime", 4.0}}));
}

TEST(JobJson, AVideoUnderWayShowsItsPhase) {
  Item item;
  item.state = ItemState::kLeased;
  item.phase = rendernode::RENDERING;
  item.progress_permille = 425;
  const json video = Plain(VideoJson(item, ArtifactUrls("")));
  EXPECT_EQ(video["state"], "running");
  EXPECT_EQ(video["progress"],
            (json{{"phase", "rendering"}, {"permille", 425}, {"percent_complete", 42.5}}));
  EXPECT_EQ(video["usage"], nullptr);
}

TEST(JobJson, AFailedVideoNamesEveryAttemptsError) {
  Item item;
  item.state = ItemState::kFailed;
  item.errors = {{rendernode::ITEM_ERROR_ASSET_DOWNLOAD_FAILED, "503"},
                 {rendernode::ITEM_ERROR_ASSET_DOWNLOAD_FAILED, "404"}};
  const json errors = Plain(VideoJson(item, ArtifactUrls("")))["errors"];
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_EQ(errors[1]["error_code"], "asset_download_failed");
  EXPECT_EQ(errors[1]["error_message"], "404");
}

TEST(JobJson, TheReportQuotesCellsAndDefusesFormulas) {
  Item failed;
  failed.id = "job_1-3";
  failed.row = 3;
  failed.state = ItemState::kFailed;
  failed.errors = {{rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR, "=1+1, \"bad\""}};
  const std::string csv = ReportCsv({CompletedItem(), failed}, ArtifactUrls("https://us"));
  EXPECT_THAT(csv, HasSubstr("\r\n2,job_1-2,completed,,,https://us/artifacts/b/"));
  EXPECT_THAT(csv,
              HasSubstr(",https://cdn.example/captions.srt,"
                        "https://us/artifacts/b/job_1/job_1-2/3/preview.jpg,10,2.5\r\n"));
  EXPECT_THAT(csv, HasSubstr("3,job_1-3,failed,template_render_error,\"'=1+1, \"\"bad\"\"\""));
}

}  // namespace
}  // namespace rn
