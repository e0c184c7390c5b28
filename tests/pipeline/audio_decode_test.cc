#include "pipeline/audio_decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "absl/strings/match.h"
#include "base/file.h"
#include "pipeline/audio_mix.h"
#include "tests/pipeline/image_files.h"
#include "tests/pipeline/sound.h"
#include "tests/pipeline/tools.h"

namespace rn {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kLengthMax = absl::Minutes(1);

class AudioDecodeTest : public ::testing::Test {
 protected:
  std::string Stored(const std::string& name, absl::string_view bytes) {
    const std::filesystem::path path = folder_->path() / name;
    EXPECT_TRUE(WriteFileDurably(path, bytes).ok());
    return path.string();
  }

  // `sound` as ffmpeg encodes it to a file of this name.
  std::string Encoded(const std::string& name,
                      const AudioBuffer& sound,
                      const std::vector<std::string>& options = {}) {
    std::string to = (folder_->path() / name).string();
    std::vector<std::string> arguments = {
        "-loglevel", "error", "-y", "-i", Stored("source.wav", WavBytes(sound))};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.push_back(to);
    RunTool("ffmpeg", arguments);
    return to;
  }

  AudioBuffer Decoded(const std::string& path) {
    auto audio = DecodeAudioFile(path, kLengthMax);
    EXPECT_TRUE(audio.ok()) << audio.status();
    return audio.ok() ? *std::move(audio) : AudioBuffer();
  }

  // Why a file of these bytes is refused.
  std::string Refusal(const std::string& name, absl::string_view bytes) {
    const auto audio = DecodeAudioFile(Stored(name, bytes), kLengthMax);
    EXPECT_FALSE(audio.ok()) << name << ": " << audio->frames() << " frames";
    return std::string(audio.status().message());
  }

  absl::StatusOr<TempDir> folder_ = TempDir::Create("sound");
};

// The frame where a sound that begins with a bang begins.
std::int64_t Onset(const AudioBuffer& sound) {
  for (std::int64_t i = 0; i < sound.frames(); ++i) {
    if (std::abs(sound.samples[static_cast<std::size_t>(i * kChannels)]) > 0.2F) return i;
  }
  return -1;
}

AudioBuffer SilenceThenTone() {
  return SoundOf(kSampleRate, [](std::int64_t i) {
    return i < 24000 ? 0 : 0.7 * std::sin(static_cast<double>(i) * 0.3);
  });
}

TEST_F(AudioDecodeTest, FloatWavComesBackToTheBit) {
  const AudioBuffer sound = MusicLike(absl::Milliseconds(700), 0.5);
  EXPECT_EQ(Decoded(Stored("a.wav", WavBytes(sound))).samples, sound.samples);
}

TEST_F(AudioDecodeTest, OtherRatesComeOutAt48kHz) {
  std::vector<float> samples;
  for (int i = 0; i < 44100; ++i) {
    samples.insert(
        samples.end(), 2, static_cast<float>(0.5 * std::sin(2 * M_PI * 1000 * i / 44100)));
  }
  const AudioBuffer sound = Decoded(Stored("a.wav", WavBytes(samples, 2, 44100)));
  EXPECT_NEAR(sound.frames(), kSampleRate, 2);
  const AudioBuffer expected = Sine(absl::Seconds(1), 1000, 0.5);
  for (std::int64_t i = 2000; i < 46000; ++i) {
    ASSERT_NEAR(sound.samples[i], expected.samples[i], 0.01) << i;
  }
}

TEST_F(AudioDecodeTest, MonoGoesToBothSidesAtItsLevel) {
  const std::vector<float> samples(4800, 0.5F);
  const AudioBuffer sound = Decoded(Stored("a.wav", WavBytes(samples, 1, kSampleRate)));
  EXPECT_EQ(sound.samples, std::vector<float>(9600, 0.5F));
}

// But for the subwoofer's channel, which a downmix leaves out by custom.
TEST_F(AudioDecodeTest, EverySpeakerOfManyIsHeard) {
  for (const int channels : {4, 6, 8, 12, 33, 64}) {
    for (const int loud : {0, 1, channels - 1}) {
      std::vector<float> samples(static_cast<std::size_t>(channels) * 4800);
      for (int i = 0; i < 4800; ++i) samples[i * channels + loud] = 0.5F;
      const AudioBuffer sound = Decoded(Stored("a.wav", WavBytes(samples, channels, kSampleRate)));
      ASSERT_EQ(sound.frames(), 4800);
      EXPECT_GT(sound.samples[4000] + sound.samples[4001], 0.01) << loud << " of " << channels;
    }
  }
}

TEST_F(AudioDecodeTest, TheUsualFormatsKeepTheirTiming) {
  for (const char* name : {"a.mp3", "a.m4a", "a.ogg", "a.opus", "a.flac", "a.aiff", "a.mka"}) {
    const AudioBuffer sound = Decoded(Encoded(name, SilenceThenTone()));
    EXPECT_NEAR(Onset(sound), 24000, 100) << name;
    EXPECT_NEAR(sound.frames(), kSampleRate, 1200) << name;
  }
}

TEST_F(AudioDecodeTest, RangeIsThatPartOfTheWhole) {
  const std::string path = Encoded("a.mp3", MusicLike(absl::Seconds(2), 0.5));
  const AudioBuffer whole = Decoded(path);
  const auto part = DecodeAudioRange(path, {30'001, 70'003});
  ASSERT_TRUE(part.ok()) << part.status();
  EXPECT_EQ(part->samples,
            std::vector<float>(whole.samples.begin() + 60'002, whole.samples.begin() + 140'006));
}

TEST_F(AudioDecodeTest, SoundOfAVideoIsFound) {
  const std::string path = Encoded(
      "a.mp4",
      SilenceThenTone(),
      {"-f", "lavfi", "-i", "color=size=64x64:rate=30:duration=1", "-map", "1:v", "-map", "0:a"});
  EXPECT_NEAR(Onset(Decoded(path)), 24000, 100);
}

// Time begins with the first picture, in whatever container and however late or early the sound is:
// within 8 ms, for WebM counts in milliseconds and an encoder's priming is 6.5 of them.
TEST_F(AudioDecodeTest, SoundOfAVideoStaysWithItsPictures) {
  for (const char* name : {"late.mp4", "late.mkv", "late.ts", "late.webm"}) {
    for (const char* offset : {"0.25", "-0.25"}) {
      std::vector<std::string> options = {"-itsoffset",
                                          offset,
                                          "-i",
                                          (folder_->path() / "source.wav").string(),
                                          "-f",
                                          "lavfi",
                                          "-i",
                                          "color=size=64x64:rate=25:duration=1",
                                          "-map",
                                          "2:v",
                                          "-map",
                                          "1:a"};
      if (absl::EndsWith(name, ".ts")) options.insert(options.end(), {"-muxdelay", "2"});
      if (absl::EndsWith(name, ".webm")) options.insert(options.end(), {"-cpu-used", "8"});
      const AudioBuffer sound = Decoded(Encoded(name, SilenceThenTone(), options));
      EXPECT_NEAR(Onset(sound), offset[0] == '-' ? 12000 : 36000, 400) << name << " " << offset;
    }
  }
}

TEST_F(AudioDecodeTest, WhatAClipsClockLeavesOutIsSilence) {
  // Half a second of the sound is missing in the middle: its packets were never written.
  const std::string path = Encoded("gap.mkv",
                                   Sine(absl::Seconds(2), 1000, 0.5),
                                   {"-f",
                                    "lavfi",
                                    "-i",
                                    "color=size=64x64:rate=25:duration=2",
                                    "-map",
                                    "1:v",
                                    "-map",
                                    "0:a",
                                    "-af",
                                    "aselect='not(between(t,0.7,1.2))'",
                                    "-c:a",
                                    "pcm_f32le"});
  const AudioBuffer sound = Decoded(path);
  EXPECT_NEAR(sound.frames(), 2 * kSampleRate, 2000);
  EXPECT_NEAR(RmsOf(sound.samples, absl::Milliseconds(300), absl::Milliseconds(600)), 0.354, 0.02);
  EXPECT_NEAR(RmsOf(sound.samples, absl::Milliseconds(800), absl::Milliseconds(1100)), 0, 0.02);
  EXPECT_NEAR(
      RmsOf(sound.samples, absl::Milliseconds(1400), absl::Milliseconds(1900)), 0.354, 0.02);
}

TEST_F(AudioDecodeTest, APictureIsNoSound) {
  const std::string png = ImageBytes("png", 16, 16, [](int, int) { return Rgba{1, 2, 3, 255}; });
  EXPECT_THAT(Refusal("a.png", png), HasSubstr("of the kind png_pipe"));
}

TEST_F(AudioDecodeTest, SamplesAreFiniteAndBounded) {
  std::vector<float> samples(9600, 0.25F);
  samples[100] = std::numeric_limits<float>::quiet_NaN();
  samples[200] = std::numeric_limits<float>::infinity();
  samples[300] = -1e30F;
  const AudioBuffer sound = Decoded(Stored("a.wav", WavBytes(samples, 2, kSampleRate)));
  EXPECT_EQ(sound.samples[100], 0);
  EXPECT_EQ(sound.samples[200], 0);
  EXPECT_EQ(sound.samples[300], -kSampleMax);
  EXPECT_EQ(sound.samples[400], 0.25F);
}

TEST_F(AudioDecodeTest, LongerThanAllowedIsRefusedByName) {
  const std::string path = Encoded("a.flac", Silence(absl::Seconds(10)));
  const auto audio = DecodeAudioFile(path, absl::Seconds(3));
  EXPECT_EQ(audio.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(audio.status().message()), HasSubstr("longer than 3.0 s"));
}

TEST_F(AudioDecodeTest, ExactlyAsLongAsAllowedIsTaken) {
  const std::string path = Stored("a.wav", WavBytes(Silence(absl::Seconds(1))));
  EXPECT_TRUE(DecodeAudioFile(path, absl::Seconds(1)).ok());
}

TEST_F(AudioDecodeTest, FileThatEndsInTheMiddleGivesWhatItHas) {
  std::string wav = WavBytes(SoundOf(kSampleRate, [](std::int64_t) { return 0.5; }));
  wav.resize(wav.size() / 2);
  const AudioBuffer sound = Decoded(Stored("a.wav", wav));
  EXPECT_NEAR(sound.frames(), kSampleRate * 0.5, 10);
}

// Damages every `every`-th kilobyte of it.
std::string Damaged(std::string bytes, std::size_t every) {
  for (std::size_t i = 8192; i < bytes.size(); i += every * 1024) {
    for (std::size_t k = i; k < std::min(i + 64, bytes.size()); ++k) {
      bytes[k] = static_cast<char>(bytes[k] ^ (0x5a + 7 * k));
    }
  }
  return bytes;
}

TEST_F(AudioDecodeTest, StrayDamageIsLeftOutAndMuchIsRefused) {
  const std::string path = Encoded("a.flac", MusicLike(absl::Seconds(20), 0.5));
  const std::string flac = *ReadFile(path, 100'000'000);
  EXPECT_NEAR(Decoded(Stored("b.flac", Damaged(flac, 1000))).frames(), 20 * kSampleRate, 20'000);
  EXPECT_THAT(Refusal("c.flac", Damaged(flac, 12)), HasSubstr("damaged"));
}

TEST_F(AudioDecodeTest, HostileHeadersAreRefused) {
  const std::vector<float> few(64, 0.1F);
  EXPECT_NE(Refusal("empty.wav", ""), "");
  EXPECT_NE(Refusal("noise.mp3", "this is no sound at all"), "");
  EXPECT_NE(Refusal("channels.wav", WavBytes(few, 65535, kSampleRate)), "");
  EXPECT_NE(Refusal("none.wav", WavBytes(few, 0, kSampleRate)), "");
  EXPECT_NE(Refusal("rate.wav", WavBytes(few, 2, 2'000'000'000)), "");
  EXPECT_NE(Refusal("still.wav", WavBytes(few, 2, 0)), "");
  EXPECT_NE(Refusal("nothing.wav", WavBytes({}, 2, kSampleRate)), "");
}

// A playlist must not be a way to other files of ours.
TEST_F(AudioDecodeTest, PlaylistsReachNothing) {
  const std::string secret = Stored("secret.wav", WavBytes(Sine(absl::Seconds(1), 440, 0.5)));
  EXPECT_THAT(Refusal("concat.mp3", "ffconcat version 1.0\nfile secret.wav\n"),
              HasSubstr("of the kind concat"));
  Refusal("concat.txt", absl::StrCat("ffconcat version 1.0\nfile '", secret, "'\n"));
  Refusal("hls.m3u8",
          absl::StrCat(
              "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:", secret, "\n#EXT-X-ENDLIST\n"));
}

// Each is a decoder's worth of code that nobody needs.
TEST_F(AudioDecodeTest, UncommonContainersAndCodecsAreRefused) {
  const AudioBuffer sound = Sine(absl::Seconds(1), 440, 0.5);
  const auto nut = DecodeAudioFile(Encoded("a.nut", sound), kLengthMax);
  EXPECT_THAT(std::string(nut.status().message()),
              AllOf(HasSubstr("of the kind nut"), HasSubstr("matroska")));
  const auto wma = DecodeAudioFile(Encoded("a.mkv", sound, {"-c:a", "wmav2"}), kLengthMax);
  EXPECT_THAT(std::string(wma.status().message()), HasSubstr("wmav2"));
}

TEST_F(AudioDecodeTest, MissingFileIsNotFoundAndNamed) {
  const auto audio = DecodeAudioFile("/nowhere/a.wav", kLengthMax);
  EXPECT_EQ(audio.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(audio.status().message()), HasSubstr("/nowhere/a.wav"));
}

}  // namespace
}  // namespace rn
