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

struct RawSpeech {
  std::vector<std::int16_t> samples;  // mono
  int sample_rate = 0;
  std::vector<Onset> onsets;
};

// The prosody fields with their defaults filled in. InvalidArgument: out of range, with the range.
struct Prosody {
  double words_per_minute = 0;  // 0 = the engine's own
  double pitch = 1;
  double volume = 1;
};
absl::StatusOr<Prosody> ProsodyOf(const rendernode::Voice& voice);

// Trimmed to kEdgeSilence, at 48 kHz stereo, words placed. Internal: the engine made no sound.
absl::StatusOr<Speech> FinishSpeech(absl::string_view script,
                                    absl::Span<const ScriptCharacter> characters,
                                    const RawSpeech& raw,
                                    double volume);

}  // namespace rn
