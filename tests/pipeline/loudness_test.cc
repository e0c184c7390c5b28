#include "pipeline/loudness.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "base/file.h"
#include "pipeline/audio_mix.h"
#include "tests/pipeline/sound.h"

namespace rn {
namespace {

constexpr double kTargetLufs = -14;
constexpr double kTruePeakDb = -1;

// A mix of these sounds, one over the other.
std::vector<float> Mastered(const std::vector<AudioBuffer>& sounds) {
  const absl::StatusOr<TempDir> folder = TempDir::Create("loudness");
  MixPlan plan{.target_lufs = kTargetLufs, .true_peak_db = kTruePeakDb};
  for (const AudioBuffer& sound : sounds) {
    const std::string id = std::to_string(plan.cues.size());
    const std::filesystem::path path = folder->path() / (id + ".wav");
    EXPECT_TRUE(WriteFileDurably(path, WavBytes(sound)).ok());
    plan.cues.push_back({.pointer = "/elements/" + id, .name = id, .file = path.string()});
    plan.sample_frames = std::max(plan.sample_frames, sound.frames());
  }
  const auto mix = Master(plan, {});
  EXPECT_TRUE(mix.ok()) << mix.status();
  return mix.ok() ? ReadAll(**mix) : std::vector<float>();
}

void ExpectOnTarget(absl::Span<const float> samples) {
  const Measured measured = Measure(samples);
  EXPECT_NEAR(measured.lufs, kTargetLufs, 0.3);
  EXPECT_LE(measured.true_peak_db, kTruePeakDb);
}

AudioBuffer WithGap(AudioBuffer sound, absl::Duration begin, absl::Duration end) {
  std::fill(sound.samples.begin() + ToSampleFrames(begin) * kChannels,
            sound.samples.begin() + ToSampleFrames(end) * kChannels,
            0.0F);
  return sound;
}

TEST(LoudnessTest, SpeechAloneComesToTarget) {
  ExpectOnTarget(Mastered({SpeechLike(absl::Seconds(6), 0.5)}));
}

TEST(LoudnessTest, MusicAloneComesToTarget) {
  ExpectOnTarget(Mastered({MusicLike(absl::Seconds(6), 0.8)}));
}

TEST(LoudnessTest, SpeechOverMusicComesToTarget) {
  ExpectOnTarget(Mastered({SpeechLike(absl::Seconds(6), 0.5), MusicLike(absl::Seconds(8), 0.1)}));
}

TEST(LoudnessTest, VeryQuietSoundComesToTarget) {
  ExpectOnTarget(Mastered({SpeechLike(absl::Seconds(4), 0.004)}));
}

TEST(LoudnessTest, SoundFarOverFullScaleComesToTarget) {
  ExpectOnTarget(Mastered({SpeechLike(absl::Seconds(4), 6), MusicLike(absl::Seconds(4), 4)}));
}

TEST(LoudnessTest, OneSecondComesToTarget) {
  ExpectOnTarget(Mastered({SpeechLike(absl::Seconds(1), 0.3)}));
}

TEST(LoudnessTest, SilentGapsAreGatedOut) {
  const AudioBuffer sound =
      WithGap(SpeechLike(absl::Seconds(8), 0.4), absl::Seconds(2), absl::Seconds(6));
  ExpectOnTarget(Mastered({sound}));
}

// Clicks twice a second: brought up as far as the ceiling lets them, and no further.
TEST(LoudnessTest, DuckedMusicUnderSpeechComesToTarget) {
  SpeechTracks tracks;
  tracks["speech"].audio = SpokenAs(SpeechLike(absl::Seconds(4), 0.4));
  tracks["music"].audio = SpokenAs(MusicLike(absl::Seconds(3), 0.5));
  MixPlan plan{.sample_frames = 10 * kSampleRate};
  plan.cues.push_back({.pointer = "/0", .name = "speech", .speech = "speech"});
  plan.cues.back().start = absl::Seconds(3);
  plan.cues.push_back({.pointer = "/1", .name = "music", .speech = "music"});
  plan.cues.back().loop = true;
  plan.cues.back().loop_crossfade = absl::Milliseconds(400);
  plan.cues.back().duck = Duck{.under = {"speech"}, .depth_db = -12};
  plan.cues.back().fade_out = absl::Seconds(2);
  const auto mix = Master(plan, tracks);
  ASSERT_TRUE(mix.ok()) << mix.status();
  ExpectOnTarget(ReadAll(**mix));
}

TEST(LoudnessTest, ClippedSoundComesToTarget) {
  ExpectOnTarget(Mastered({SoundOf(6 * kSampleRate, [](std::int64_t i) {
    return std::clamp(4 * std::sin(i * 0.02) + std::sin(i * 0.31), -1.0, 1.0);
  })}));
}

TEST(LoudnessTest, DeepBassComesToTarget) {
  ExpectOnTarget(Mastered({Sine(absl::Seconds(6), 60, 0.3), SpeechLike(absl::Seconds(3), 0.2)}));
}

TEST(LoudnessTest, SoundOfOneSideComesToTarget) {
  AudioBuffer sound = MusicLike(absl::Seconds(6), 0.5);
  for (std::size_t i = 1; i < sound.samples.size(); i += kChannels) sound.samples[i] = 0;
  ExpectOnTarget(Mastered({sound}));
}

TEST(LoudnessTest, SpeechOfOneSideComesToTarget) {
  AudioBuffer sound = SpeechLike(absl::Seconds(6), 0.5);
  for (std::size_t i = 1; i < sound.samples.size(); i += kChannels) sound.samples[i] = 0;
  ExpectOnTarget(Mastered({sound}));
}

TEST(LoudnessTest, LoudAndQuietPartsComeToTargetTogether) {
  AudioBuffer sound = SpeechLike(absl::Seconds(8), 0.8);
  for (std::size_t i = sound.samples.size() / 2; i < sound.samples.size(); ++i) {
    sound.samples[i] *= 0.1F;
  }
  ExpectOnTarget(Mastered({sound}));
}

TEST(LoudnessTest, NoiseComesToTarget) {
  std::minstd_rand random(3);
  std::normal_distribution<double> noise(0, 0.1);
  ExpectOnTarget(Mastered({SoundOf(6 * kSampleRate, [&](std::int64_t) { return noise(random); })}));
}

TEST(LoudnessTest, SoundThatIsAllPeaksStaysUnderTheCeiling) {
  const AudioBuffer clicks =
      SoundOf(3 * kSampleRate, [](std::int64_t i) { return i % 24000 < 20 ? 0.5 : 0; });
  const Measured measured = Measure(Mastered({clicks}));
  EXPECT_LE(measured.true_peak_db, kTruePeakDb);
  EXPECT_GT(measured.true_peak_db, kTruePeakDb - 1);
  EXPECT_LT(measured.lufs, kTargetLufs);
}

TEST(LoudnessTest, SilenceStaysSilent) {
  const std::vector<float> samples = Mastered({Silence(absl::Seconds(2))});
  EXPECT_EQ(samples, std::vector<float>(2 * kSampleRate * kChannels, 0.0F));
}

TEST(LoudnessTest, SoundTooShortToMeasureKeepsItsLevel) {
  const AudioBuffer sound = Sine(absl::Milliseconds(200), 440, 0.1);
  EXPECT_EQ(Mastered({sound}), sound.samples);
}

TEST(LoudnessTest, FaintNoiseBelowTheGateIsSilenceAndIsNotBlownUp) {
  const AudioBuffer sound = Sine(absl::Seconds(2), 440, 1e-4);
  EXPECT_EQ(Mastered({sound}), sound.samples);
}

// A limiter that takes away half of what is asked above -14 LUFS.
TEST(LoudnessTest, DriveMakesUpForWhatTheLimiterTakes) {
  int measures = 0;
  const double gain = DriveIntoLimiter(6, 18, -14, [&](double gain_db) {
    ++measures;
    return std::optional<double>(-18 + 0.5 * (gain_db - 6));
  });
  EXPECT_NEAR(-18 + 0.5 * (gain - 6), -14, 0.3);
  EXPECT_LE(measures, 4);
}

TEST(LoudnessTest, DriveComesBackFromTooMuch) {
  const double gain = DriveIntoLimiter(
      12, 18, -14, [](double gain_db) { return std::optional<double>(-18 + 0.5 * (gain_db - 6)); });
  EXPECT_NEAR(-18 + 0.5 * (gain - 6), -14, 0.3);
}

TEST(LoudnessTest, ForecastSeesWhatALimiterTakes) {
  LimiterForecast forecast;
  forecast.Add(Sine(absl::Seconds(1), 1000, 0.5).samples);
  EXPECT_NEAR(forecast.peak(), 0.5, 0.001);
  EXPECT_EQ(forecast.LossDb(0, 1), 0);
  EXPECT_NEAR(forecast.LossDb(6 + 4, 1), 4, 0.5);  // A sine loses all that is above the ceiling.
}

TEST(LoudnessTest, ForecastDrivesNoFurtherThanItsLimit) {
  LimiterForecast forecast;
  EXPECT_NEAR(forecast.Drive(3, 1), 3, 0.1);
  forecast.Add(Sine(absl::Seconds(1), 1000, 1).samples);
  EXPECT_NEAR(forecast.Drive(3, 1), 3 + kDriveMaxDb, 0.1);
}

TEST(LoudnessTest, DriveEndsWhereTheLimiterGivesNothingBack) {
  const double gain =
      DriveIntoLimiter(6, 18, -14, [&](double) { return std::optional<double>(-20); });
  EXPECT_EQ(gain, 18);
}

}  // namespace
}  // namespace rn
