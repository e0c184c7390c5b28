#include "pipeline/narration.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/nearest.h"
#include "base/status.h"
#include "proto/item_error.h"

namespace rn {

absl::StatusOr<SpeechTracks> Speak(const Composition& composition,
                                   const rendernode::JobSpec& job,
                                   SpeechEngines& engines) {
  SpeechTracks tracks;
  for (const VoiceCue& cue : composition.voices()) {
    const auto voice = job.voices().find(cue.voice);
    if (voice == job.voices().end()) {
      std::vector<std::string> names;
      for (const auto& entry : job.voices()) {
        names.push_back(entry.first);
      }
      return WithItemError(absl::InvalidArgumentError(absl::StrCat(
                               cue.pointer, ": ", UnknownName("voice", cue.voice, names))),
                           rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
    }
    absl::StatusOr<Speech> speech = engines.Speak(cue.text, voice->second);
    if (!speech.ok()) {
      return Annotate(speech.status(), cue.pointer);
    }
    tracks.emplace(cue.id, *std::move(speech));
  }
  return tracks;
}

}  // namespace rn
