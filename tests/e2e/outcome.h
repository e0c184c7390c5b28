// What became of a job, as clients see it and as the coordinators wrote it down.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "absl/time/time.h"
#include "base/file.h"
#include "tests/e2e/farm.h"

namespace rn {

// Once it has ended: every row completed, by one commit, of one attempt whose files are whole.
inline void ExpectEveryItemCompletedOnce(const Farm& farm,
                                         const std::string& job_id,
                                         int rows_total,
                                         absl::Duration timeout,
                                         int coordinator = 0) {
  ASSERT_TRUE(farm.WaitForJob(
      job_id,
      timeout,
      [](const nlohmann::json& job) {
        return job.at("state") == "completed" || job.at("state") == "failed";
      },
      coordinator));
  const auto job = farm.client(coordinator).GetJob(job_id);
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->at("state"), "completed");
  EXPECT_EQ(job->at("items_completed"), rows_total);
  EXPECT_EQ(job->at("items_failed"), 0);
  const auto videos = farm.client(coordinator).ListVideos(job_id);
  ASSERT_TRUE(videos.ok()) << videos.status();
  std::set<int> rows;
  for (const nlohmann::json& video : *videos) {
    EXPECT_EQ(video.at("state"), "completed") << video;
    rows.insert(video.at("row").get<int>());
    for (const nlohmann::json& artifact : video.at("artifacts")) {
      const auto digest = Sha256File(farm.FileOf(artifact));
      ASSERT_TRUE(digest.ok()) << digest.status();
      EXPECT_EQ(*digest, artifact.at("sha256"));
    }
  }
  EXPECT_EQ(rows.size(), static_cast<std::size_t>(rows_total));
  EXPECT_EQ(videos->size(), static_cast<std::size_t>(rows_total));
  for (const auto& [item, commits] : farm.Commits()) {
    EXPECT_EQ(commits, 1) << item << " was committed twice";
  }
}

}  // namespace rn
