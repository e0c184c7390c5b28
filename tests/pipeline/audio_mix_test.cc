#include "pipeline/audio_mix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"
#include "pipeline/mix_sources.h"
#include "proto/item_error.h"
#include "tests/pipeline/sound.h"

namespace rn {
namespace {

using ::testing::HasSubstr;

AudioBuffer Constant(absl::Duration length, double level) {
  return SoundOf(ToSampleFrames(length), [=](std::int64_t) { return level; });
}

class AudioMixTest : public ::testing::Test {
 protected:
  // A cue of a file of that sound; cues are named "0", "1", … in order.
  AudioCue& Add(const AudioBuffer& sound) {
    return AddFile(std::to_string(plan_.cues.size()) + ".wav", WavBytes(sound));
  }

  AudioCue& AddSpeech(const AudioBuffer& sound) {
    const std::string id = std::to_string(plan_.cues.size());
    tracks_[id].audio = SpokenAs(sound);
    plan_.cues.push_back({.pointer = "/elements/" + id, .name = id, .speech = id});
    return plan_.cues.back();
  }

  AudioCue& AddFile(const std::string& name, absl::string_view bytes) {
    const std::filesystem::path path = folder_->path() / name;
    EXPECT_TRUE(WriteFileDurably(path, bytes).ok());
    const std::string id = std::to_string(plan_.cues.size());
    plan_.cues.push_back({.pointer = "/elements/" + id, .name = id, .file = path.string()});
    return plan_.cues.back();
  }

  // Before loudness: the levels as placed.
  std::vector<float> Mixed(absl::Duration length) {
    plan_.sample_frames = ToSampleFrames(length);
    const auto sources = MixSources::Load(plan_, tracks_);
    EXPECT_TRUE(sources.ok()) << sources.status();
    std::vector<float> samples(static_cast<std::size_t>(plan_.sample_frames) * kChannels);
    constexpr std::int64_t kBlock = 1000;
    for (std::int64_t at = 0; sources.ok() && at < plan_.sample_frames; at += kBlock) {
      sources->Mix(at, absl::MakeSpan(samples).subspan(at * kChannels, kBlock * kChannels));
    }
    return samples;
  }

  absl::Status Failure(absl::Duration length = absl::Seconds(1)) {
    plan_.sample_frames = ToSampleFrames(length);
    const auto mix = Master(plan_, tracks_);
    EXPECT_FALSE(mix.ok());
    return mix.status();
  }

  absl::StatusOr<TempDir> folder_ = TempDir::Create("mix");
  SpeechTracks tracks_;
  MixPlan plan_;
};

float At(const std::vector<float>& samples, absl::Duration t) {
  return samples[static_cast<std::size_t>(ToSampleFrames(t) * kChannels)];
}

// The largest step from one frame to the next within [begin, end).
double SteepestStep(const std::vector<float>& samples, absl::Duration begin, absl::Duration end) {
  double steepest = 0;
  for (std::int64_t i = ToSampleFrames(begin) + 1; i < ToSampleFrames(end); ++i) {
    steepest =
        std::max<double>(steepest, std::abs(samples[i * kChannels] - samples[(i - 1) * kChannels]));
  }
  return steepest;
}

// ------------------------------------------------------------------- placement
TEST_F(AudioMixTest, CueBeginsAndEndsOnItsSample) {
  Add(Constant(absl::Milliseconds(10), 0.5)).start = absl::Milliseconds(123);
  const std::vector<float> mix = Mixed(absl::Milliseconds(200));
  const std::int64_t begin = 123 * 48;
  const std::int64_t end = begin + 480;
  for (std::int64_t i = 0; i < 200 * 48; ++i) {
    ASSERT_EQ(mix[i * kChannels], i >= begin && i < end ? 0.5F : 0) << i;
    ASSERT_EQ(mix[i * kChannels + 1], mix[i * kChannels]) << i;
  }
}

TEST_F(AudioMixTest, SpeechSoundsAsTheSameFileOnBothSides) {
  for (const double speed : {1.0, 1.25}) {
    plan_.cues.clear();
    AudioCue& speech = AddSpeech(SpeechLike(absl::Seconds(1), 0.8));
    speech.start = absl::Milliseconds(100);
    speech.trim_start = absl::Milliseconds(50);
    speech.speed = speed;
    speech.loudness = -18;
    AudioCue file = speech;
    const std::vector<float> spoken = Mixed(absl::Seconds(2));
    file.file = AddFile("same.wav", WavBytes(SpeechLike(absl::Seconds(1), 0.8))).file;
    file.speech.clear();
    plan_.cues = {file};
    const std::vector<float> played = Mixed(absl::Seconds(2));
    for (std::size_t i = 0; i < played.size(); ++i) {
      ASSERT_NEAR(spoken[i], played[i], 2e-4) << i << " at " << speed;
    }
  }
}

TEST_F(AudioMixTest, CuesAddUpUnderTheirGains) {
  Add(Constant(absl::Milliseconds(100), 0.5)).gain = 0.5;
  Add(Constant(absl::Milliseconds(100), 0.25)).gain = 2;
  EXPECT_FLOAT_EQ(At(Mixed(absl::Milliseconds(100)), absl::Milliseconds(50)), 0.75);
}

TEST_F(AudioMixTest, TrimSkipsTheSourcesBeginning) {
  AudioCue& cue = Add(SoundOf(kSampleRate, [](std::int64_t i) { return i / 100'000.0; }));
  cue.start = absl::Milliseconds(100);
  cue.trim_start = absl::Milliseconds(250);
  const std::vector<float> mix = Mixed(absl::Seconds(1));
  EXPECT_EQ(At(mix, absl::Milliseconds(99)), 0);
  EXPECT_FLOAT_EQ(At(mix, absl::Milliseconds(150)), 300 * 48 / 100'000.0);
  EXPECT_EQ(At(mix, absl::Milliseconds(851)), 0);
}

TEST_F(AudioMixTest, WhatIsCutOffDoesNotClick) {
  AudioCue& cue = Add(Constant(absl::Seconds(1), 0.8));
  cue.trim_start = absl::Milliseconds(100);
  cue.length = absl::Milliseconds(300);
  const std::vector<float> mix = Mixed(absl::Milliseconds(500));
  EXPECT_EQ(At(mix, absl::Milliseconds(300)), 0);
  EXPECT_FLOAT_EQ(At(mix, absl::Milliseconds(296)), 0.8);
  EXPECT_LT(SteepestStep(mix, absl::ZeroDuration(), absl::Milliseconds(500)), 0.02);
}

TEST_F(AudioMixTest, CueThatOutlastsTheMixEndsWithIt) {
  Add(Constant(absl::Seconds(3), 0.5)).start = absl::Milliseconds(50);
  EXPECT_FLOAT_EQ(At(Mixed(absl::Milliseconds(100)), absl::Milliseconds(90)), 0.5);
}

TEST_F(AudioMixTest, CueAfterTheEndIsNotEvenRead) {
  AudioCue& cue = AddFile("a.wav", "no sound");
  cue.start = absl::Seconds(2);
  EXPECT_EQ(Mixed(absl::Milliseconds(10)), std::vector<float>(960, 0.0F));
}

TEST_F(AudioMixTest, OneFileInManyCuesIsOneSound) {
  const std::string wav = WavBytes(SoundOf(9600, [](std::int64_t i) { return i / 10'000.0; }));
  AddFile("a.wav", wav).length = absl::Milliseconds(50);
  AudioCue& later = AddFile("a.wav", wav);
  later.start = absl::Milliseconds(100);
  later.trim_start = absl::Milliseconds(150);
  const std::vector<float> mix = Mixed(absl::Milliseconds(200));
  EXPECT_FLOAT_EQ(At(mix, absl::Milliseconds(20)), 20 * 48 / 10'000.0);
  EXPECT_FLOAT_EQ(At(mix, absl::Milliseconds(120)), 170 * 48 / 10'000.0);
}

// ------------------------------------------------------------------- envelopes
TEST_F(AudioMixTest, EnvelopeRunsStraightBetweenItsPointsAndLevelOutside) {
  AudioCue& cue = Add(Constant(absl::Seconds(1), 0.5));
  cue.start = absl::Milliseconds(100);
  cue.envelope = {{absl::Milliseconds(200), 0.2}, {absl::Milliseconds(600), 1}};
  const std::vector<float> mix = Mixed(absl::Seconds(2));
  EXPECT_NEAR(At(mix, absl::Milliseconds(150)), 0.1, 1e-3);
  EXPECT_NEAR(At(mix, absl::Milliseconds(500)), 0.3, 1e-3);
  EXPECT_NEAR(At(mix, absl::Milliseconds(900)), 0.5, 1e-3);
}

TEST_F(AudioMixTest, EnvelopeThatJumpsDoesNotClick) {
  AudioCue& cue = Add(Constant(absl::Seconds(1), 0.5));
  cue.envelope = {{absl::Milliseconds(500), 1}, {absl::Milliseconds(500), 0}};
  const std::vector<float> mix = Mixed(absl::Milliseconds(900));
  EXPECT_FLOAT_EQ(At(mix, absl::Milliseconds(490)), 0.5);
  EXPECT_EQ(At(mix, absl::Milliseconds(510)), 0);
  EXPECT_LT(SteepestStep(mix, absl::Milliseconds(10), absl::Milliseconds(900)), 0.02);
}

// ------------------------------------------------------------------- speed and loudness
// A beep in the middle of a second.
AudioBuffer BeepAt(absl::Duration at) {
  AudioBuffer sound = Silence(absl::Seconds(1));
  const AudioBuffer beep = Sine(absl::Milliseconds(20), 1000, 0.5);
  std::copy(beep.samples.begin(),
            beep.samples.end(),
            sound.samples.begin() + ToSampleFrames(at) * kChannels);
  return sound;
}

absl::Duration FirstSound(const std::vector<float>& samples) {
  for (std::size_t i = 0; i < samples.size(); i += kChannels) {
    if (std::abs(samples[i]) > 0.05) {
      return absl::Seconds(1) * static_cast<std::int64_t>(i / kChannels) / kSampleRate;
    }
  }
  return absl::InfiniteDuration();
}

TEST_F(AudioMixTest, SpeedMovesWhatIsHeardAsItMovesPictures) {
  for (const double speed : {0.25, 0.5, 1.001, 1.5, 2.0, 8.0}) {
    plan_.cues.clear();
    tracks_.clear();
    AudioCue& cue = Add(BeepAt(absl::Milliseconds(600)));
    cue.trim_start = absl::Milliseconds(200);
    cue.speed = speed;
    cue.start = absl::Milliseconds(100);
    const absl::Duration heard = FirstSound(Mixed(absl::Seconds(4)));
    EXPECT_NEAR(absl::ToDoubleSeconds(heard), 0.1 + 0.4 / speed, 0.002) << speed;
  }
}

TEST_F(AudioMixTest, RoundsOfALoopAreAsLongAsAsked) {
  // Sound of 0.9 s in rounds of 1.2 s: silence fills them up.
  AudioCue& cue = Add(Constant(absl::Milliseconds(900), 0.5));
  cue.loop = true;
  cue.loop_round = absl::Milliseconds(1200);
  const std::vector<float> mix = Mixed(absl::Seconds(10));
  for (int round = 0; round < 8; ++round) {
    const absl::Duration begin = absl::Milliseconds(1200) * round;
    EXPECT_FLOAT_EQ(At(mix, begin + absl::Milliseconds(10)), 0.5) << round;
    EXPECT_FLOAT_EQ(At(mix, begin + absl::Milliseconds(890)), 0.5) << round;
    EXPECT_EQ(At(mix, begin + absl::Milliseconds(905)), 0) << round;
    EXPECT_EQ(At(mix, begin + absl::Milliseconds(1190)), 0) << round;
  }
  EXPECT_LT(SteepestStep(mix, absl::Milliseconds(1), absl::Seconds(10)), 0.02);
}

TEST_F(AudioMixTest, RoundThatCutsTheSoundFadesOverWithoutAClick) {
  AudioCue& cue = Add(Sine(absl::Seconds(3), 101, 0.5));
  cue.loop = true;
  cue.trim_length = absl::Milliseconds(997);
  cue.loop_round = absl::Milliseconds(997);
  const std::vector<float> mix = Mixed(absl::Seconds(5));
  const AudioBuffer source = Sine(absl::Seconds(3), 101, 0.5);
  for (int round = 0; round < 5; ++round) {
    EXPECT_FLOAT_EQ(At(mix, round * absl::Milliseconds(997) + absl::Milliseconds(500)),
                    At(source.samples, absl::Milliseconds(500)));
  }
  EXPECT_LT(SteepestStep(mix, absl::Milliseconds(10), absl::Seconds(5)), 0.02);
}

TEST_F(AudioMixTest, SourcesOfAnyLevelAreBroughtToTheLoudnessAsked) {
  for (const double amplitude : {0.01, 0.1, 0.9}) {
    plan_.cues.clear();
    tracks_.clear();
    Add(SpeechLike(absl::Seconds(5), amplitude)).loudness = -23;
    EXPECT_NEAR(Measure(Mixed(absl::Seconds(5))).lufs, -23, 0.1) << amplitude;
  }
}

TEST_F(AudioMixTest, SilenceHasNoLoudnessToMatch) {
  Add(Silence(absl::Seconds(2))).loudness = -14;
  EXPECT_EQ(Mixed(absl::Seconds(1)), std::vector<float>(96000, 0.0F));
}

// ------------------------------------------------------------------- loops
TEST_F(AudioMixTest, LoopWithoutCrossfadeRepeatsExactly) {
  const AudioBuffer source = MusicLike(absl::Milliseconds(300), 0.5);
  Add(source).loop = true;
  const std::vector<float> mix = Mixed(absl::Seconds(2));
  for (std::int64_t i = 0; i < 95'000 * kChannels; ++i) {
    ASSERT_EQ(mix[i], source.samples[i % source.samples.size()]) << i;
  }
}

// The sine does not fit the loop: a hard seam steps by up to twice its amplitude.
TEST_F(AudioMixTest, LoopSeamDoesNotClick) {
  const AudioBuffer source = Sine(absl::Milliseconds(997), 101, 0.5);
  AudioCue& cue = Add(source);
  cue.loop = true;
  cue.loop_crossfade = absl::Milliseconds(200);
  const std::vector<float> mix = Mixed(absl::Seconds(4));
  const double own = SteepestStep(source.samples, absl::ZeroDuration(), absl::Milliseconds(900));
  EXPECT_LT(SteepestStep(mix, absl::ZeroDuration(), absl::Seconds(3.9)), own * 1.5);
}

TEST_F(AudioMixTest, LoopSeamKeepsThePower) {
  AudioCue& cue = Add(MusicLike(absl::Seconds(1), 0.5));
  cue.loop = true;
  cue.loop_crossfade = absl::Milliseconds(300);
  const std::vector<float> mix = Mixed(absl::Seconds(5));
  const double usual = RmsOf(mix, absl::ZeroDuration(), absl::Milliseconds(600));
  for (absl::Duration t; t < absl::Seconds(4.5); t += absl::Milliseconds(50)) {
    const double here = RmsOf(mix, t, t + absl::Milliseconds(300));
    ASSERT_GT(here, usual * 0.6) << t;
    ASSERT_LT(here, usual * 1.6) << t;
  }
}

TEST_F(AudioMixTest, CrossfadeIsAtMostHalfOfTheLoop) {
  AudioCue& cue = Add(Constant(absl::Milliseconds(400), 0.5));
  cue.loop = true;
  cue.loop_crossfade = absl::Seconds(1.5);
  const std::vector<float> mix = Mixed(absl::Seconds(2));
  for (absl::Duration t; t < absl::Milliseconds(1990); t += absl::Milliseconds(1)) {
    ASSERT_GE(At(mix, t), 0.49F) << t;  // Equal power of equal sounds: up to 3 dB more.
    ASSERT_LE(At(mix, t), 0.72F) << t;
  }
}

TEST_F(AudioMixTest, LongSourceIsCutAndNotLooped) {
  AudioCue& cue = Add(SoundOf(2 * kSampleRate, [](std::int64_t i) { return i / 200'000.0; }));
  cue.loop = true;
  cue.loop_crossfade = absl::Milliseconds(500);
  const std::vector<float> mix = Mixed(absl::Seconds(1));
  EXPECT_FLOAT_EQ(At(mix, absl::Milliseconds(990)), 990 * 48 / 200'000.0);
}

// ------------------------------------------------------------------- fades
TEST_F(AudioMixTest, FadesRunAtEqualPower) {
  AudioCue& cue = Add(Constant(absl::Seconds(1), 1));
  cue.start = absl::Milliseconds(100);
  cue.fade_in = absl::Milliseconds(200);
  cue.fade_out = absl::Milliseconds(400);
  const std::vector<float> mix = Mixed(absl::Milliseconds(1200));
  EXPECT_NEAR(At(mix, absl::Milliseconds(100)), 0, 1e-3);
  EXPECT_NEAR(At(mix, absl::Milliseconds(200)), std::sqrt(0.5), 1e-3);
  EXPECT_NEAR(At(mix, absl::Milliseconds(500)), 1, 1e-6);
  EXPECT_NEAR(At(mix, absl::Milliseconds(900)), std::sqrt(0.5), 1e-3);
  EXPECT_NEAR(At(mix, absl::Milliseconds(1099)), 0, 0.01);
}

TEST_F(AudioMixTest, FadeOutOfALoopEndsWithItsLength) {
  AudioCue& cue = Add(Constant(absl::Milliseconds(100), 1));
  cue.loop = true;
  cue.length = absl::Milliseconds(500);
  cue.fade_out = absl::Milliseconds(200);
  const std::vector<float> mix = Mixed(absl::Seconds(1));
  EXPECT_NEAR(At(mix, absl::Milliseconds(400)), std::sqrt(0.5), 1e-3);
  EXPECT_EQ(At(mix, absl::Milliseconds(500)), 0);
}

// ------------------------------------------------------------------- ducking
// Music of constant 1 under silent "voices": the mix is the envelope itself.
class DuckTest : public AudioMixTest {
 protected:
  static constexpr absl::Duration kLength = absl::Seconds(5);
  static constexpr double kDown = 0.31622776;  // -10 dB

  void SetUp() override { Add(Constant(kLength, 1)).duck = Duck{.under = {"1", "2"}}; }

  void AddVoice(absl::Duration start, absl::Duration length) { Add(Silence(length)).start = start; }
};

TEST_F(DuckTest, IsDownWhenTheSpeechBeginsAndUpAfterHoldAndRelease) {
  AddVoice(absl::Seconds(1), absl::Seconds(2));
  const std::vector<float> mix = Mixed(kLength);
  EXPECT_EQ(At(mix, absl::Milliseconds(849)), 1);
  EXPECT_NEAR(At(mix, absl::Milliseconds(925)), std::sqrt(kDown), 0.01);  // -5 dB half way
  for (const int ms : {1000, 1001, 2000, 2999, 3000, 3199}) {
    EXPECT_NEAR(At(mix, absl::Milliseconds(ms)), kDown, 1e-3) << ms;
  }
  EXPECT_NEAR(At(mix, absl::Milliseconds(3450)), std::sqrt(kDown), 0.01);
  EXPECT_EQ(At(mix, absl::Milliseconds(3702)), 1);
}

TEST_F(DuckTest, StaysDownOverAPauseShorterThanTheHold) {
  AddVoice(absl::Seconds(1), absl::Seconds(1));
  AddVoice(absl::Milliseconds(2150), absl::Seconds(1));
  const std::vector<float> mix = Mixed(kLength);
  for (absl::Duration t = absl::Seconds(1); t < absl::Milliseconds(3350);
       t += absl::Milliseconds(10)) {
    ASSERT_NEAR(At(mix, t), kDown, 1e-3) << t;
  }
}

TEST_F(DuckTest, RisesInALongerPauseAndIsDownAgainInTime) {
  AddVoice(absl::Seconds(3), absl::Seconds(1));  // In any order.
  AddVoice(absl::Seconds(1), absl::Seconds(1));
  const std::vector<float> mix = Mixed(kLength);
  EXPECT_NEAR(At(mix, absl::Milliseconds(2750)), 1, 0.02);
  EXPECT_NEAR(At(mix, absl::Seconds(3)), kDown, 1e-3);
}

TEST_F(DuckTest, MovesWithoutClicks) {
  plan_.cues[0].duck->attack = absl::ZeroDuration();
  plan_.cues[0].duck->release = absl::ZeroDuration();
  AddVoice(absl::Seconds(1), absl::Seconds(1));
  EXPECT_LT(SteepestStep(Mixed(kLength), absl::Milliseconds(100), absl::Seconds(4)), 0.02);
}

TEST_F(DuckTest, NameThatIsNotHeardInThisRowChangesNothing) {
  const std::vector<float> mix = Mixed(kLength);
  EXPECT_EQ(At(mix, absl::Seconds(2)), 1);
}

// ------------------------------------------------------------------- the finished mix
TEST_F(AudioMixTest, MixIsExactlyAsLongAsPlanned) {
  for (const std::int64_t frames : {0, 1, 1023, 1024, 1025, 50'001}) {
    plan_ = MixPlan{.sample_frames = frames};
    Add(SpeechLike(absl::Milliseconds(400), 0.5));
    const auto mix = Master(plan_, tracks_);
    ASSERT_TRUE(mix.ok()) << mix.status();
    EXPECT_EQ(ReadAll(**mix).size(), frames * kChannels);
    std::vector<float> more(2);
    EXPECT_EQ((*mix)->Read(absl::MakeSpan(more)), 0);
  }
}

TEST_F(AudioMixTest, MasteringMovesNothingInTime) {
  Add(SoundOf(480, [](std::int64_t i) { return i == 0 ? 0.5 : 0; })).start = absl::Seconds(1);
  Add(Sine(absl::Seconds(3), 300, 0.02));
  plan_.sample_frames = 3 * kSampleRate;
  const auto mix = Master(plan_, tracks_);
  ASSERT_TRUE(mix.ok()) << mix.status();
  const std::vector<float> samples = ReadAll(**mix);
  const auto peak = std::max_element(samples.begin(), samples.end());
  EXPECT_EQ((peak - samples.begin()) / kChannels, kSampleRate);
}

TEST_F(AudioMixTest, SameMixTwiceIsTheSameToTheBit) {
  AudioCue& music = Add(MusicLike(absl::Seconds(1), 0.9));
  music.loop = true;
  music.loop_crossfade = absl::Milliseconds(100);
  music.duck = Duck{.under = {"1"}};
  Add(SpeechLike(absl::Seconds(2), 0.9)).start = absl::Milliseconds(500);
  plan_.sample_frames = 4 * kSampleRate;
  EXPECT_EQ(ReadAll(**Master(plan_, tracks_)), ReadAll(**Master(plan_, tracks_)));
}

TEST_F(AudioMixTest, MixWithoutCuesIsSilence) {
  plan_.sample_frames = 1000;
  EXPECT_EQ(ReadAll(**Master(plan_, tracks_)), std::vector<float>(2000, 0.0F));
}

// ------------------------------------------------------------------- mistakes
TEST_F(AudioMixTest, FileThatIsNoSoundNamesItsElement) {
  AddFile("a.mp3", "no sound");
  const absl::Status failure = Failure();
  EXPECT_EQ(ItemErrorOf(failure), rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR);
  EXPECT_THAT(std::string(failure.message()), HasSubstr("/elements/0: "));
  EXPECT_THAT(std::string(failure.message()), HasSubstr("a.mp3"));
}

TEST_F(AudioMixTest, MissingFileNamesItsElement) {
  AddFile("a.wav", "").file = "/nowhere/b.wav";
  const absl::Status failure = Failure();
  EXPECT_THAT(std::string(failure.message()), HasSubstr("/elements/0: /nowhere/b.wav: "));
  EXPECT_EQ(ItemErrorOf(failure), rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR);
}

TEST_F(AudioMixTest, SpeechThatWasNotSpokenIsNamed) {
  AddSpeech(Silence(absl::Seconds(1))).speech = "naration";
  tracks_["narration"];
  const absl::Status failure = Failure();
  EXPECT_THAT(std::string(failure.message()), HasSubstr("/elements/0: "));
  EXPECT_THAT(std::string(failure.message()), HasSubstr("\"naration\""));
  EXPECT_THAT(std::string(failure.message()), HasSubstr("narration"));
}

TEST_F(AudioMixTest, TrimBeyondTheSourceIsAMistake) {
  Add(Silence(absl::Seconds(1))).trim_start = absl::Seconds(2);
  EXPECT_THAT(std::string(Failure().message()), HasSubstr("trim_start, 2.00 s"));
}

TEST_F(AudioMixTest, LoopOfAFewSamplesIsAMistake) {
  Add(Silence(absl::Milliseconds(2))).loop = true;
  EXPECT_THAT(std::string(Failure().message()), HasSubstr("too short to loop; at least 50ms"));
}

TEST_F(AudioMixTest, SoundsTogetherAreBounded) {
  AddFile("a.wav", WavBytes(Silence(absl::Milliseconds(600))));
  AddFile("b.wav", WavBytes(Silence(absl::Milliseconds(600))));
  plan_.sample_frames = 2 * kSampleRate;
  EXPECT_TRUE(MixSources::Load(plan_, tracks_, absl::Milliseconds(1200)).ok());
  const auto sources = MixSources::Load(plan_, tracks_, absl::Milliseconds(1199));
  EXPECT_EQ(sources.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(sources.status().message()), HasSubstr("/elements/1: "));
}

}  // namespace
}  // namespace rn
