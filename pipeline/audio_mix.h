// One continuous mix: placement, loops, ducking, fades, then loudness to target under a true peak.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "pipeline/audio_buffer.h"
#include "pipeline/speech.h"
#include "template/duck.h"

namespace rn {

class SharedWork;

// A point of a gain that changes: straight lines in between, level before the first and after the
// last one.
struct GainPoint {
  absl::Duration time;  // from the cue's start
  double gain = 1;      // linear
};

struct AudioCue {
  std::string pointer;  // JSON pointer of the element, for messages
  std::string name;
  std::string file;                                  // a path to decode, or
  std::string speech;                                // an id in SpeechTracks
  absl::Duration start;                              // on the timeline
  absl::Duration length = absl::InfiniteDuration();  // cut there; infinite: the source's own, or
                                                     // the mix's end when looped
  absl::Duration trim_start;                         // skipped of the source
  absl::Duration trim_length = absl::InfiniteDuration();  // of it, what is used
  // Silence, not a mistake, where nothing is left of the source: a clip's sound may be shorter than
  // its pictures.
  bool may_run_out = false;
  double speed = 1;  // of the source, 0.1 … 10; resampled: the pitch goes along, as on tape
  // LUFS that what is used of the source is brought to before all else: sources of any level match.
  std::optional<double> loudness;
  double gain = 1;                  // linear
  std::vector<GainPoint> envelope;  // times `gain`; in order; empty: none
  absl::Duration fade_in, fade_out;
  bool loop = false;
  absl::Duration loop_crossfade;
  // Of a loop: rounds are exactly so long, whatever the source has; silence fills them up. For what
  // has to stay in step with pictures. Zero: a round is the source less the cross-fade.
  absl::Duration loop_round;
  std::optional<Duck> duck;
};

struct MixPlan {
  std::vector<AudioCue> cues;
  std::int64_t sample_frames = 0;  // exact length of the mix
  double target_lufs = -14;        // EBU R128 integrated
  double true_peak_db = -1;        // dBTP ceiling
};

// A finished mix, read once from start to end. One thread.
class MasteredMix {
 public:
  virtual ~MasteredMix() = default;
  // Fills `out` (interleaved stereo) as far as the mix goes; returns sample frames written, 0 at
  // the end.
  virtual std::int64_t Read(absl::Span<float> out) = 0;
};

// Decodes, mixes, measures; memory does not grow with the mix's length beyond its sources.
// A silent mix stays silent. Errors name the cue's pointer: undecodable or unreadable file
// (TEMPLATE_RENDER_ERROR), unknown speech id. `tracks` must outlive the result. `shared` (may be
// null) has what earlier items decoded.
absl::StatusOr<std::unique_ptr<MasteredMix>> Master(const MixPlan& plan,
                                                    const SpeechTracks& tracks,
                                                    SharedWork* shared = nullptr);

// A whole audio file (any container and codec FFmpeg knows) as 48 kHz stereo; ResourceExhausted
// beyond `length_max`.
absl::StatusOr<AudioBuffer> DecodeAudioFile(const std::string& path, absl::Duration length_max);

}  // namespace rn
