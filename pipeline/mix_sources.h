// The sounds of a mix, decoded once and placed: what its blocks are made of.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "pipeline/audio_decode.h"
#include "pipeline/audio_mix.h"
#include "pipeline/cue_player.h"
#include "pipeline/shared_work.h"

namespace rn {

// Immutable once loaded.
class MixSources {
 public:
  // All decoded sound of one mix together; 384 kB a second.
  static constexpr absl::Duration kDecodedMax = absl::Minutes(30);

  // Decodes of every file what the mix uses of it, and no file twice. Errors as Master's. `shared`
  // (may be null) has what earlier items decoded.
  static absl::StatusOr<MixSources> Load(const MixPlan& plan,
                                         const SpeechTracks& tracks,
                                         absl::Duration decoded_max = kDecodedMax,
                                         SharedWork* shared = nullptr);

  // The mix from frame `at` on, over whatever `block` holds. The same block always comes out the
  // same; silence beyond the end.
  void Mix(std::int64_t at, absl::Span<float> block) const;

  std::int64_t frames() const { return frames_; }

 private:
  MixSources() = default;

  std::map<std::string, SharedSound> files_;
  std::vector<std::unique_ptr<const AudioBuffer>> made_;  // out of them, for one cue each
  std::vector<CuePlayer> players_;
  std::int64_t frames_ = 0;
};

}  // namespace rn
