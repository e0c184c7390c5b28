#include "daemon/profile_teller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace rn {
namespace {

using ::testing::ElementsAre;

rendernode::Usage UsageOf(std::uint32_t frames, double wall_s) {
  rendernode::Usage usage;
  usage.set_frames(frames);
  usage.set_wall_s(wall_s);
  return usage;
}

TEST(ProfileTeller, WhatIsKnownIsSaidUntilItWasHeardAndThenNoMore) {
  ProfileTeller teller;
  teller.OnSession();
  teller.OnFetched("spec", {7, 3});
  teller.OnRendered(UsageOf(300, 4));
  const auto first = teller.ToSay();
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->frames_per_second(), 75);
  EXPECT_THAT(first->job_specs(), ElementsAre("spec"));
  EXPECT_THAT(first->files(), ElementsAre(3U, 7U));
  teller.OnFailure();
  EXPECT_TRUE(teller.ToSay().has_value()) << "the Sync may have been lost";
  teller.OnAnswer({});
  EXPECT_FALSE(teller.ToSay().has_value());
  teller.OnFetched("spec", {3, 7});
  EXPECT_FALSE(teller.ToSay().has_value()) << "no news";
  teller.OnFetched("another", {});
  EXPECT_TRUE(teller.ToSay().has_value());
}

TEST(ProfileTeller, ACoordinatorThatForgotHearsItAgain) {
  ProfileTeller teller;
  ASSERT_TRUE(teller.ToSay().has_value());
  teller.OnAnswer({});
  ASSERT_FALSE(teller.ToSay().has_value());
  rendernode::SyncResponse restarted;
  restarted.set_profile_wanted(true);
  teller.OnAnswer(restarted);
  EXPECT_TRUE(teller.ToSay().has_value());
  teller.OnAnswer({});
  teller.OnSession();
  EXPECT_TRUE(teller.ToSay().has_value());
}

TEST(ProfileTeller, OnlyTheLatestAreNamed) {
  ProfileTeller teller;
  for (std::size_t i = 0; i < 2 * ProfileTeller::kFilesMax; ++i) {
    teller.OnFetched(absl::StrCat("spec", i), {i});
  }
  const auto profile = teller.ToSay();
  EXPECT_EQ(static_cast<std::size_t>(profile->job_specs_size()), ProfileTeller::kSpecsMax);
  EXPECT_EQ(static_cast<std::size_t>(profile->files_size()), ProfileTeller::kFilesMax);
  EXPECT_EQ(profile->files(0), ProfileTeller::kFilesMax);
}

}  // namespace
}  // namespace rn
