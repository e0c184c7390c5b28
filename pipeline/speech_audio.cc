#include "pipeline/speech_audio.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "hwaccel/ffmpeg.h"
#include "proto/item_error.h"

namespace rn {
namespace {

constexpr absl::Duration kEdgeSilence = absl::Milliseconds(10);
constexpr int kSilenceOfPeak = 256;  // −48 dB: below the softest consonants of the engines

// Engines' own limits (espeak-ng clamps beyond them without a word).
constexpr double kWordsPerMinuteMin = 80, kWordsPerMinuteMax = 450;
constexpr double kPitchMin = 0.5, kPitchMax = 2;
constexpr double kVolumeMax = 4;

// Finds sound in 16-bit mono by its level.
class Sound {
 public:
  explicit Sound(const RawSpeech& raw) : raw_(raw) {
    int peak = 0;
    for (const std::int16_t sample : raw.samples) peak = std::max(peak, std::abs(int{sample}));
    threshold_ = peak / kSilenceOfPeak;
  }
  std::size_t IndexAt(absl::Duration t) const {
    const double index = absl::ToDoubleSeconds(t) * raw_.sample_rate;  // may be infinite
    return static_cast<std::size_t>(
        std::clamp(index, 0.0, static_cast<double>(raw_.samples.size())));
  }
  absl::Duration TimeOf(std::size_t index) const {
    return absl::Seconds(1) * static_cast<double>(index) / raw_.sample_rate;
  }
  // Index of the first audible sample; samples.size() when there is none.
  std::size_t First() const {
    std::size_t i = 0;
    while (i < raw_.samples.size() && !Audible(i)) ++i;
    return i;
  }
  // One past the last audible sample of [begin, end); `begin` when there is none.
  std::size_t End(std::size_t begin, std::size_t end) const {
    while (end > begin && !Audible(end - 1)) --end;
    return end;
  }

 private:
  bool Audible(std::size_t i) const { return std::abs(int{raw_.samples[i]}) > threshold_; }

  const RawSpeech& raw_;  // Outlives us: the caller's.
  int threshold_ = 0;
};

absl::StatusOr<AudioBuffer> ToPipelineAudio(absl::Span<const std::int16_t> mono,
                                            int sample_rate,
                                            double volume) {
  AVChannelLayout layout = AV_CHANNEL_LAYOUT_MONO;
  SwrContext* made = nullptr;
  RETURN_IF_FF_ERROR(swr_alloc_set_opts2(&made,
                                         &layout,
                                         AV_SAMPLE_FMT_FLT,
                                         kSampleRate,
                                         &layout,
                                         AV_SAMPLE_FMT_S16,
                                         sample_rate,
                                         0,
                                         nullptr));
  const UniqueSwrContext resampler(made);
  RETURN_IF_FF_ERROR(swr_init(resampler.get()));

  const auto gain = static_cast<float>(volume);
  const auto frames = static_cast<std::size_t>(av_rescale_rnd(
      static_cast<std::int64_t>(mono.size()), kSampleRate, sample_rate, AV_ROUND_UP));
  AudioBuffer audio;
  audio.samples.reserve(frames * kChannels);
  std::array<float, 4096> block;
  constexpr std::size_t kInputBlock = 1024;  // fits `block` at any rate from 12 kHz up
  std::size_t taken = 0;
  for (bool drained = false; !drained;) {
    const std::size_t input = std::min(kInputBlock, mono.size() - taken);
    const auto* in = reinterpret_cast<const std::uint8_t*>(mono.data() + taken);
    auto* out = reinterpret_cast<std::uint8_t*>(block.data());
    const int got = swr_convert(resampler.get(),
                                &out,
                                static_cast<int>(block.size()),
                                input > 0 ? &in : nullptr,
                                static_cast<int>(input));
    RETURN_IF_FF_ERROR(got);
    taken += input;
    drained = input == 0 && got == 0;
    for (int i = 0; i < got && audio.samples.size() < frames * kChannels; ++i) {
      const float sample = gain * block[static_cast<std::size_t>(i)];
      audio.samples.insert(audio.samples.end(), kChannels, sample);
    }
  }
  audio.samples.resize(frames * kChannels);
  return audio;
}

absl::Status OutOfRange(absl::string_view field, double value, double min, double max) {
  return WithItemError(absl::InvalidArgumentError(absl::StrCat(
                           "voice: ", field, " is ", value, "; valid: ", min, " to ", max)),
                       rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
}

}  // namespace

absl::StatusOr<Prosody> ProsodyOf(const rendernode::Voice& voice) {
  Prosody prosody;
  const auto within = [](double value, double min, double max) {  // NaN is not
    return value >= min && value <= max;
  };
  if (voice.words_per_minute() != 0) {
    prosody.words_per_minute = voice.words_per_minute();
    if (!within(prosody.words_per_minute, kWordsPerMinuteMin, kWordsPerMinuteMax)) {
      return OutOfRange(
          "words_per_minute", prosody.words_per_minute, kWordsPerMinuteMin, kWordsPerMinuteMax);
    }
  }
  if (voice.pitch() != 0) {
    prosody.pitch = voice.pitch();
    if (!within(prosody.pitch, kPitchMin, kPitchMax)) {
      return OutOfRange("pitch", prosody.pitch, kPitchMin, kPitchMax);
    }
  }
  if (voice.volume() != 0) {
    prosody.volume = voice.volume();
    if (!within(prosody.volume, 0, kVolumeMax)) {
      return OutOfRange("volume", prosody.volume, 0, kVolumeMax);
    }
  }
  return prosody;
}

absl::StatusOr<Speech> FinishSpeech(absl::string_view script,
                                    absl::Span<const ScriptCharacter> characters,
                                    const RawSpeech& raw,
                                    double volume) {
  const Sound sound(raw);
  const std::size_t size = raw.samples.size();
  if (sound.First() == size || raw.onsets.empty()) {
    return WithItemError(absl::InternalError("the speech engine made no sound of the script"),
                         rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
  }
  // Where the engine knows its words' ends there is none to be looked for: its noise floor may pass
  // for sound.
  const absl::Duration known_end = raw.onsets.back().end;
  const bool known = known_end < absl::InfiniteDuration();
  const std::size_t audible = known ? sound.IndexAt(raw.onsets.front().at) : sound.First();
  const std::size_t edge = sound.IndexAt(kEdgeSilence);
  const std::size_t first = audible - std::min(edge, audible);
  const std::size_t end =
      std::min(size, (known ? sound.IndexAt(known_end) : sound.End(first, size)) + edge);

  Speech speech;
  const auto kept = absl::MakeConstSpan(raw.samples).subspan(first, end - first);
  auto audio = ToPipelineAudio(kept, raw.sample_rate, volume);
  if (!audio.ok()) {
    return WithItemError(audio.status(), rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
  }
  speech.audio = *std::move(audio);
  speech.words =
      PlaceWords(script,
                 characters,
                 raw.onsets,
                 sound.TimeOf(end),
                 [&](absl::Duration from, absl::Duration to) {
                   return sound.TimeOf(sound.End(sound.IndexAt(from), sound.IndexAt(to)));
                 });
  const absl::Duration cut = sound.TimeOf(first);
  for (SpokenWord& word : speech.words) {
    word.begin = std::clamp(word.begin - cut, absl::ZeroDuration(), speech.audio.length());
    word.end = std::clamp(word.end - cut, word.begin, speech.audio.length());
  }
  return speech;
}

}  // namespace rn
