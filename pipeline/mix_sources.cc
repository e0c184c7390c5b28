#include "pipeline/mix_sources.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/nearest.h"
#include "base/status.h"
#include "proto/item_error.h"

namespace rn {
namespace {

// Where a sound is cut off in the middle it gets a fade of this length at least, or it clicks.
constexpr absl::Duration kCutFade = absl::Milliseconds(3);
constexpr absl::Duration kLoopMin = absl::Milliseconds(50);  // Shorter is a tone, not a loop.

// What a cue could be heard of, before anything is known of its source.
struct Slot {
  const AudioCue& cue;
  SampleRange range;           // on the timeline
  std::int64_t trim = 0;       // frames of the source before the first one heard
  std::int64_t crossfade = 0;  // as asked for
  std::int64_t frames() const { return range.end - range.begin; }

  // To know whether the source goes on beyond: one frame, and the cross-fade before its end.
  AudioRange Wanted() const { return {trim, trim + frames() + crossfade + 1}; }
};

Slot SlotOf(const AudioCue& cue, std::int64_t mix_frames) {
  Slot slot{cue, {ToSampleFrames(cue.start), mix_frames}};
  if (cue.length != absl::InfiniteDuration()) {
    slot.range.end = std::min(slot.range.end, ToSampleFrames(cue.start + cue.length));
  }
  slot.range.end = std::max(slot.range.begin, slot.range.end);
  slot.trim = ToSampleFrames(cue.trim_start);
  if (cue.loop) slot.crossfade = ToSampleFrames(cue.loop_crossfade);
  return slot;
}

using Samples = absl::Span<const float>;

class SourceLoader {
 public:
  SourceLoader(const SpeechTracks& tracks, absl::Duration decoded_max)
      : tracks_(tracks), decoded_max_(decoded_max), left_(ToSampleFrames(decoded_max)) {}

  // All slots first: a file is decoded once, wide enough for all of them.
  void Note(const Slot& slot) {
    if (slot.cue.file.empty()) return;
    const AudioRange wanted = slot.Wanted();
    const auto [known, added] = ranges_.emplace(slot.cue.file, wanted);
    if (added) return;
    known->second.begin = std::min(known->second.begin, wanted.begin);
    known->second.end = std::max(known->second.end, wanted.end);
  }

  // The source from the slot's trim on.
  absl::StatusOr<Samples> SamplesOf(const Slot& slot) {
    std::int64_t skipped = 0;
    Samples samples;
    if (slot.cue.file.empty()) {
      const auto track = tracks_.find(slot.cue.speech);
      if (track == tracks_.end()) return UnknownSpeech(slot.cue.speech);
      samples = track->second.audio.samples;
    } else {
      ASSIGN_OR_RETURN(samples, FileOf(slot.cue.file));
      skipped = ranges_.at(slot.cue.file).begin;
    }
    const std::int64_t trim = slot.trim - skipped;
    if (trim * kChannels >= static_cast<std::int64_t>(samples.size())) {
      if (slot.trim == 0) return Samples();
      return absl::InvalidArgumentError(
          absl::StrFormat("nothing is left of it after trim_start, %.2f s",
                          absl::ToDoubleSeconds(slot.cue.trim_start)));
    }
    return samples.subspan(static_cast<std::size_t>(trim) * kChannels);
  }

  std::map<std::string, std::unique_ptr<const AudioBuffer>> TakeFiles() {
    return std::move(files_);
  }

 private:
  absl::Status UnknownSpeech(const std::string& id) const {
    std::vector<std::string> ids;
    for (const auto& track : tracks_) ids.push_back(track.first);
    return absl::InvalidArgumentError(UnknownName("speech", id, ids));
  }

  absl::StatusOr<Samples> FileOf(const std::string& file) {
    if (const auto loaded = files_.find(file); loaded != files_.end()) {
      return Samples(loaded->second->samples);
    }
    AudioRange range = ranges_.at(file);
    range.end = std::min(range.end, range.begin + left_ + 1);
    absl::StatusOr<AudioBuffer> audio = DecodeAudioRange(file, range);
    if (!audio.ok()) return Annotate(audio.status(), file);
    left_ -= audio->frames();
    if (left_ < 0) {
      return absl::ResourceExhaustedError(absl::StrCat(file,
                                                       ": the sounds of the video are longer than ",
                                                       absl::FormatDuration(decoded_max_),
                                                       " together"));
    }
    auto& stored = files_[file];
    stored = std::make_unique<const AudioBuffer>(*std::move(audio));
    return Samples(stored->samples);
  }

  const SpeechTracks& tracks_;
  const absl::Duration decoded_max_;
  std::map<std::string, AudioRange> ranges_;
  std::map<std::string, std::unique_ptr<const AudioBuffer>> files_;
  std::int64_t left_;  // sample frames that may still be decoded
};

// How `samples` fill the slot. Their end is not heard: cut, looped or the mix is over.
absl::StatusOr<CuePlacement> PlacementOf(const Slot& slot, Samples samples) {
  const AudioCue& cue = slot.cue;
  const auto frames = static_cast<std::int64_t>(samples.size()) / kChannels;
  CuePlacement placement{.range = slot.range, .gain = cue.gain};
  bool cut = frames > slot.frames();
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
                                            absl::Duration decoded_max) {
  std::vector<Slot> slots;
  SourceLoader loader(tracks, decoded_max);
  for (const AudioCue& cue : plan.cues) {
    const Slot slot = SlotOf(cue, plan.sample_frames);
    if (slot.frames() == 0) continue;
    loader.Note(slot);
    slots.push_back(slot);
  }

  struct Placed {
    const AudioCue& cue;
    Samples samples;
    CuePlacement placement;
  };
  std::vector<Placed> placed;
  for (const Slot& slot : slots) {
    const absl::StatusOr<Samples> samples = loader.SamplesOf(slot);
    if (!samples.ok()) return At(slot.cue, samples.status());
    if (samples->empty()) continue;
    absl::StatusOr<CuePlacement> placement = PlacementOf(slot, *samples);
    if (!placement.ok()) return At(slot.cue, placement.status());
    placed.push_back({slot.cue, *samples, *std::move(placement)});
  }

  MixSources sources;
  sources.files_ = loader.TakeFiles();
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
    sources.players_.emplace_back(each.samples, each.placement);
  }
  return sources;
}

void MixSources::Mix(std::int64_t at, absl::Span<float> block) const {
  std::fill(block.begin(), block.end(), 0.0F);
  for (const CuePlayer& player : players_) player.AddTo(at, block);
}

}  // namespace rn
