#include "pipeline/caption_track.h"

#include <gtest/gtest.h>

#include <set>
#include <tuple>

namespace rn {
namespace {

// "go on" from 1 s to 2.5 s: "go" is spoken for 0.4 s, "on" from 1.5 s on for 0.4 s.
CaptionTrack TrackOf(CaptionEffect effect) {
  CaptionSpec spec;
  spec.effect = effect;
  CaptionPage page;
  page.begin = absl::Seconds(1);
  page.end = absl::Milliseconds(2500);
  page.words = {{"go", 1, 3, absl::Seconds(1), absl::Milliseconds(1400)},
                {"on", 4, 6, absl::Milliseconds(1500), absl::Milliseconds(1900)}};
  return {spec, {page}, {50, 1}};
}

Draw At(const CaptionTrack& track, std::int64_t n) {
  Draw draw;
  EXPECT_TRUE(track.TurnTo(n, &draw)) << n;
  return draw;
}

std::size_t DifferentFrames(CaptionEffect effect) {
  const CaptionTrack track = TrackOf(effect);
  std::set<std::tuple<int, double>> seen;
  for (std::int64_t n = 50; n < 125; ++n) {
    const Draw draw = At(track, n);
    seen.insert({draw.active_word, draw.word_phase});
  }
  return seen.size();
}

TEST(CaptionTrackTest, PageIsOnScreenForItsTime) {
  const CaptionTrack track = TrackOf(CaptionEffect::kNone);
  Draw draw;
  EXPECT_FALSE(track.TurnTo(49, &draw));
  EXPECT_TRUE(track.TurnTo(50, &draw));
  EXPECT_EQ(draw.page, 0);
  EXPECT_TRUE(track.TurnTo(124, &draw));
  EXPECT_FALSE(track.TurnTo(125, &draw));
}

TEST(CaptionTrackTest, WordsAreActiveFromTheirBeginningToTheNextOnes) {
  const CaptionTrack track = TrackOf(CaptionEffect::kKaraoke);
  EXPECT_EQ(At(track, 50).active_word, 0);
  EXPECT_EQ(At(track, 50).word_phase, 0);
  EXPECT_DOUBLE_EQ(At(track, 60).word_phase, 0.5);
  EXPECT_EQ(At(track, 72).word_phase, 1);  // Silence: sung, and the next has not begun.
  EXPECT_EQ(At(track, 74).active_word, 0);
  EXPECT_EQ(At(track, 75).active_word, 1);
  EXPECT_EQ(At(track, 120).word_phase, 1);
}

TEST(CaptionTrackTest, FramesDifferOnlyWhereTheEffectShowsIt) {
  EXPECT_EQ(DifferentFrames(CaptionEffect::kNone), 1U);
  EXPECT_EQ(DifferentFrames(CaptionEffect::kHighlight), 2U);
  EXPECT_EQ(DifferentFrames(CaptionEffect::kTypewriter), 4U);  // One for each letter.
  EXPECT_EQ(DifferentFrames(CaptionEffect::kPop), 2U * 15);    // 0.7 × 20 frames, and at rest.
  EXPECT_EQ(DifferentFrames(CaptionEffect::kKaraoke), 2U * 21);
}

}  // namespace
}  // namespace rn
