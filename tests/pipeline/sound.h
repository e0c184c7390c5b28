// Sounds made in memory, files of them, and what can be read off a mix.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "pipeline/audio_buffer.h"
#include "pipeline/audio_mix.h"

namespace rn {

// `frames` stereo frames; both channels get `at(frame)`.
using SampleAt = std::function<double(std::int64_t frame)>;
AudioBuffer SoundOf(std::int64_t frames, const SampleAt& at);
// Its left channel, as an engine speaks.
MonoSound SpokenAs(const AudioBuffer& sound);
AudioBuffer Silence(absl::Duration length);
AudioBuffer Sine(absl::Duration length, double hz, double amplitude);

// Like speech to a meter: voiced bursts a fifth of a second long, peaks 16 dB over the loudness.
AudioBuffer SpeechLike(absl::Duration length, double amplitude);
// Like music: chords and beats, wide and dense.
AudioBuffer MusicLike(absl::Duration length, double amplitude);

// A WAV file's bytes, 32-bit float: exact.
std::string WavBytes(absl::Span<const float> interleaved, int channels, int rate);
std::string WavBytes(const AudioBuffer& sound);

std::vector<float> ReadAll(MasteredMix& mix);

// By libebur128, over all of it. LUFS: -infinity for silence.
struct Measured {
  double lufs = 0;
  double true_peak_db = 0;
};
Measured Measure(absl::Span<const float> samples);

// Root mean square of the left channel over [begin, end).
double RmsOf(absl::Span<const float> samples, absl::Duration begin, absl::Duration end);

}  // namespace rn
