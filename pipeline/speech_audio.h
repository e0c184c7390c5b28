// From what an engine makes to what the pipeline takes.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "pipeline/script_words.h"
#include "pipeline/speech.h"

namespace rn {

// Of all that an item says: it is kept as a whole, 384 kB a second.
inline constexpr absl::Duration kNarrationMax = absl::Hours(1);

struct RawSpeech {
  std::vector<std::int16_t> samples;  // mono
  int sample_rate = 0;
  std::vector<Onset> onsets;
};

// How a style of a script sounds in a voice.
struct Prosody {
  double words_per_minute = 0;
  double pitch = 1;           // without what stress adds
  double stressed_pitch = 1;  // with it
  double volume = 1;
};
// By Script::styles: the voice's fields with their defaults filled in, times the style's factors.
// `own_words_per_minute`: of the engine, where the voice does not say. InvalidArgument: out of
// range, with the range; what stress adds is held within it.
absl::StatusOr<std::vector<Prosody>> ProsodyOf(const rendernode::Voice& voice,
                                               const Script& script,
                                               double own_words_per_minute);

// `piece` from its first sound to its last, after what is there and a pause.
void AppendPiece(RawSpeech piece, absl::Duration pause, RawSpeech& speech);

// Trimmed to kEdgeSilence, at 48 kHz, words placed, each part of the script as loud as its
// style's `prosody` says. Internal: the engine made no sound. InvalidArgument: longer than
// kNarrationMax.
absl::StatusOr<Speech> FinishSpeech(const Script& script,
                                    RawSpeech raw,
                                    absl::Span<const Prosody> prosody);

}  // namespace rn
