#include "pipeline/cue_player.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

#include "base/status.h"

namespace rn {
namespace {

// Gains are worked out this often and run straight in between: 0.7 ms.
constexpr std::int64_t kControlFrames = 32;

// Two sounds that have nothing in common keep their power when one fades in as the other goes out.
double EqualPower(double u) {
  return std::sin(std::clamp(u, 0.0, 1.0) * std::numbers::pi / 2);
}

double FadeAt(std::int64_t into, std::int64_t fade) {
  return into >= fade ? 1.0 : EqualPower(static_cast<double>(into) / static_cast<double>(fade));
}

// Level before the first point and after the last one; of two at one time the later counts from
// there on.
double EnvelopeAt(const std::vector<EnvelopePoint>& points, std::int64_t frame) {
  const auto after = std::upper_bound(
      points.begin(), points.end(), frame, [](std::int64_t at, const EnvelopePoint& point) {
        return at < point.frame;
      });
  if (after == points.begin()) return after->gain;
  const EnvelopePoint& before = *std::prev(after);
  if (after == points.end()) return before.gain;
  const double t =
      static_cast<double>(frame - before.frame) / static_cast<double>(after->frame - before.frame);
  return before.gain + (after->gain - before.gain) * t;
}

// out += in × a gain that runs from `begin` to `end`.
void AddRamp(const float* in, std::int64_t frames, double begin, double end, float* out) {
  const auto first = static_cast<float>(begin);
  if (begin == end) {
    for (std::int64_t i = 0; i < frames * kChannels; ++i) out[i] += in[i] * first;
    return;
  }
  const auto step = static_cast<float>((end - begin) / static_cast<double>(frames));
  for (std::int64_t i = 0; i < frames; ++i) {
    const float gain = first + step * static_cast<float>(i);
    out[i * kChannels] += in[i * kChannels] * gain;
    out[i * kChannels + 1] += in[i * kChannels + 1] * gain;
  }
}

}  // namespace

std::int64_t CueSound::frames() const {
  return static_cast<std::int64_t>(stereo.empty() ? mono.size() : stereo.size() / kChannels);
}

CueSound CueSound::Part(std::int64_t begin, std::int64_t count) const {
  const auto first = static_cast<std::size_t>(begin), n = static_cast<std::size_t>(count);
  if (stereo.empty()) return {.mono = mono.subspan(first, n), .mono_step = mono_step};
  return {.stereo = stereo.subspan(first * kChannels, n * kChannels)};
}

void CueSound::Read(std::int64_t begin, absl::Span<float> to) const {
  if (!stereo.empty()) {
    std::copy_n(stereo.begin() + begin * kChannels, to.size(), to.begin());
    return;
  }
  const std::int16_t* in = mono.data() + begin;
  for (std::size_t i = 0; i < to.size(); ++i) {
    to[i] = mono_step * static_cast<float>(in[i / kChannels]);
  }
}

CuePlayer::CuePlayer(const CueSound& sound, CuePlacement placement)
    : sound_(sound),
      placement_(std::move(placement)),
      frames_(sound.frames()),
      round_(frames_ - placement_.loop_crossfade.value_or(0)) {
  CHECK(frames_ > 0 && placement_.loop_crossfade.value_or(0) * 2 <= frames_);
  CHECK(placement_.loop_crossfade || placement_.range.end - placement_.range.begin <= frames_);
}

void CuePlayer::AddTo(std::int64_t at, absl::Span<float> block) const {
  const std::int64_t block_frames = static_cast<std::int64_t>(block.size()) / kChannels;
  const std::int64_t end = std::min(at + block_frames, placement_.range.end);
  std::int64_t frame = std::max(at, placement_.range.begin);
  if (frame >= end) return;
  double gain = GainAt(frame);
  while (frame < end) {
    const Piece piece = PieceAt(frame, std::min(kControlFrames, end - frame));
    const double gain_end = GainAt(frame + piece.frames);
    float* out = block.data() + (frame - at) * kChannels;
    if (piece.leaving) {
      AddStretch(*piece.leaving,
                 piece.frames,
                 gain * EqualPower(1 - piece.fade_begin),
                 gain_end * EqualPower(1 - piece.fade_end),
                 out);
      AddStretch(piece.from,
                 piece.frames,
                 gain * EqualPower(piece.fade_begin),
                 gain_end * EqualPower(piece.fade_end),
                 out);
    } else {
      AddStretch(piece.from, piece.frames, gain, gain_end, out);
    }
    frame += piece.frames;
    gain = gain_end;
  }
}

void CuePlayer::AddStretch(
    std::int64_t from, std::int64_t frames, double begin, double end, float* out) const {
  if (!sound_.stereo.empty()) {
    AddRamp(sound_.stereo.data() + from * kChannels, frames, begin, end, out);
    return;
  }
  std::array<float, kControlFrames * kChannels> both;
  sound_.Read(from, absl::MakeSpan(both).first(static_cast<std::size_t>(frames) * kChannels));
  AddRamp(both.data(), frames, begin, end, out);
}

CuePlayer::Piece CuePlayer::PieceAt(std::int64_t frame, std::int64_t frames_max) const {
  const std::int64_t into = frame - placement_.range.begin;
  if (!placement_.loop_crossfade) return {.frames = frames_max, .from = into};
  const std::int64_t crossfade = *placement_.loop_crossfade;
  const std::int64_t offset = into % round_;
  Piece piece{.frames = std::min(frames_max, round_ - offset), .from = offset};
  // Nothing comes before the first round.
  if (into >= round_ && offset < crossfade) {
    piece.frames = std::min(piece.frames, crossfade - offset);
    piece.leaving = round_ + offset;
    piece.fade_begin = static_cast<double>(offset) / static_cast<double>(crossfade);
    piece.fade_end = static_cast<double>(offset + piece.frames) / static_cast<double>(crossfade);
  }
  return piece;
}

double CuePlayer::GainAt(std::int64_t frame) const {
  double gain = placement_.gain * FadeAt(frame - placement_.range.begin, placement_.fade_in) *
                FadeAt(placement_.range.end - frame, placement_.fade_out);
  if (!placement_.envelope.empty()) gain *= EnvelopeAt(placement_.envelope, frame);
  if (placement_.duck) gain *= placement_.duck->GainAt(frame);
  return gain;
}

}  // namespace rn
