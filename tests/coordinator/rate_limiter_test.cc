#include "coordinator/rate_limiter.h"

#include <gtest/gtest.h>

namespace rn {
namespace {

constexpr absl::Duration kStart = absl::Seconds(1000);

TEST(RateLimiter, ABurstPassesThenTheRateRules) {
  RateLimiter limiter({.per_second = 10, .burst = 3});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(limiter.Take("a", kStart), absl::ZeroDuration());
  }
  EXPECT_EQ(limiter.Take("a", kStart), absl::Milliseconds(100));
  EXPECT_GT(limiter.Take("a", kStart + absl::Milliseconds(99)), absl::ZeroDuration());
  EXPECT_EQ(limiter.Take("a", kStart + absl::Milliseconds(101)), absl::ZeroDuration());
  EXPECT_GT(limiter.Take("a", kStart + absl::Milliseconds(101)), absl::ZeroDuration());
}

TEST(RateLimiter, AQuietTimeNeverEarnsMoreThanTheBurst) {
  RateLimiter limiter({.per_second = 10, .burst = 2});
  limiter.Take("a", kStart);
  const absl::Duration later = kStart + absl::Hours(24);
  EXPECT_EQ(limiter.Take("a", later), absl::ZeroDuration());
  EXPECT_EQ(limiter.Take("a", later), absl::ZeroDuration());
  EXPECT_GT(limiter.Take("a", later), absl::ZeroDuration());
}

TEST(RateLimiter, OneTenantsFloodLeavesAnotherAlone) {
  RateLimiter limiter({.per_second = 1, .burst = 1});
  EXPECT_EQ(limiter.Take("loud", kStart), absl::ZeroDuration());
  EXPECT_GT(limiter.Take("loud", kStart), absl::ZeroDuration());
  EXPECT_EQ(limiter.Take("quiet", kStart), absl::ZeroDuration());
}

TEST(RateLimiter, ARefusalShowsForAWhile) {
  RateLimiter limiter({.per_second = 1, .burst = 1, .flag_for = absl::Seconds(10)});
  EXPECT_FALSE(limiter.Limited("a", kStart));
  limiter.Take("a", kStart);
  EXPECT_FALSE(limiter.Limited("a", kStart)) << "nothing was refused";
  limiter.Take("a", kStart);
  EXPECT_TRUE(limiter.Limited("a", kStart + absl::Seconds(9)));
  EXPECT_FALSE(limiter.Limited("a", kStart + absl::Seconds(10)));
  EXPECT_FALSE(limiter.Limited("b", kStart));
}

TEST(RateLimiter, RefusedRequestsCostNothing) {
  RateLimiter limiter({.per_second = 1, .burst = 1});
  limiter.Take("a", kStart);
  for (int i = 0; i < 100; ++i) {
    EXPECT_GT(limiter.Take("a", kStart), absl::ZeroDuration());
  }
  EXPECT_EQ(limiter.Take("a", kStart + absl::Seconds(1)), absl::ZeroDuration());
}

TEST(RateLimiter, AnotherLimitRulesFromThenOn) {
  RateLimiter limiter({.per_second = 1, .burst = 100});
  limiter.Take("a", kStart);
  limiter.SetLimit({.per_second = 10, .burst = 1});
  EXPECT_EQ(limiter.Take("a", kStart), absl::ZeroDuration());
  EXPECT_EQ(limiter.Take("a", kStart), absl::Milliseconds(100)) << "what was saved up is gone";
}

}  // namespace
}  // namespace rn
