#include "pipeline/speech_audio.h"

#include <algorithm>
#include <array>
#include <cmath>
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

struct SampleSpan {
  std::size_t begin = 0, end = 0;
};

// Finds sound in 16-bit mono by its level.
class Sound {
 public:
  explicit Sound(const RawSpeech& raw) : raw_(raw) {
    int peak = 0;
    for (const std::int16_t sample : raw.samples) peak = std::max(peak, std::abs(int{sample}));
    threshold_ = peak / kSilenceOfPeak;
  }
  std::size_t IndexOf(absl::Duration length) const {
    return static_cast<std::size_t>(absl::ToDoubleSeconds(length) * raw_.sample_rate);
  }
  std::size_t IndexAt(absl::Duration t) const {
    const double index = absl::ToDoubleSeconds(t) * raw_.sample_rate;  // may be infinite
    return static_cast<std::size_t>(
        std::clamp(index, 0.0, static_cast<double>(raw_.samples.size())));
  }
  absl::Duration TimeOf(std::size_t index) const {
    return absl::Seconds(1) * static_cast<double>(index) / raw_.sample_rate;
  }
  // From the first sound to the last, as the engine's own word times say: its noise floor may pass
  // for sound. Empty when there is none.
  SampleSpan Heard() const {
    const std::size_t size = raw_.samples.size();
    const std::size_t first = First();
    if (first == size || raw_.onsets.empty()) return {size, size};
    const absl::Duration end = raw_.onsets.back().end;
    if (end == absl::InfiniteDuration()) return {first, End(first, size)};
    return {IndexAt(raw_.onsets.front().at), IndexAt(end)};
  }
  SampleSpan HeardWithEdges() const {
    const SampleSpan heard = Heard();
    if (heard.begin == heard.end) return heard;
    const std::size_t edge = IndexOf(kEdgeSilence);
    return {heard.begin - std::min(edge, heard.begin),
            std::min(raw_.samples.size(), heard.end + edge)};
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

absl::StatusOr<MonoSound> ToPipelineAudio(absl::Span<const std::int16_t> mono,
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

  const auto frames = static_cast<std::size_t>(av_rescale_rnd(
      static_cast<std::int64_t>(mono.size()), kSampleRate, sample_rate, AV_ROUND_UP));
  MonoSound audio;
  audio.step = static_cast<float>(volume) * MonoSound::kUnityStep;
  audio.samples.reserve(frames);
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
    for (int i = 0; i < got && audio.samples.size() < frames; ++i) {
      constexpr float kMax = 32767;
      const float steps = block[static_cast<std::size_t>(i)] / MonoSound::kUnityStep;
      audio.samples.push_back(
          static_cast<std::int16_t>(std::lround(std::clamp(steps, -kMax, kMax))));
    }
  }
  audio.samples.resize(frames);
  return audio;
}

absl::Status OutOfRange(absl::string_view field, double value, double min, double max) {
  return WithItemError(absl::InvalidArgumentError(absl::StrCat(
                           "voice: ", field, " is ", value, "; valid: ", min, " to ", max)),
                       rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
}

bool Within(double value, double min, double max) {  // NaN is not
  return value >= min && value <= max;
}

double OrOne(double factor) {
  return factor == 0 ? 1 : factor;
}

// Stressed words are slower, higher and louder; reduced ones the other way round.
struct Stress {
  double rate = 1, pitch = 1, volume = 1;
};
Stress StressOf(int level) {
  switch (level) {
    case 2:
      return {0.8, 1.18, 1.5};
    case 1:
      return {0.9, 1.1, 1.25};
    case -1:
      return {1.1, 0.95, 0.7};
    default:
      return {};
  }
}

// Each part of the script at its volume, the loudest at full scale: nothing is cut off that was
// not. Gains change over a few milliseconds, or they click.
double ApplyVolumes(const Script& script, absl::Span<const Prosody> prosody, RawSpeech& raw) {
  constexpr absl::Duration kRamp = absl::Milliseconds(8);
  double loudest = 0;
  for (const Onset& onset : raw.onsets) {
    loudest = std::max(loudest, prosody[script.characters[onset.character].style].volume);
  }
  if (prosody.size() == 1 || loudest == 0) return loudest;
  const auto ramp = std::max(1.0, std::round(absl::ToDoubleSeconds(kRamp) * raw.sample_rate));
  const Sound sound(raw);
  std::size_t at = 0;
  const auto volume_of = [&](const Onset& onset) {
    return prosody[script.characters[onset.character].style].volume / loudest;
  };
  double gain = volume_of(raw.onsets.front());
  double target = gain;
  const auto advance = [&](std::size_t end) {
    for (; at < end; ++at) {
      gain += std::clamp(target - gain, -1 / ramp, 1 / ramp);
      raw.samples[at] = static_cast<std::int16_t>(std::lround(gain * raw.samples[at]));
    }
  };
  for (const Onset& onset : raw.onsets) {
    advance(sound.IndexAt(onset.at - kRamp));
    target = volume_of(onset);
  }
  advance(raw.samples.size());
  return loudest;
}

}  // namespace

absl::StatusOr<std::vector<Prosody>> ProsodyOf(const rendernode::Voice& voice,
                                               const Script& script,
                                               double own_words_per_minute) {
  const double words =
      voice.words_per_minute() == 0 ? own_words_per_minute : 1.0 * voice.words_per_minute();
  std::vector<Prosody> all;
  for (const ScriptStyle& style : script.styles) {
    Prosody prosody{.words_per_minute = words * OrOne(voice.rate()) * style.rate,
                    .pitch = OrOne(voice.pitch()) * style.pitch,
                    .volume = OrOne(voice.volume()) * style.volume};
    if (!Within(prosody.words_per_minute, kWordsPerMinuteMin, kWordsPerMinuteMax)) {
      return OutOfRange(
          "words_per_minute", prosody.words_per_minute, kWordsPerMinuteMin, kWordsPerMinuteMax);
    }
    if (!Within(prosody.pitch, kPitchMin, kPitchMax)) {
      return OutOfRange("pitch", prosody.pitch, kPitchMin, kPitchMax);
    }
    if (!Within(prosody.volume, 0, kVolumeMax)) {
      return OutOfRange("volume", prosody.volume, 0, kVolumeMax);
    }
    const Stress stress = StressOf(style.stress);
    prosody.words_per_minute =
        std::clamp(prosody.words_per_minute * stress.rate, kWordsPerMinuteMin, kWordsPerMinuteMax);
    prosody.stressed_pitch = std::clamp(prosody.pitch * stress.pitch, kPitchMin, kPitchMax);
    prosody.volume = std::min(prosody.volume * stress.volume, kVolumeMax);
    all.push_back(prosody);
  }
  return all;
}

void AppendPiece(RawSpeech piece, absl::Duration pause, RawSpeech& speech) {
  const Sound sound(piece);
  const SampleSpan heard = sound.HeardWithEdges();
  if (heard.begin == heard.end) return;
  if (speech.samples.empty()) {
    piece.samples.resize(heard.end);
    speech = std::move(piece);
    return;
  }
  const absl::Duration silence = std::max(absl::ZeroDuration(), pause - 2 * kEdgeSilence);
  speech.samples.resize(speech.samples.size() + sound.IndexOf(silence));
  const absl::Duration shift = sound.TimeOf(speech.samples.size()) - sound.TimeOf(heard.begin);
  for (Onset onset : piece.onsets) {
    onset.at += shift;
    onset.end += shift;
    speech.onsets.push_back(onset);
  }
  const auto kept =
      absl::MakeConstSpan(piece.samples).subspan(heard.begin, heard.end - heard.begin);
  speech.samples.insert(speech.samples.end(), kept.begin(), kept.end());
}

absl::StatusOr<Speech> FinishSpeech(const Script& script,
                                    RawSpeech raw,
                                    absl::Span<const Prosody> prosody) {
  const Sound sound(raw);
  const SampleSpan heard = sound.HeardWithEdges();
  if (heard.begin == heard.end) {
    return WithItemError(absl::InternalError("the speech engine made no sound of the script"),
                         rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
  }
  if (const absl::Duration length = sound.TimeOf(heard.end - heard.begin); length > kNarrationMax) {
    return WithItemError(absl::InvalidArgumentError(absl::StrCat(
                             "the script takes ",
                             absl::FormatDuration(absl::Trunc(length, absl::Seconds(1))),
                             " to say; at most ",
                             absl::FormatDuration(kNarrationMax))),
                         rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
  }
  Speech speech;
  speech.words =
      PlaceWords(script.text,
                 script.characters,
                 raw.onsets,
                 sound.TimeOf(heard.end),
                 [&](absl::Duration from, absl::Duration to) {
                   return sound.TimeOf(sound.End(sound.IndexAt(from), sound.IndexAt(to)));
                 });
  const double volume = ApplyVolumes(script, prosody, raw);
  const auto kept = absl::MakeConstSpan(raw.samples).subspan(heard.begin, heard.end - heard.begin);
  auto audio = ToPipelineAudio(kept, raw.sample_rate, volume);
  if (!audio.ok()) {
    return WithItemError(audio.status(), rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
  }
  speech.audio = *std::move(audio);
  const absl::Duration cut = sound.TimeOf(heard.begin);
  for (SpokenWord& word : speech.words) {
    word.begin = std::clamp(word.begin - cut, absl::ZeroDuration(), speech.audio.length());
    word.end = std::clamp(word.end - cut, word.begin, speech.audio.length());
  }
  return speech;
}

}  // namespace rn
