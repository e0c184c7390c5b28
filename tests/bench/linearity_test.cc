#include "bench/linearity.h"

#include <gtest/gtest.h>

namespace rn {
namespace {

TEST(LinearityTest, APriceToStartWithIsStillALine) {
  const std::vector<Point> points = {{1, 3}, {10, 12}, {100, 102}};
  EXPECT_NEAR(FitLine(points).slope, 1, 1e-9);
  EXPECT_NEAR(FitLine(points).start, 2, 1e-9);
  EXPECT_NEAR(DepartureFromLine(points), 0, 1e-9);
}

TEST(LinearityTest, GrowthWithTheSquareIsFarFromALine) {
  EXPECT_GT(DepartureFromLine({{1, 1}, {2, 4}, {4, 16}, {8, 64}}), 30);
}

// A small size counts as much as a large one.
TEST(LinearityTest, DepartureIsAShareOfEachPoint) {
  EXPECT_GT(DepartureFromLine({{1, 1.2}, {2, 2}, {3, 3}, {1000, 1000}}), 4);
}

}  // namespace
}  // namespace rn
