#include "pipeline/audio_mix.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/status.h"
#include "pipeline/limiter.h"
#include "pipeline/loudness.h"
#include "pipeline/mix_sources.h"

namespace rn {
namespace {

constexpr std::int64_t kBlockFrames = 1024;
// AAC is lossy: what it gives back overshoots what it was given, by up to 0.7 dB on dense music
// that was limited hard. The limiter stays so much below the peak promised of the finished file.
constexpr double kCodecHeadroomDb = 0.8;

// For sounds that are mostly peaks, speech on one side alone say: the slower release holds down
// what is between them too, and no gain makes up for that.
constexpr absl::Duration kReleaseOfPeaks = absl::Milliseconds(15);

using Sources = std::shared_ptr<const MixSources>;

// The sources under a gain and a limiter. Always works in the same blocks, however it is read: two
// readings of one mix are equal to the bit.
class LimitedMix final : public MasteredMix {
 public:
  LimitedMix(Sources sources, double gain, double ceiling, absl::Duration release)
      : sources_(std::move(sources)),
        gain_(static_cast<float>(gain)),
        limiter_(ceiling, release),
        block_(kBlockFrames * kChannels) {
    NextBlock();
    read_ = TruePeakLimiter::kLatencyFrames;  // What it was filled with at first.
  }

  std::int64_t Read(absl::Span<float> out) override {
    const std::int64_t wanted = std::min(static_cast<std::int64_t>(out.size()) / kChannels,
                                         sources_->frames() - delivered_);
    std::int64_t got = 0;
    while (got < wanted) {
      if (read_ == kBlockFrames) NextBlock();
      const std::int64_t frames = std::min(wanted - got, kBlockFrames - read_);
      std::copy_n(
          block_.begin() + read_ * kChannels, frames * kChannels, out.begin() + got * kChannels);
      read_ += frames;
      got += frames;
    }
    delivered_ += got;
    return got;
  }

 private:
  void NextBlock() {
    sources_->Mix(mixed_, absl::MakeSpan(block_));
    for (float& sample : block_) sample *= gain_;
    limiter_.Process(absl::MakeSpan(block_));
    mixed_ += kBlockFrames;
    read_ = 0;
  }

  const Sources sources_;
  const float gain_;
  TruePeakLimiter limiter_;
  std::vector<float> block_;
  std::int64_t mixed_ = 0, read_ = 0, delivered_ = 0;
};

struct RawMeasure {
  std::optional<double> lufs;
  LimiterForecast forecast;
};

RawMeasure MeasureRaw(const MixSources& sources) {
  RawMeasure measure;
  LoudnessMeter meter;
  std::vector<float> block(kBlockFrames * kChannels);
  for (std::int64_t at = 0; at < sources.frames(); at += kBlockFrames) {
    const std::int64_t frames = std::min(kBlockFrames, sources.frames() - at);
    const auto part = absl::MakeSpan(block).first(static_cast<std::size_t>(frames) * kChannels);
    sources.Mix(at, part);
    measure.forecast.Add(part);
    meter.Add(part);
  }
  measure.lufs = meter.Integrated();
  return measure;
}

std::optional<double> MeasureLimited(const Sources& sources,
                                     double gain,
                                     double ceiling,
                                     absl::Duration release) {
  LimitedMix mix(sources, gain, ceiling, release);
  LoudnessMeter meter;
  std::vector<float> block(kBlockFrames * kChannels);
  while (const std::int64_t frames = mix.Read(absl::MakeSpan(block))) {
    meter.Add(absl::MakeSpan(block).first(static_cast<std::size_t>(frames) * kChannels));
  }
  return meter.Integrated();
}

}  // namespace

absl::StatusOr<std::unique_ptr<MasteredMix>> Master(const MixPlan& plan,
                                                    const SpeechTracks& tracks,
                                                    SharedWork* shared) {
  ASSIGN_OR_RETURN(MixSources loaded,
                   MixSources::Load(plan, tracks, MixSources::kDecodedMax, shared));
  const auto sources = std::make_shared<const MixSources>(std::move(loaded));
  const double ceiling = FromDecibels(plan.true_peak_db - kCodecHeadroomDb);
  const RawMeasure raw = MeasureRaw(*sources);
  absl::Duration release = TruePeakLimiter::kRelease;
  double gain_db = raw.lufs ? plan.target_lufs - *raw.lufs : 0;
  // Where the limiter has nothing to do, the measure of the raw mix says it all.
  if (raw.lufs &&
      raw.forecast.peak() * FromDecibels(gain_db) > ceiling * TruePeakLimiter::SafePart()) {
    const double first_db = raw.forecast.Drive(gain_db, ceiling);
    const double max_db = gain_db + kDriveMaxDb;
    const auto limited = [&](double db) {
      return MeasureLimited(sources, FromDecibels(db), ceiling, release);
    };
    gain_db = DriveIntoLimiter(first_db, max_db, plan.target_lufs, limited);
    if (gain_db == max_db) {
      release = kReleaseOfPeaks;
      gain_db = DriveIntoLimiter(first_db, max_db, plan.target_lufs, limited);
    }
  }
  return std::make_unique<LimitedMix>(sources, FromDecibels(gain_db), ceiling, release);
}

}  // namespace rn
