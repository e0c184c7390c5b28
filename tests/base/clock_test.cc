#include "base/clock.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"

namespace rn {
namespace {

TEST(ClockTest, TheMachineIsNeverAwakeForLongerThanItIsUp) {
  const Clock& clock = Clock::System();
  const absl::Duration awake = clock.Awake();
  EXPECT_GT(awake, absl::ZeroDuration());
  EXPECT_GE(clock.SinceBoot(), awake);
  EXPECT_GE(clock.Awake(), awake);
}

TEST(AnchoredClockTest, AJumpOfTheWallClockNeitherShortensNorLengthensAnything) {
  for (const absl::Duration jump : {absl::Hours(20000), -absl::Hours(20000)}) {
    FakeClock machine;
    const AnchoredClock clock(machine);
    const absl::Time before = clock.Now();
    EXPECT_EQ(before, machine.Now());
    machine.Advance(absl::Seconds(3));
    machine.JumpWallClock(jump);
    EXPECT_EQ(clock.Now() - before, absl::Seconds(3));
    machine.JumpWallClock(-jump);
    machine.Advance(absl::Seconds(4));
    EXPECT_EQ(clock.Now() - before, absl::Seconds(7));
  }
}

TEST(AnchoredClockTest, TheTimeThatTheMachineSleptCounts) {
  FakeClock machine;
  const AnchoredClock clock(machine);
  const absl::Time before = clock.Now();
  const absl::Duration awake = clock.Awake();
  machine.Suspend(absl::Hours(8));
  EXPECT_EQ(clock.Now() - before, absl::Hours(8));
  EXPECT_EQ(clock.Awake(), awake);
}

}  // namespace
}  // namespace rn
