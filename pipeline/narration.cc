#include "pipeline/narration.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/nearest.h"
#include "base/status.h"
#include "pipeline/external_speech.h"
#include "proto/item_error.h"

namespace rn {
namespace {

// The voice as the element wants it.
absl::StatusOr<rendernode::Voice> VoiceOf(const VoiceCue& cue, const rendernode::JobSpec& job) {
  const auto found = job.voices().find(cue.voice);
  if (found == job.voices().end()) {
    std::vector<std::string> names;
    for (const auto& entry : job.voices()) {
      names.push_back(entry.first);
    }
    return WithItemError(absl::InvalidArgumentError(absl::StrCat(
                             cue.pointer, ": ", UnknownName("voice", cue.voice, names))),
                         rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
  }
  rendernode::Voice voice = found->second;
  const auto times = [](double set, double factor) { return (set == 0 ? 1 : set) * factor; };
  voice.set_rate(times(voice.rate(), cue.rate));
  voice.set_pitch(times(voice.pitch(), cue.pitch));
  return voice;
}

}  // namespace

absl::StatusOr<SpeechTracks> Speak(const Composition& composition,
                                   const rendernode::JobSpec& job,
                                   SpeechEngines& engines,
                                   const std::map<std::string, std::string>& speech_paths,
                                   absl::Duration length_max) {
  SpeechTracks tracks;
  absl::Duration length;
  for (const VoiceCue& cue : composition.voices()) {
    ASSIGN_OR_RETURN(const rendernode::Voice voice, VoiceOf(cue, job));
    const bool ours = engines.Has(voice.engine()) || speech_paths.empty();
    absl::StatusOr<Speech> speech =
        ours ? engines.Speak(cue.text, voice) : SpeakFromFiles(cue.text, voice, speech_paths);
    if (!speech.ok()) {
      return Annotate(speech.status(), cue.pointer);
    }
    length += speech->audio.length();
    if (length > length_max) {
      return WithItemError(
          absl::InvalidArgumentError(absl::StrCat(cue.pointer,
                                                  ": the narration is longer than ",
                                                  absl::FormatDuration(length_max),
                                                  " from here on, the most of one item")),
          rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
    }
    tracks.emplace(cue.id, *std::move(speech));
  }
  return tracks;
}

absl::StatusOr<rendernode::Utterances> SpokenElsewhere(const Composition& composition,
                                                       const rendernode::JobSpec& job,
                                                       const SpeechEngines& engines) {
  rendernode::Utterances all;
  for (const VoiceCue& cue : composition.voices()) {
    ASSIGN_OR_RETURN(const rendernode::Voice voice, VoiceOf(cue, job));
    if (engines.Has(voice.engine())) {
      continue;
    }
    absl::StatusOr<std::vector<rendernode::Utterance>> utterances = UtterancesOf(cue.text, voice);
    if (!utterances.ok()) {
      return Annotate(utterances.status(), cue.pointer);
    }
    for (rendernode::Utterance& utterance : *utterances) {
      utterance.set_voice_name(cue.voice);
      *all.add_utterances() = std::move(utterance);
    }
  }
  return all;
}

}  // namespace rn
