#include "pipeline/limiter.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace rn {
namespace {

constexpr int kTaps = 12, kBefore = 5;  // of the taps, before the frame

constexpr int kPhases = 3;         // between two samples: four times the rate
constexpr int kStep = 16;          // frames that are looked at as one
constexpr double kRestGap = 1e-5;  // Nearer to 1 than this is 1: 100 dB below the sound.

using Kernel = std::array<std::array<float, kTaps>, kPhases>;

// Sinc under a Hann window. Taps reach from 5 samples before the frame to 6 after it.
Kernel MakeKernel() {
  Kernel kernel{};
  for (int phase = 0; phase < kPhases; ++phase) {
    const double at = (phase + 1.0) / (kPhases + 1.0);
    double sum = 0;
    for (int k = 0; k < kTaps; ++k) {
      const double x = k - kBefore - at;
      const double sinc = std::sin(std::numbers::pi * x) / (std::numbers::pi * x);
      const double window = 0.5 + 0.5 * std::cos(std::numbers::pi * x / (kTaps / 2.0 + 0.5));
      kernel[phase][k] = static_cast<float>(sinc * window);
      sum += sinc * window;
    }
    for (float& tap : kernel[phase]) tap = static_cast<float>(tap / sum);
  }
  return kernel;
}

const Kernel& InterpolationKernel() {
  static const Kernel kernel = MakeKernel();
  return kernel;
}

// No interpolated value is larger than this many times the largest sample.
float Overshoot() {
  static const float overshoot = [] {
    float most = 1;
    for (const auto& phase : InterpolationKernel()) {
      float sum = 0;
      for (const float tap : phase) sum += std::abs(tap);
      most = std::max(most, sum);
    }
    return most * 1.0001F;  // Rounding must not let one through.
  }();
  return overshoot;
}

// Of both channels.
float LargestOf(const float* sound, std::int64_t frames) {
  float largest = 0;
  for (std::int64_t i = 0; i < frames * kChannels; ++i)
    largest = std::max(largest, std::abs(sound[i]));
  return largest;
}

// The largest value between frame i and the next, of both channels, for kStep frames from
// `sound` on (interleaved).
void PeaksBetween(const float* sound, std::array<float, kStep>& peaks) {
  constexpr int kSamples = kStep * kChannels;
  std::array<float, kSamples> largest{};
  for (const auto& phase : InterpolationKernel()) {
    std::array<float, kSamples> value{};
    for (int k = 0; k < kTaps; ++k) {
      const float tap = phase[k];
      const float* in = sound + (k - kBefore) * std::ptrdiff_t{kChannels};
      for (int i = 0; i < kSamples; ++i) value[i] += tap * in[i];
    }
    for (int i = 0; i < kSamples; ++i) largest[i] = std::max(largest[i], std::abs(value[i]));
  }
  for (std::size_t i = 0; i < kStep; ++i) {
    peaks[i] = std::max(largest[2 * i], largest[2 * i + 1]);
  }
}

}  // namespace

TruePeakLimiter::TruePeakLimiter(double ceiling, absl::Duration release)
    : ceiling_(static_cast<float>(ceiling)),
      let_go_(1 - std::exp(-1 / (absl::ToDoubleSeconds(release) * kSampleRate))),
      // One step more than a chunk: the interpolator works in whole steps.
      sound_((kHistory + kChunk + kStep) * kChannels) {
  recent_.fill(1);
}

double TruePeakLimiter::SafePart() {
  return 1 / Overshoot();
}

void TruePeakLimiter::Process(absl::Span<float> block) {
  auto frames = static_cast<std::int64_t>(block.size()) / kChannels;
  for (float* at = block.data(); frames > 0; frames -= kChunk, at += kChunk * kChannels) {
    ProcessChunk(at, std::min(frames, kChunk));
  }
}

void TruePeakLimiter::ProcessChunk(float* block, std::int64_t frames) {
  std::copy_n(block, frames * kChannels, sound_.begin() + kHistory * kChannels);
  // Frames leave kLatencyFrames after they came.
  const float* out = sound_.data() + (kHistory - kLatencyFrames) * kChannels;
  if (rest_ > kWindow && QuietChunk(frames)) {
    std::copy_n(out, frames * kChannels, block);
    last_peak_ = 0;  // Below the ceiling is all that matters of it.
    candidates_.clear();
    frame_ += frames;
  } else {
    FindGainsWanted(frames);
    for (std::int64_t i = 0; i < frames; ++i) {
      const auto gain = static_cast<float>(NextGain(wanted_[i]));
      block[i * kChannels] = out[i * kChannels] * gain;
      block[i * kChannels + 1] = out[i * kChannels + 1] * gain;
    }
  }
  std::copy_n(sound_.begin() + frames * kChannels, kHistory * kChannels, sound_.begin());
}

// Nothing in reach of the interpolator can come out above the ceiling.
bool TruePeakLimiter::QuietChunk(std::int64_t frames) const {
  const std::int64_t begin = kHistory - kTapsAfter - kTapsBefore - 1;
  return LargestOf(sound_.data() + begin * kChannels, kHistory + frames - begin) * Overshoot() <=
         ceiling_;
}

// Frame i of the chunk's gains is frame kHistory - kTapsAfter + i of the sound: the newest whose
// peaks are all known.
void TruePeakLimiter::FindGainsWanted(std::int64_t frames) {
  std::array<float, kStep> peaks{};
  for (std::int64_t begin = 0; begin < frames; begin += kStep) {
    const float* sound = sound_.data() + (kHistory - kTapsAfter + begin) * kChannels;
    const std::int64_t count = std::min<std::int64_t>(kStep, frames - begin);
    const float largest =
        LargestOf(sound - kTapsBefore * kChannels, kTapsBefore + count + kTapsAfter);
    if (largest * Overshoot() <= ceiling_ && last_peak_ <= ceiling_) {
      std::fill_n(wanted_.begin() + begin, count, 1.0F);
      last_peak_ = 0;
      continue;
    }
    PeaksBetween(sound, peaks);
    for (std::int64_t i = 0; i < count; ++i) {
      const float peak = std::max({LargestOf(sound + i * kChannels, 1), peaks[i], last_peak_});
      wanted_[begin + i] = peak > ceiling_ ? ceiling_ / peak : 1.0F;
      last_peak_ = peaks[i];
    }
  }
}

// For every frame the mean of the released minima over the window that begins with it: each of
// them saw the frame, so none is above what it wants, and neither is the mean.
double TruePeakLimiter::NextGain(float wanted) {
  while (!candidates_.empty() && candidates_.back().gain >= wanted) candidates_.pop_back();
  candidates_.push_back({frame_, wanted});
  if (candidates_.front().frame < frame_ - kWindow) candidates_.pop_front();
  ++frame_;

  released_ = std::min<double>(candidates_.front().gain, released_ + (1 - released_) * let_go_);
  if (released_ > 1 - kRestGap) released_ = 1;
  recent_sum_ += released_ - recent_[recent_at_];
  recent_[recent_at_] = released_;
  recent_at_ = recent_at_ == kWindow ? 0 : recent_at_ + 1;
  rest_ = released_ == 1 ? std::min(rest_ + 1, kWindow + 1) : 0;
  if (rest_ > kWindow) {
    recent_sum_ = kWindow + 1;  // What rounding has left in it goes.
    return 1;
  }
  return recent_sum_ / (kWindow + 1);
}

}  // namespace rn
