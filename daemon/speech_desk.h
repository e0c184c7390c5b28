// What is spoken outside the workers: the configured engines, each with its turns and retries, in
// front of the cache.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "daemon/speech_cache.h"
#include "daemon/speech_engine.h"
#include "proto/worker.pb.h"

namespace rn {

struct SpeechOptions {
  SpeechCacheOptions cache;
  std::vector<SpeechEngineOptions> engines;
  absl::Duration utterances_timeout = absl::Seconds(20);  // To find out what an item has spoken.
};

// The engines inside every worker: nothing of theirs is spoken here.
const std::vector<std::string>& WorkerEngines();

// Thread-safe.
class SpeechDesk {
 public:
  // `clock` outlives us.
  static absl::StatusOr<std::unique_ptr<SpeechDesk>> Create(SpeechOptions options,
                                                            Clock& clock,
                                                            RandomSource random);
  ~SpeechDesk();

  // Blocks. A WAV file. The same engine, configured the same, spoke it before: out of the cache.
  // Errors that are the engine's or the voice's carry ITEM_ERROR_AUDIO_GENERATION_FAILED and name
  // both; Unavailable and DeadlineExceeded after all attempts. Cancelled: `stop`. Others are this
  // machine's, ResourceExhausted: the cache is full of what is in use.
  absl::StatusOr<SpeechCache::Pin> Speak(const rendernode::Utterance& utterance,
                                         const std::stop_token& stop);

 private:
  struct Impl;
  explicit SpeechDesk(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rn
