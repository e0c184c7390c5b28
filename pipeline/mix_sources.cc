#include "pipeline/mix_sources.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/nearest.h"
#include "base/status.h"
#include "pipeline/loudness.h"
#include "pipeline/resample.h"
#include "proto/item_error.h"

namespace rn {
namespace {

// Where a sound is cut off in the middle it gets a fade of this length at least, or it clicks.
constexpr absl::Duration kCutFade = absl::Milliseconds(3);
constexpr double kMatchDbMax = 40;  // Beyond, it is the noise that is heard.
constexpr absl::Duration kLoopMin = absl::Milliseconds(50);  // Shorter is a tone, not a loop.

// What a cue could be heard of, before anything is known of its source.
struct Slot {
  const AudioCue& cue;
  SampleRange range;           // on the timeline
  std::int64_t trim = 0;       // frames of the source before the first one heard
  std::int64_t crossfade = 0;  // as asked for
  std::int64_t round = 0;      // of a loop; 0: as the source has it
  std::int64_t frames() const { return range.end - range.begin; }

  // To know whether the source goes on beyond: one frame, and the cross-fade before its end.
  AudioRange Wanted() const {
    std::int64_t played = frames() + crossfade + 1;
    if (round > 0) played = std::min(played, round + crossfade);
    auto used = static_cast<std::int64_t>(std::ceil(static_cast<double>(played) * cue.speed));
    if (cue.trim_length != absl::InfiniteDuration()) {
      // A loop fades over to its beginning with what comes after.
      const double beyond = round > 0 ? static_cast<double>(crossfade) * cue.speed : 0;
      used = std::min(
          used, ToSampleFrames(cue.trim_length) + static_cast<std::int64_t>(std::ceil(beyond)));
    }
    return {trim, trim + used};
  }
};

Slot SlotOf(const AudioCue& cue, std::int64_t mix_frames) {
  Slot slot{cue, {ToSampleFrames(cue.start), mix_frames}};
  if (cue.length != absl::InfiniteDuration()) {
    slot.range.end = std::min(slot.range.end, ToSampleFrames(cue.start + cue.length));
  }
  slot.range.end = std::max(slot.range.begin, slot.range.end);
  slot.trim = ToSampleFrames(cue.trim_start);
  if (!cue.loop) return slot;
  slot.crossfade = ToSampleFrames(cue.loop_crossfade);
  slot.round = ToSampleFrames(cue.loop_round);
  if (slot.round > 0) {
    slot.crossfade = std::min(std::max(slot.crossfade, ToSampleFrames(kCutFade)), slot.round);
  }
  return slot;
}

using Samples = absl::Span<const float>;

// Silence follows where sound may have gone on.
void FadeEnd(AudioBuffer& audio) {
  const std::int64_t fade = std::min(ToSampleFrames(kCutFade), audio.frames());
  for (std::int64_t i = 0; i < fade * kChannels; ++i) {
    const std::int64_t frame = i / kChannels;
    const float left = static_cast<float>(frame) / static_cast<float>(fade);
    audio.samples[audio.samples.size() - 1 - static_cast<std::size_t>(i)] *= left;
  }
}

class SourceLoader {
 public:
  SourceLoader(const SpeechTracks& tracks, absl::Duration decoded_max, SharedWork* shared)
      : tracks_(tracks),
        decoded_max_(decoded_max),
        shared_(shared),
        left_(ToSampleFrames(decoded_max)) {}

  // All slots first: a file is decoded once, wide enough for all of them.
  void Note(const Slot& slot) {
    if (slot.cue.file.empty()) return;
    const AudioRange wanted = slot.Wanted();
    const auto [known, added] = ranges_.emplace(slot.cue.file, wanted);
    if (added) return;
    known->second.begin = std::min(known->second.begin, wanted.begin);
    known->second.end = std::max(known->second.end, wanted.end);
  }

  // What is heard of the source, from the slot's trim on, at its speed.
  absl::StatusOr<CueSound> SoundOf(const Slot& slot) {
    ASSIGN_OR_RETURN(CueSound sound, TrimmedOf(slot));
    const AudioRange wanted = slot.Wanted();
    sound = sound.Part(0, wanted.end - wanted.begin);
    if (sound.frames() == 0 || (slot.cue.speed == 1 && slot.round == 0)) return sound;
    AudioBuffer made;
    if (slot.cue.speed == 1 || sound.stereo.empty()) {
      made.samples.resize(static_cast<std::size_t>(sound.frames()) * kChannels);
      sound.Read(0, absl::MakeSpan(made.samples));
      sound = {.stereo = made.samples};
    }
    if (slot.cue.speed != 1) {
      ASSIGN_OR_RETURN(made, AtSpeed(sound.stereo, slot.cue.speed));
    }
    if (slot.round > 0) {
      if (made.frames() < slot.round + slot.crossfade) FadeEnd(made);
      made.samples.resize(static_cast<std::size_t>(slot.round + slot.crossfade) * kChannels);
    }
    RETURN_IF_ERROR(Spend(made.frames()));
    made_.push_back(std::make_unique<const AudioBuffer>(std::move(made)));
    return CueSound{.stereo = made_.back()->samples};
  }

  std::map<std::string, SharedSound> TakeFiles() { return std::move(files_); }
  std::vector<std::unique_ptr<const AudioBuffer>> TakeMade() { return std::move(made_); }

 private:
  absl::StatusOr<CueSound> TrimmedOf(const Slot& slot) {
    std::int64_t skipped = 0;
    CueSound sound;
    if (slot.cue.file.empty()) {
      const auto track = tracks_.find(slot.cue.speech);
      if (track == tracks_.end()) return UnknownSpeech(slot.cue.speech);
      sound.mono = track->second.audio.samples;
      sound.mono_step = track->second.audio.step;
    } else {
      ASSIGN_OR_RETURN(sound.stereo, FileOf(slot.cue.file));
      skipped = ranges_.at(slot.cue.file).begin;
    }
    const std::int64_t trim = slot.trim - skipped;
    if (trim >= sound.frames()) {
      if (slot.trim == 0 || slot.cue.may_run_out) return CueSound();
      return absl::InvalidArgumentError(
          absl::StrFormat("nothing is left of it after trim_start, %.2f s",
                          absl::ToDoubleSeconds(slot.cue.trim_start)));
    }
    return sound.Part(trim, sound.frames() - trim);
  }

  absl::Status UnknownSpeech(const std::string& id) const {
    std::vector<std::string> ids;
    for (const auto& track : tracks_) ids.push_back(track.first);
    return absl::InvalidArgumentError(UnknownName("speech", id, ids));
  }

  absl::StatusOr<Samples> FileOf(const std::string& file) {
    if (const auto loaded = files_.find(file); loaded != files_.end()) {
      return loaded->second.samples;
    }
    AudioRange range = ranges_.at(file);
    range.end = std::min(range.end, range.begin + left_ + 1);
    absl::StatusOr<SharedSound> audio =
        shared_ == nullptr ? Decoded(file, range) : shared_->Sound(file, range);
    if (!audio.ok()) return Annotate(audio.status(), file);
    const auto frames = static_cast<std::int64_t>(audio->samples.size()) / kChannels;
    if (const absl::Status spent = Spend(frames); !spent.ok()) return Annotate(spent, file);
    return files_.emplace(file, *std::move(audio)).first->second.samples;
  }

  static absl::StatusOr<SharedSound> Decoded(const std::string& file, const AudioRange& range) {
    ASSIGN_OR_RETURN(AudioBuffer decoded, DecodeAudioRange(file, range));
    auto buffer = std::make_shared<const AudioBuffer>(std::move(decoded));
    const Samples samples = buffer->samples;
    return SharedSound{std::move(buffer), samples};
  }

  absl::Status Spend(std::int64_t frames) {
    left_ -= frames;
    if (left_ >= 0) return absl::OkStatus();
    return absl::ResourceExhaustedError(absl::StrCat("the sounds of the video are longer than ",
                                                     absl::FormatDuration(decoded_max_),
                                                     " together"));
  }

  const SpeechTracks& tracks_;
  const absl::Duration decoded_max_;
  SharedWork* const shared_;  // null: nothing is shared
  std::map<std::string, AudioRange> ranges_;
  std::map<std::string, SharedSound> files_;
  std::vector<std::unique_ptr<const AudioBuffer>> made_;
  std::int64_t left_;  // sample frames that may still be decoded
};

std::optional<double> LoudnessOf(const CueSound& sound, float gain) {
  LoudnessMeter meter;
  constexpr std::int64_t kBlock = 4800;
  std::vector<float> block(kBlock * kChannels);
  for (std::int64_t at = 0; at < sound.frames(); at += kBlock) {
    const std::int64_t frames = std::min(kBlock, sound.frames() - at);
    const auto part = absl::MakeSpan(block).first(static_cast<std::size_t>(frames) * kChannels);
    sound.Read(at, part);
    for (float& sample : part) sample *= gain;
    meter.Add(part);
  }
  return meter.Integrated();
}

// The gain that brings it to `lufs`; 1 where it is silent or too short to have a loudness.
double MatchingGain(const CueSound& sound, double lufs) {
  std::optional<double> is = LoudnessOf(sound, 1);
  if (!is) return 1;
  // Near the meter's gate the quiet parts are left out: measured again where nothing is.
  constexpr double kNearGate = -35;
  const double lifted = *is < kNearGate ? FromDecibels(lufs - *is) : 1;
  if (lifted != 1) is = LoudnessOf(sound, static_cast<float>(lifted));
  return is ? std::min(lifted * FromDecibels(lufs - *is), FromDecibels(kMatchDbMax)) : 1;
}

absl::StatusOr<double> MatchingGainOf(const Slot& slot, const CueSound& sound, SharedWork* shared) {
  const double lufs = *slot.cue.loudness;
  const auto measure = [&] { return MatchingGain(sound, lufs); };
  const bool as_in_file = !slot.cue.file.empty() && slot.cue.speed == 1 && slot.round == 0;
  if (shared == nullptr || !as_in_file) return measure();
  return shared->MatchingGain(
      slot.cue.file, {.begin = slot.trim, .frames = sound.frames(), .lufs = lufs}, measure);
}

// How the sound fills the slot. Its end is not heard: cut, looped or the mix is over.
absl::StatusOr<CuePlacement> PlacementOf(const Slot& slot,
                                         const CueSound& sound,
                                         SharedWork* shared) {
  const AudioCue& cue = slot.cue;
  const std::int64_t frames = sound.frames();
  CuePlacement placement{.range = slot.range, .gain = cue.gain};
  if (cue.loudness) {
    ASSIGN_OR_RETURN(const double matching, MatchingGainOf(slot, sound, shared));
    placement.gain *= matching;
  }
  // Or the source may go on where it is trimmed.
  bool cut = frames > slot.frames() || cue.trim_length != absl::InfiniteDuration();
  if (cue.loop && frames < slot.frames() + slot.crossfade) {
    if (frames < ToSampleFrames(kLoopMin)) {
      return absl::InvalidArgumentError(
          absl::StrCat("too short to loop; at least ", absl::FormatDuration(kLoopMin)));
    }
    placement.loop_crossfade = std::min(slot.crossfade, frames / 2);
    cut = true;
  } else {
    placement.range.end = std::min(placement.range.end, placement.range.begin + frames);
  }
  const std::int64_t cut_fade = ToSampleFrames(kCutFade);
  for (const GainPoint& point : cue.envelope) {
    std::int64_t at = ToSampleFrames(cue.start + point.time);
    // A jump would click.
    if (!placement.envelope.empty()) at = std::max(at, placement.envelope.back().frame + cut_fade);
    placement.envelope.push_back({at, point.gain});
  }
  placement.fade_in = std::max(ToSampleFrames(cue.fade_in), slot.trim > 0 ? cut_fade : 0);
  placement.fade_out = std::max(ToSampleFrames(cue.fade_out), cut ? cut_fade : 0);
  return placement;
}

absl::Status At(const AudioCue& cue, const absl::Status& status) {
  return WithItemError(Annotate(status, cue.pointer), rendernode::ITEM_ERROR_TEMPLATE_RENDER_ERROR);
}

}  // namespace

absl::StatusOr<MixSources> MixSources::Load(const MixPlan& plan,
                                            const SpeechTracks& tracks,
                                            absl::Duration decoded_max,
                                            SharedWork* shared) {
  std::vector<Slot> slots;
  SourceLoader loader(tracks, decoded_max, shared);
  for (const AudioCue& cue : plan.cues) {
    const Slot slot = SlotOf(cue, plan.sample_frames);
    if (slot.frames() == 0) continue;
    loader.Note(slot);
    slots.push_back(slot);
  }

  struct Placed {
    const AudioCue& cue;
    CueSound sound;
    CuePlacement placement;
  };
  std::vector<Placed> placed;
  for (const Slot& slot : slots) {
    const absl::StatusOr<CueSound> sound = loader.SoundOf(slot);
    if (!sound.ok()) return At(slot.cue, sound.status());
    if (sound->frames() == 0) continue;
    absl::StatusOr<CuePlacement> placement = PlacementOf(slot, *sound, shared);
    if (!placement.ok()) return At(slot.cue, placement.status());
    placed.push_back({slot.cue, *sound, *std::move(placement)});
  }

  MixSources sources;
  sources.files_ = loader.TakeFiles();
  sources.made_ = loader.TakeMade();
  sources.frames_ = plan.sample_frames;
  for (Placed& each : placed) {
    if (each.cue.duck) {
      std::vector<SampleRange> sounds;
      for (const Placed& other : placed) {
        const auto& under = each.cue.duck->under;
        // A name that nothing bears here is a sound that this row does without.
        if (std::find(under.begin(), under.end(), other.cue.name) != under.end()) {
          sounds.push_back(other.placement.range);
        }
      }
      each.placement.duck.emplace(*each.cue.duck, std::move(sounds));
    }
    sources.players_.emplace_back(each.sound, each.placement);
  }
  return sources;
}

void MixSources::Mix(std::int64_t at, absl::Span<float> block) const {
  std::fill(block.begin(), block.end(), 0.0F);
  for (const CuePlayer& player : players_) player.AddTo(at, block);
}

}  // namespace rn
