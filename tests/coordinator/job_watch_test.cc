#include "coordinator/job_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace rn {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using nlohmann::json;

class JobWatchTest : public ::testing::Test {
 protected:
  JobWatchTest() {
    job_.id = "job_1";
    job_.state = JobState::kPending;
    job_.items_total = 4;
    job_.created_at = job_.updated_at = kStart;
  }

  JobMessageContext Context() const {
    return {.public_url = url_, .urls = urls_, .now = kStart + passed_};
  }
  JobWatch Watch(const std::vector<Item>& ended = {}) const {
    return {job_, ended, absl::Seconds(1), Context(), passed_};
  }
  void Pass(absl::Duration time) {
    passed_ += time;
    job_.updated_at = kStart + passed_;
  }
  void Begin() {
    job_.state = JobState::kRunning;
    job_.started_at = kStart + passed_;
  }
  void EndAs(JobState state) {
    job_.state = state;
    job_.ended_at = kStart + passed_;
  }

  // An item that just ended, and the job's counts with it.
  Item Completed(std::uint32_t row, std::uint64_t fence = 1) {
    ++job_.items_completed;
    return Ended(row, fence, ItemState::kCompleted);
  }
  Item Failed(std::uint32_t row, std::uint64_t fence = 1) {
    ++job_.items_failed;
    Item item = Ended(row, fence, ItemState::kFailed);
    item.errors.push_back({rendernode::ITEM_ERROR_ASSET_DOWNLOAD_FAILED, "404"});
    job_.last_error = item.errors.back();
    return item;
  }

  static json Parsed(const JobMessage& message) { return json::parse(*message.text); }
  // What was told, as "job.progress" or "video.completed job_1-2".
  static std::vector<std::string> Told(const std::vector<JobMessage>& messages) {
    std::vector<std::string> told;
    for (const JobMessage& message : messages) {
      const json parsed = Parsed(message);
      const json& data = parsed["data"];
      told.push_back(parsed["type"].get<std::string>());
      if (data.contains("id")) {
        absl::StrAppend(&told.back(), " ", data["id"].get<std::string>());
      }
      if (data.contains("new_state")) {
        absl::StrAppend(&told.back(), " ", data["new_state"].get<std::string>());
      }
    }
    return told;
  }
  std::vector<JobMessage> Update(JobWatch& watch, const std::vector<Item>& ended = {}) {
    return watch.Update(job_, ended, Context(), passed_);
  }

  static constexpr absl::Time kStart = absl::FromUnixSeconds(1767225600);
  const std::string url_ = "https://farm";
  const ArtifactUrls urls_{url_};
  absl::Duration passed_ = absl::Hours(1);
  Job job_;

 private:
  Item Ended(std::uint32_t row, std::uint64_t fence, ItemState state) {
    job_.progress_items = static_cast<double>(job_.items_completed + job_.items_failed);
    Item item;
    item.id = absl::StrCat("job_1-", row);
    item.job_id = "job_1";
    item.row = row;
    item.fence = fence;
    item.state = state;
    item.updated_at = job_.updated_at = kStart + passed_;
    auto* video = item.result.emplace().add_artifacts();
    video->set_type(rendernode::Artifact::VIDEO);
    video->set_url(absl::StrCat("/artifacts/b/job_1/", item.id, "/1/video.mp4"));
    return item;
  }
};

TEST_F(JobWatchTest, WhoBeginsToWatchIsToldTheStateAndTheProgress) {
  Begin();
  Completed(1);
  const auto present = PresentState(job_, Context());
  EXPECT_EQ(Parsed(present[0]), json::parse(R"({"type": "job.state_changed",
                            "data": {"prior_state": null, "new_state": "running"}})"));
  EXPECT_EQ(Parsed(present[1]),
            json::parse(R"({"type": "job.progress", "data": {"percent_complete": 25.0,
                            "items_completed": 1, "items_failed": 0, "items_total": 4,
                            "eta_ms": 0, "rate_limited": false}})"));
}

TEST_F(JobWatchTest, NothingNewIsNothingTold) {
  Begin();
  JobWatch watch = Watch();
  Pass(absl::Minutes(1));
  EXPECT_THAT(Update(watch), IsEmpty());
}

TEST_F(JobWatchTest, AStateThatBeginsIsToldBeforeWhatHappensInIt) {
  JobWatch watch = Watch();
  Pass(absl::Seconds(2));
  Begin();
  const auto told = Update(watch, {Completed(1), Failed(2)});
  EXPECT_THAT(Told(told),
              ElementsAre("job.state_changed running",
                          "video.completed job_1-1",
                          "video.failed job_1-2",
                          "job.progress"));
  EXPECT_EQ(Parsed(told[0])["data"]["prior_state"], "pending");
  EXPECT_EQ(Parsed(told[1])["data"]["artifacts"][0]["url"],
            "https://farm/artifacts/b/job_1/job_1-1/1/video.mp4");
  EXPECT_EQ(Parsed(told[2])["data"]["errors"],
            json::parse(R"([{"error_code": "asset_download_failed", "error_message": "404"}])"));
}

TEST_F(JobWatchTest, AnEndIsToldLastAndWithItsSummary) {
  Begin();
  JobWatch watch = Watch();
  const std::vector<Item> ended = {Completed(1), Completed(2), Completed(3), Failed(4)};
  EndAs(JobState::kCompleted);
  const auto told = Update(watch, ended);
  EXPECT_THAT(Told(told),
              ElementsAre("video.completed job_1-1",
                          "video.completed job_1-2",
                          "video.completed job_1-3",
                          "video.failed job_1-4",
                          "job.progress",
                          "job.state_changed completed",
                          "job.completed"));
  const json end = Parsed(told.back())["data"];
  EXPECT_EQ(end["summary"],
            json::parse(R"({"items_completed": 3, "items_failed": 1, "items_total": 4})"));
  EXPECT_EQ(end["artifacts"][0]["url"], "https://farm/api/v1/bulk-jobs/job_1/report.csv");
}

TEST_F(JobWatchTest, AFailedJobSaysWhy) {
  Begin();
  JobWatch watch = Watch();
  const std::vector<Item> ended = {Failed(1)};
  EndAs(JobState::kFailed);
  const auto told = Update(watch, ended);
  EXPECT_THAT(
      Told(told),
      ElementsAre(
          "video.failed job_1-1", "job.progress", "job.state_changed failed", "job.failed"));
  EXPECT_EQ(Parsed(told[2])["data"]["reason"], "404");
  EXPECT_EQ(Parsed(told[3])["data"]["error_message"], "404");
}

TEST_F(JobWatchTest, ACanceledJobHasNoOtherEnd) {
  Begin();
  JobWatch watch = Watch();
  EndAs(JobState::kCanceled);
  const auto told = Update(watch);
  EXPECT_THAT(Told(told), ElementsAre("job.state_changed canceled"));
  EXPECT_EQ(Parsed(told[0])["data"]["reason"], "the job was canceled");
}

TEST_F(JobWatchTest, ProgressIsHeldBackForItsIntervalAndThenTold) {
  Begin();
  JobWatch watch = Watch();
  Pass(absl::Milliseconds(400));
  EXPECT_THAT(Told(Update(watch, {Completed(1)})), ElementsAre("video.completed job_1-1"));
  ASSERT_TRUE(watch.progress_due().has_value());
  EXPECT_EQ(*watch.progress_due(), passed_ + absl::Milliseconds(600));
  Pass(absl::Milliseconds(600));
  EXPECT_THAT(Told(Update(watch)), ElementsAre("job.progress"));
  EXPECT_FALSE(watch.progress_due().has_value());
}

TEST_F(JobWatchTest, ProgressSaysWhenItsTenantAsksTooOften) {
  Begin();
  JobWatch watch = Watch();
  Pass(absl::Seconds(2));
  JobMessageContext limited = Context();
  limited.rate_limited = true;
  const auto told = watch.Update(job_, {}, limited, passed_);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(Parsed(told[0])["data"]["rate_limited"], true);
}

TEST_F(JobWatchTest, WhenItWillBeDoneIsAsTheJobItselfSays) {
  Begin();
  JobWatch watch = Watch();
  Pass(absl::Seconds(2));
  JobMessageContext foretold = Context();
  foretold.forecast = Forecast{.left = absl::Seconds(42)};
  const auto told = watch.Update(job_, {Completed(1)}, foretold, passed_);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(Parsed(told[1])["data"]["eta_ms"], 42'000);
}

TEST_F(JobWatchTest, TheLastProgressIsNotHeldBack) {
  Begin();
  JobWatch watch = Watch();
  Pass(absl::Milliseconds(1));
  const std::vector<Item> ended = {Completed(1)};
  EndAs(JobState::kCompleted);
  const auto told = Update(watch, ended);
  EXPECT_EQ(Parsed(told[1])["data"]["percent_complete"], 100.0);
}

TEST_F(JobWatchTest, AnItemThatIsSeenAgainIsToldOnce) {
  Begin();
  const Item before = Completed(1);
  JobWatch watch = Watch({before});
  Pass(absl::Seconds(5));
  const Item after = Failed(2);
  EXPECT_THAT(Told(Update(watch, {before, after})),
              ElementsAre("video.failed job_1-2", "job.progress"));
  EXPECT_THAT(Update(watch, {before, after}), IsEmpty());
}

TEST_F(JobWatchTest, ARetriedItemIsToldAgainAndSoIsTheEnd) {
  Begin();
  const Item failed = Failed(1);
  EndAs(JobState::kFailed);
  JobWatch watch = Watch({failed});
  Pass(absl::Seconds(3));
  job_.items_failed = 0;
  const Item completed = Completed(1, /*fence=*/2);
  EndAs(JobState::kCompleted);  // All of it between two looks.
  EXPECT_THAT(Told(Update(watch, {completed})),
              ElementsAre("video.completed job_1-1",
                          "job.progress",
                          "job.state_changed completed",
                          "job.completed"));
}

TEST_F(JobWatchTest, ARetryThatFailsAgainBetweenTwoLooksEndsAgain) {
  Begin();
  const Item failed = Failed(1);
  EndAs(JobState::kFailed);
  JobWatch watch = Watch({failed});
  Pass(absl::Seconds(3));
  job_.items_failed = 0;
  const Item again = Failed(1, /*fence=*/2);
  EndAs(JobState::kFailed);
  EXPECT_TRUE(watch.Differs(job_));
  EXPECT_THAT(Told(Update(watch, {again})), ElementsAre("video.failed job_1-1", "job.failed"));
}

TEST_F(JobWatchTest, PauseAndResumeAreToldAsTheyHappen) {
  Begin();
  JobWatch watch = Watch();
  job_.state = JobState::kPaused;
  EXPECT_THAT(Told(Update(watch)), ElementsAre("job.state_changed paused"));
  job_.state = JobState::kRunning;
  EXPECT_THAT(Told(Update(watch)), ElementsAre("job.state_changed running"));
}

TEST_F(JobWatchTest, ATransactionThatShowsLateIsStillLookedFor) {
  Begin();
  JobWatch watch = Watch();
  const Item slow = Completed(1);  // Of this time, but not visible yet.
  Pass(absl::Seconds(4));
  EXPECT_THAT(Told(Update(watch, {Completed(2)})),
              ElementsAre("video.completed job_1-2", "job.progress"));
  EXPECT_LE(watch.ended_since(), slow.updated_at);
  EXPECT_THAT(Told(Update(watch, {slow})), ElementsAre("video.completed job_1-1"));
}

}  // namespace
}  // namespace rn
