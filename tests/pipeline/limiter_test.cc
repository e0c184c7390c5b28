#include "pipeline/limiter.h"

#include <gtest/gtest.h>

#include <cmath>

#include "pipeline/loudness.h"
#include "tests/pipeline/sound.h"

namespace rn {
namespace {

constexpr double kCeilingDb = -1.5;
constexpr int kDelay = TruePeakLimiter::kLatencyFrames;

// Without the delay.
std::vector<float> Limited(const AudioBuffer& sound, std::size_t block_frames = 1024) {
  std::vector<float> samples = sound.samples;
  samples.resize(samples.size() + kDelay * kChannels);
  TruePeakLimiter limiter(FromDecibels(kCeilingDb));
  for (std::size_t i = 0; i < samples.size(); i += block_frames * kChannels) {
    limiter.Process(absl::MakeSpan(samples).subspan(i, block_frames * kChannels));
  }
  samples.erase(samples.begin(), samples.begin() + kDelay * kChannels);
  return samples;
}

TEST(LimiterTest, SoundBelowTheCeilingPassesToTheBit) {
  const AudioBuffer sound = MusicLike(absl::Seconds(1), 0.7);
  ASSERT_LT(Measure(sound.samples).true_peak_db, kCeilingDb);
  EXPECT_EQ(Limited(sound), sound.samples);
}

TEST(LimiterTest, TruePeakStaysUnderTheCeilingHoweverHardItIsDriven) {
  for (const double amplitude : {1.0, 2.0, 8.0}) {
    for (const AudioBuffer& sound : {SpeechLike(absl::Seconds(2), amplitude),
                                     MusicLike(absl::Seconds(2), amplitude),
                                     Sine(absl::Seconds(1), 11'000, amplitude)}) {
      EXPECT_LE(Measure(Limited(sound)).true_peak_db, kCeilingDb + 0.1) << amplitude;
    }
  }
}

// At a quarter of the rate and an eighth of a turn off, the samples miss the peaks by 3 dB.
TEST(LimiterTest, PeaksBetweenTheSamplesCount) {
  const AudioBuffer sound =
      SoundOf(kSampleRate, [](std::int64_t i) { return 0.99 * std::sin(M_PI / 2 * i + M_PI / 4); });
  ASSERT_LT(20 * std::log10(std::abs(sound.samples[1000])), -3);
  ASSERT_GT(Measure(sound.samples).true_peak_db, -0.3);
  const std::vector<float> limited = Limited(sound);
  EXPECT_LE(Measure(limited).true_peak_db, kCeilingDb + 0.1);
  EXPECT_LT(std::abs(limited[20'000]), std::abs(sound.samples[20'000]));
}

TEST(LimiterTest, TurnsDownBeforeThePeakAndLetsGoAfterIt) {
  const AudioBuffer sound =
      SoundOf(kSampleRate, [](std::int64_t i) { return i == 10'000 ? 4.0 : 0.2; });
  const std::vector<float> limited = Limited(sound);
  const auto gain_at = [&](std::int64_t i) { return limited[i * 2] / sound.samples[i * 2]; };
  EXPECT_EQ(gain_at(9'500), 1);
  EXPECT_LE(limited[20'000], FromDecibels(kCeilingDb));
  EXPECT_LT(gain_at(10'500), 0.7);  // Let go over tens of milliseconds, not at once.
  EXPECT_EQ(gain_at(47'000), 1);
  for (std::int64_t i = 9'000; i < 20'000; ++i) {
    ASSERT_LT(std::abs(gain_at(i + 1) - gain_at(i)), 0.02) << i;  // No steps: no clicks.
  }
}

TEST(LimiterTest, BothChannelsAreTurnedDownAsOne) {
  AudioBuffer sound = Sine(absl::Seconds(1), 200, 2);
  for (std::size_t i = 1; i < sound.samples.size(); i += 2) sound.samples[i] *= 0.25F;
  const std::vector<float> limited = Limited(sound);
  for (std::size_t i = 0; i < limited.size(); i += 2) {
    ASSERT_NEAR(limited[i] * 0.25F, limited[i + 1], 1e-6) << i;
  }
}

TEST(LimiterTest, BlocksOfAnySizeComeOutTheSame) {
  const AudioBuffer sound = SpeechLike(absl::Seconds(1), 3);
  const std::vector<float> expected = Limited(sound);
  for (const std::size_t block : {1, 15, 16, 17, 511, 5000}) {
    const std::vector<float> limited = Limited(sound, block);
    ASSERT_EQ(limited.size(), expected.size());
    for (std::size_t i = 0; i < limited.size(); ++i) {
      ASSERT_NEAR(limited[i], expected[i], 1e-5) << block << " at " << i;
    }
  }
}

}  // namespace
}  // namespace rn
