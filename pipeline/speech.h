// Text to speech: the engine seam, and the words' times that captions live on.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "pipeline/audio_buffer.h"
#include "proto/render.pb.h"

namespace rn {

// One word as written (punctuation that touches it included) and when it is heard.
struct SpokenWord {
  std::string text;
  std::size_t byte_begin = 0;  // in the script; byte_end is one past
  std::size_t byte_end = 0;
  absl::Duration begin;  // from the start of the speech
  absl::Duration end;
  bool operator==(const SpokenWord&) const = default;
};

struct Speech {
  MonoSound audio;  // no leading or trailing silence beyond 20 ms
  std::vector<SpokenWord> words;
  bool words_estimated = false;       // the engine gave no times; spread by length
  std::vector<std::string> warnings;  // of what the engine could not do as asked
};

// Spoken scripts by the id of the voice element that asked (VoiceCue::id).
using SpeechTracks = std::map<std::string, Speech>;

// An engine is used by one thread at a time. Errors carry ITEM_ERROR_AUDIO_GENERATION_FAILED.
// The same text and voice give the same words beginning at the same times, to 5 ms. Breath and hiss
// are random, and so is where they fall silent at a word's end, to 30 ms.
class SpeechEngine {
 public:
  virtual ~SpeechEngine() = default;
  virtual std::string name() const = 0;  // as in rendernode::Voice::engine
  // InvalidArgument: unknown voice, or text that cannot be spoken (empty, too long).
  virtual absl::StatusOr<Speech> Speak(absl::string_view text, const rendernode::Voice& voice) = 0;
};

// The engines of this process ("espeak-ng": every writing system, see espeak_speech.h; "flite":
// English; what neither speaks is refused). 0 in a voice's prosody is its own; else 80 to 450 words
// a minute, pitch 0.5 to 2, volume up to 4. Emoji are written, not spoken. Each engine is started
// at first use and kept warm. One thread.
class SpeechEngines {
 public:
  static constexpr std::size_t kScriptBytesMax = 20'000;

  // espeak-ng and flite, in-process.
  static SpeechEngines BuiltIn();
  explicit SpeechEngines(std::vector<std::unique_ptr<SpeechEngine>> engines);

  std::vector<std::string> names() const;
  bool Has(absl::string_view engine) const;
  absl::StatusOr<Speech> Speak(absl::string_view text, const rendernode::Voice& voice);

 private:
  std::vector<std::unique_ptr<SpeechEngine>> engines_;
};

}  // namespace rn
