#include "pipeline/speech.h"

#include <algorithm>
#include <utility>

#include "base/nearest.h"
#include "pipeline/espeak_speech.h"
#include "pipeline/flite_speech.h"
#include "proto/item_error.h"

namespace rn {

SpeechEngines SpeechEngines::BuiltIn() {
  std::vector<std::unique_ptr<SpeechEngine>> engines;
  engines.push_back(std::make_unique<EspeakSpeech>());
  engines.push_back(std::make_unique<FliteSpeech>());
  return SpeechEngines(std::move(engines));
}

SpeechEngines::SpeechEngines(std::vector<std::unique_ptr<SpeechEngine>> engines)
    : engines_(std::move(engines)) {}

std::vector<std::string> SpeechEngines::names() const {
  std::vector<std::string> names;
  names.reserve(engines_.size());
  for (const auto& engine : engines_) {
    names.push_back(engine->name());
  }
  return names;
}

bool SpeechEngines::Has(absl::string_view engine) const {
  return std::any_of(
      engines_.begin(), engines_.end(), [&](const auto& known) { return known->name() == engine; });
}

absl::StatusOr<Speech> SpeechEngines::Speak(absl::string_view text,
                                            const rendernode::Voice& voice) {
  for (const auto& engine : engines_) {
    if (engine->name() == voice.engine()) {
      return engine->Speak(text, voice);
    }
  }
  return WithItemError(
      absl::InvalidArgumentError(UnknownName("speech engine", voice.engine(), names())),
      rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
}

}  // namespace rn
