#include "tests/pipeline/sound.h"

#include <ebur128.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <random>

namespace rn {
namespace {

constexpr double kTwoPi = 2 * std::numbers::pi;

double Seconds(std::int64_t frame) {
  return static_cast<double>(frame) / kSampleRate;
}

void AppendInteger(std::string& bytes, std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i) bytes.push_back(static_cast<char>(value >> (8 * i) & 0xff));
}

}  // namespace

AudioBuffer SoundOf(std::int64_t frames, const SampleAt& at) {
  AudioBuffer sound;
  for (std::int64_t i = 0; i < frames; ++i) {
    sound.samples.insert(sound.samples.end(), kChannels, static_cast<float>(at(i)));
  }
  return sound;
}

MonoSound SpokenAs(const AudioBuffer& sound) {
  MonoSound spoken;
  for (std::int64_t i = 0; i < sound.frames(); ++i) {
    const float sample = sound.samples[static_cast<std::size_t>(i) * kChannels];
    spoken.samples.push_back(static_cast<std::int16_t>(std::lround(sample / spoken.step)));
  }
  return spoken;
}

AudioBuffer Silence(absl::Duration length) {
  return SoundOf(ToSampleFrames(length), [](std::int64_t) { return 0.0; });
}

AudioBuffer Sine(absl::Duration length, double hz, double amplitude) {
  return SoundOf(ToSampleFrames(length),
                 [=](std::int64_t i) { return amplitude * std::sin(kTwoPi * hz * Seconds(i)); });
}

AudioBuffer SpeechLike(absl::Duration length, double amplitude) {
  std::minstd_rand random(7);
  std::uniform_real_distribution<double> noise(-1, 1);
  return SoundOf(ToSampleFrames(length), [&](std::int64_t i) {
    const double t = Seconds(i);
    const double syllable = std::sqrt(std::max(0.0, std::sin(kTwoPi * 2.5 * t)));
    // Glottal pulses that a mouth has rung to: each a peak and its decay.
    const double since = std::fmod(t, 1.0 / 130);
    const double pulse = std::exp(-200 * since) * (0.6 * std::cos(kTwoPi * 500 * since) +
                                                   0.3 * std::cos(kTwoPi * 1500 * since));
    return amplitude * syllable * (pulse + 0.1 * noise(random));
  });
}

AudioBuffer MusicLike(absl::Duration length, double amplitude) {
  std::minstd_rand random(11);
  std::uniform_real_distribution<double> noise(-1, 1);
  AudioBuffer sound = SoundOf(ToSampleFrames(length), [&](std::int64_t i) {
    const double t = Seconds(i);
    const double beat = std::exp(-12 * std::fmod(t, 0.5));
    return amplitude * (0.3 * std::sin(kTwoPi * 110 * t) + 0.2 * std::sin(kTwoPi * 277.2 * t) +
                        0.2 * std::sin(kTwoPi * 1318.5 * t) + 0.3 * beat * noise(random));
  });
  for (std::size_t i = 1; i < sound.samples.size(); i += kChannels) sound.samples[i] *= 0.8F;
  return sound;
}

std::string WavBytes(absl::Span<const float> interleaved, int channels, int rate) {
  constexpr int kIeeeFloat = 3;
  const std::uint64_t data_bytes = interleaved.size() * sizeof(float);
  std::string bytes = "RIFF";
  AppendInteger(bytes, 36 + data_bytes, 4);
  bytes += "WAVEfmt ";
  AppendInteger(bytes, 16, 4);
  AppendInteger(bytes, kIeeeFloat, 2);
  AppendInteger(bytes, channels, 2);
  AppendInteger(bytes, rate, 4);
  AppendInteger(bytes, std::uint64_t{sizeof(float)} * rate * channels, 4);
  AppendInteger(bytes, sizeof(float) * channels, 2);
  AppendInteger(bytes, 8 * sizeof(float), 2);
  bytes += "data";
  AppendInteger(bytes, data_bytes, 4);
  const std::size_t header = bytes.size();
  bytes.resize(header + data_bytes);
  if (data_bytes > 0) std::memcpy(bytes.data() + header, interleaved.data(), data_bytes);
  return bytes;
}

std::string WavBytes(const AudioBuffer& sound) {
  return WavBytes(sound.samples, kChannels, kSampleRate);
}

std::vector<float> ReadAll(MasteredMix& mix) {
  std::vector<float> all;
  std::vector<float> block(2000);  // Not the mix's own block size.
  while (const std::int64_t frames = mix.Read(absl::MakeSpan(block))) {
    all.insert(all.end(), block.begin(), block.begin() + frames * kChannels);
  }
  return all;
}

Measured Measure(absl::Span<const float> samples) {
  ebur128_state* state =
      ebur128_init(kChannels, kSampleRate, EBUR128_MODE_I | EBUR128_MODE_TRUE_PEAK);
  ebur128_add_frames_float(state, samples.data(), samples.size() / kChannels);
  Measured measured;
  ebur128_loudness_global(state, &measured.lufs);
  double peak = 0;
  for (unsigned channel = 0; channel < kChannels; ++channel) {
    double of_channel = 0;
    ebur128_true_peak(state, channel, &of_channel);
    peak = std::max(peak, of_channel);
  }
  measured.true_peak_db = 20 * std::log10(peak);
  ebur128_destroy(&state);
  return measured;
}

double RmsOf(absl::Span<const float> samples, absl::Duration begin, absl::Duration end) {
  double sum = 0;
  for (std::int64_t i = ToSampleFrames(begin); i < ToSampleFrames(end); ++i) {
    const double sample = samples[static_cast<std::size_t>(i * kChannels)];
    sum += sample * sample;
  }
  return std::sqrt(sum / static_cast<double>(ToSampleFrames(end) - ToSampleFrames(begin)));
}

}  // namespace rn
