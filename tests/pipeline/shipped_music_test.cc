// The music beds in templates/music: of one loudness, without a gap, and a circle that closes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "pipeline/audio_decode.h"
#include "pipeline/loudness.h"

namespace rn {
namespace {

class ShippedMusicTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string path = absl::StrCat(RN_SOURCE_DIR, "/templates/music/", GetParam(), ".m4a");
    auto audio = DecodeAudioRange(path, {.begin = 0, .end = std::int64_t{48'000} * 120});
    ASSERT_TRUE(audio.ok()) << audio.status();
    audio_ = *std::move(audio);
    ASSERT_GT(audio_.frames(), 48'000 * 20);
  }

  // Of the left channel, from frame `n` to the next one around the circle.
  double Step(std::int64_t n) const {
    const std::vector<float>& samples = audio_.samples;
    const auto at = [&](std::int64_t frame) {
      return samples[2 * static_cast<std::size_t>(frame % audio_.frames())];
    };
    return std::abs(at(n + 1) - at(n));
  }

  AudioBuffer audio_;
};

TEST_P(ShippedMusicTest, IsAsLoudAsTheOthersAndLeavesRoom) {
  LoudnessMeter meter;
  meter.Add(audio_.samples);
  EXPECT_NEAR(meter.Integrated().value(), -18, 0.5);
  float peak = 0;
  for (const float sample : audio_.samples) peak = std::max(peak, std::abs(sample));
  EXPECT_LT(peak, FromDecibels(-3));
}

TEST_P(ShippedMusicTest, NeverFallsSilent) {
  constexpr std::int64_t kWindow = 48'000 * 3 / 10;
  for (std::int64_t begin = 0; begin + kWindow <= audio_.frames(); begin += kWindow) {
    double power = 0;
    for (std::int64_t i = 2 * begin; i < 2 * (begin + kWindow); ++i) {
      const double sample = audio_.samples[static_cast<std::size_t>(i)];
      power += sample * sample;
    }
    EXPECT_GT(std::sqrt(power / (2 * kWindow)), FromDecibels(-45)) << "at frame " << begin;
  }
}

TEST_P(ShippedMusicTest, EndsWhereItBeginsWithoutAClick) {
  std::vector<double> steps;
  for (std::int64_t n = 0; n + 1 < audio_.frames(); ++n) steps.push_back(Step(n));
  const auto usual = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() * 99 / 100);
  std::nth_element(steps.begin(), usual, steps.end());
  EXPECT_LT(Step(audio_.frames() - 1), *usual);
}

INSTANTIATE_TEST_SUITE_P(All,
                         ShippedMusicTest,
                         ::testing::Values("upbeat_corporate", "corporate_upbeat", "launch_anthem"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace rn
