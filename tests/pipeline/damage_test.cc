#include "pipeline/damage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rn {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr IntRect kWhole{0, 0, 1000, 500};

// Element e stands at (20 e, 0), 10 pixels square, and moves with its draw.
absl::StatusOr<IntRect> BoundsOf(const Draw& draw) {
  return IntRect{20 * draw.element + static_cast<int>(draw.dx), static_cast<int>(draw.dy), 10, 10};
}

// Nobody tells how much a wipe lets through.
IntRect RevealedBy(const Draw&) {
  return {};
}

Draw At(int element, double dx = 0) {
  return {.element = element, .dx = dx};
}

std::vector<IntRect> Damage(const DrawList& a, const DrawList& b) {
  const auto rects = DamageBetween(a, b, kWhole, BoundsOf, RevealedBy);
  EXPECT_TRUE(rects.ok()) << rects.status();
  return rects.value_or(std::vector<IntRect>{});
}

DrawList OneGroup(std::vector<Draw> draws) {
  return {{1, Rgba{}, std::move(draws)}};
}

TEST(DamageTest, LikeFramesHaveNone) {
  EXPECT_THAT(Damage(OneGroup({At(1), At(2)}), OneGroup({At(1), At(2)})), IsEmpty());
}

TEST(DamageTest, WhatMovesDamagesWhereItWasAndWhereItIs) {
  EXPECT_THAT(Damage(OneGroup({At(1), At(2)}), OneGroup({At(1), At(2, 100)})),
              UnorderedElementsAre(IntRect{40, 0, 10, 10}, IntRect{140, 0, 10, 10}));
}

TEST(DamageTest, WhatMovesALittleDamagesOneRectangleAroundBoth) {
  EXPECT_THAT(Damage(OneGroup({At(2)}), OneGroup({At(2, 4)})), ElementsAre(IntRect{40, 0, 14, 10}));
}

TEST(DamageTest, WhatComesOrGoesDamagesItsPlace) {
  EXPECT_THAT(Damage(OneGroup({At(1)}), OneGroup({At(1), At(3)})),
              ElementsAre(IntRect{60, 0, 10, 10}));
  EXPECT_THAT(Damage(OneGroup({At(1), At(3)}), OneGroup({At(1)})),
              ElementsAre(IntRect{60, 0, 10, 10}));
}

TEST(DamageTest, OpacityWordAndWindowEachMakeADifference) {
  Draw faded = At(1);
  faded.opacity = 0.5;
  Draw spoken = At(1);
  spoken.active_word = 3;
  Draw zoomed = At(1);
  zoomed.window.w = 0.9;
  for (const Draw& other : {faded, spoken, zoomed}) {
    EXPECT_THAT(Damage(OneGroup({At(1)}), OneGroup({other})), ElementsAre(IntRect{20, 0, 10, 10}));
  }
}

TEST(DamageTest, FadingGroupsDamageEverything) {
  DrawList a = OneGroup({At(1)});
  DrawList b = a;
  a.push_back({0.25, Rgba{}, {}});
  b.push_back({0.5, Rgba{}, {}});
  EXPECT_THAT(Damage(a, b), ElementsAre(kWhole));
  EXPECT_THAT(Damage(OneGroup({}), a), ElementsAre(kWhole));
  b[1].opacity = 0.25;
  b[1].background = Rgba{1, 2, 3};
  EXPECT_THAT(Damage(a, b), ElementsAre(kWhole));
}

TEST(DamageTest, WhatIsOffTheFrameDamagesNothing) {
  EXPECT_THAT(Damage(OneGroup({At(1, -500)}), OneGroup({At(1, -400)})), IsEmpty());
  EXPECT_THAT(Damage(OneGroup({At(1, -25)}), OneGroup({})), ElementsAre(IntRect{0, 0, 5, 10}));
}

TEST(DamageTest, ManyRectanglesBecomeTheOneAroundThem) {
  std::vector<Draw> draws;
  for (int i = 0; i < static_cast<int>(kDamageRectsMax); ++i) draws.push_back(At(i));
  EXPECT_THAT(Damage(OneGroup({}), OneGroup(draws)), SizeIs(kDamageRectsMax));
  draws.push_back(At(20));
  EXPECT_THAT(Damage(OneGroup({}), OneGroup(draws)), ElementsAre(IntRect{0, 0, 410, 10}));
}

TEST(DamageTest, RectanglesNeverOverlap) {
  std::vector<Draw> before;
  std::vector<Draw> after;
  for (int i = 0; i < 8; ++i) {
    before.push_back(At(i));
    after.push_back(At(i, i % 3 * 13));
  }
  const auto rects = Damage(OneGroup(before), OneGroup(after));
  for (std::size_t i = 0; i < rects.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_TRUE(Intersect(rects[i], rects[j]).empty());
  }
}

TEST(DamageTest, ErrorsOfTheBoundsComeThrough) {
  const auto rects = DamageBetween(
      OneGroup({At(1)}),
      OneGroup({}),
      kWhole,
      [](const Draw&) -> absl::StatusOr<IntRect> {
        return absl::InvalidArgumentError("undecodable");
      },
      RevealedBy);
  EXPECT_EQ(rects.status().message(), "undecodable");
}

}  // namespace
}  // namespace rn
