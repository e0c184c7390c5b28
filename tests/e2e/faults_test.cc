// kill -9 of worker, daemon and coordinator in mid-job: every item is completed once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "absl/strings/str_cat.h"
#include "tests/e2e/farm.h"
#include "tests/e2e/outcome.h"

namespace rn {
namespace {

using nlohmann::json;

constexpr int kRows = 18;
constexpr absl::Duration kJobTimeout = absl::Seconds(120);

class FaultsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto farm = Farm::Create();
    ASSERT_TRUE(farm.ok()) << farm.status();
    farm_ = *std::move(farm);
    std::vector<std::array<std::string, 3>> rows;
    for (int i = 1; i <= kRows; ++i) {
      rows.push_back({absl::StrCat("Video ", i),
                      absl::StrCat("This is the narration of number ", i, "."),
                      kImage});
    }
    farm_->WriteSheet("faults", rows);
    const auto job = farm_->Submit("faults", "Faults");
    ASSERT_TRUE(job.ok()) << job.status() << farm_->Logs();
    job_ = *job;
  }

  void TearDown() override {
    if (HasFailure() && farm_ != nullptr) {
      std::printf("%s\n", farm_->Logs().c_str());
    }
  }

  bool WaitForCompleted(int items) {
    return farm_->WaitForJob(job_, kJobTimeout, [&](const json& job) {
      return job.at("items_completed").get<int>() >= items;
    });
  }

  void ExpectEveryItemCompletedOnce() {
    rn::ExpectEveryItemCompletedOnce(*farm_, job_, kRows, kJobTimeout);
  }

  static constexpr char kImage[] = "speaker.jpg";
  std::unique_ptr<Farm> farm_;
  std::string job_;
};

TEST_F(FaultsTest, KilledWorkerCostsOneAttemptAndNoItem) {
  ASSERT_TRUE(WaitForCompleted(2));
  const std::vector<pid_t> workers = farm_->WorkerPids();
  ASSERT_FALSE(workers.empty());
  for (const pid_t pid : workers) {
    kill(pid, SIGKILL);
  }
  ExpectEveryItemCompletedOnce();
}

TEST_F(FaultsTest, KilledDaemonComesBackToItsLeasesAndLeavesNoWorkerBehind) {
  ASSERT_TRUE(WaitForCompleted(2));
  const std::vector<pid_t> workers = farm_->WorkerPids();
  farm_->KillNode();
  EXPECT_TRUE(farm_->WaitUntil(absl::Seconds(2), [&] {
    return std::none_of(
        workers.begin(), workers.end(), [](pid_t pid) { return kill(pid, 0) == 0; });
  }));
  ASSERT_TRUE(farm_->StartNode().ok());
  ExpectEveryItemCompletedOnce();
}

TEST_F(FaultsTest, KilledCoordinatorForgetsNothing) {
  ASSERT_TRUE(WaitForCompleted(2));
  farm_->KillCoordinator();
  ASSERT_TRUE(farm_->StartCoordinator().ok());
  ExpectEveryItemCompletedOnce();
}

TEST_F(FaultsTest, OneAfterTheOtherInOneJob) {
  ASSERT_TRUE(WaitForCompleted(2));
  for (const pid_t pid : farm_->WorkerPids()) {
    kill(pid, SIGKILL);
  }
  ASSERT_TRUE(WaitForCompleted(5));
  farm_->KillNode();
  ASSERT_TRUE(farm_->StartNode().ok());
  ASSERT_TRUE(WaitForCompleted(8));
  farm_->KillCoordinator();
  ASSERT_TRUE(farm_->StartCoordinator().ok());
  ASSERT_TRUE(WaitForCompleted(11));
  farm_->KillNode();
  farm_->KillCoordinator();
  ASSERT_TRUE(farm_->StartCoordinator().ok());
  ASSERT_TRUE(farm_->StartNode().ok());
  ExpectEveryItemCompletedOnce();
}

TEST_F(FaultsTest, DrainFinishesWhatRunsAndHandsTheRestBack) {
  ASSERT_TRUE(WaitForCompleted(2));
  const auto node = farm_->StopNode();
  ASSERT_TRUE(node.ok()) << node.status();
  EXPECT_EQ(node->exit_code, 0) << node->ToString();
  const auto job = farm_->client().GetJob(job_);
  ASSERT_TRUE(job.ok());
  EXPECT_EQ(job->at("items_failed"), 0);
  EXPECT_LT(job->at("items_completed"), kRows);
  ASSERT_TRUE(farm_->StartNode().ok());
  ExpectEveryItemCompletedOnce();
  const auto coordinator = farm_->StopCoordinator();
  ASSERT_TRUE(coordinator.ok()) << coordinator.status();
  EXPECT_EQ(coordinator->exit_code, 0) << coordinator->ToString();
}

}  // namespace
}  // namespace rn
