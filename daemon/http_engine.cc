#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "daemon/fetcher.h"
#include "daemon/speech_engine.h"
#include "daemon/wav.h"

namespace rn {
namespace {

constexpr std::int64_t kKeyBytesMax = 4096;
constexpr double kSpeedMin = 0.25, kSpeedMax = 4;  // of the API

FetchLimits LimitsOf(const SpeechEngineOptions& options) {
  FetchLimits limits;
  limits.total_timeout = options.timeout;
  limits.connect_timeout = std::min(limits.connect_timeout, options.timeout);
  limits.low_speed_window = options.timeout;  // It thinks before it speaks.
  limits.low_speed_bytes_min = 1;
  limits.redirects_max = 0;  // The key and the text are for this server alone.
  limits.per_host_max = options.concurrency;
  limits.attempts_max = 1;                       // The speech desk tries again.
  limits.allow_private = {"0.0.0.0/0", "::/0"};  // The operator chose the address.
  return limits;
}

class HttpEngine final : public ExternalEngine {
 public:
  HttpEngine(const SpeechEngineOptions& options, std::unique_ptr<Fetcher> fetcher)
      : options_(options), fetcher_(std::move(fetcher)) {}

  absl::Status Speak(const rendernode::Utterance& utterance,
                     const std::filesystem::path& to,
                     const std::stop_token& stop) override {
    DownloadRequest request{.url = options_.url, .bytes_max = options_.bytes_max, .to = to};
    ASSIGN_OR_RETURN(request.json, BodyFor(utterance));
    if (!options_.api_key_file.empty()) {
      // Read each time: a key may be changed under a daemon that runs.
      ASSIGN_OR_RETURN(const std::string key, ReadFile(options_.api_key_file, kKeyBytesMax));
      request.authorization = absl::StrCat("Bearer ", absl::StripAsciiWhitespace(key));
    }
    const absl::StatusOr<Download> download = fetcher_->Fetch(request, stop);
    if (!download.ok()) {  // Without the fetcher's item error: this is no asset.
      return absl::Status(download.status().code(), download.status().message());
    }
    const absl::StatusOr<std::string> sound = ReadFile(to, options_.bytes_max);
    absl::Status status = sound.ok() ? CheckWav(*sound) : sound.status();
    if (!status.ok()) {
      std::error_code ignored;
      std::filesystem::remove(to, ignored);
      return absl::InternalError(absl::StrCat("its answer is ", status.message()));
    }
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<std::string> BodyFor(const rendernode::Utterance& utterance) const {
    const rendernode::Voice& voice = utterance.voice();
    const double speed = voice.rate() == 0 ? 1 : voice.rate();
    if (voice.words_per_minute() != 0) {
      return absl::InvalidArgumentError(
          "the voice sets words_per_minute, which this kind of engine does not know; it takes "
          "rate");
    }
    if (voice.pitch() != 0 && voice.pitch() != 1) {
      return absl::InvalidArgumentError(
          "the voice sets a pitch, which this kind of engine does not know");
    }
    if (!(speed >= kSpeedMin && speed <= kSpeedMax)) {
      return absl::InvalidArgumentError(
          absl::StrCat("the voice's rate is ", speed, "; valid: ", kSpeedMin, " to ", kSpeedMax));
    }
    nlohmann::json body = {{"model", options_.model},
                           {"voice", voice.voice()},
                           {"input", utterance.text()},
                           {"response_format", "wav"}};
    if (speed != 1) body["speed"] = speed;
    return body.dump();
  }

  const SpeechEngineOptions options_;
  const std::unique_ptr<Fetcher> fetcher_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ExternalEngine>> MakeHttpEngine(const SpeechEngineOptions& options,
                                                               Clock& clock) {
  ASSIGN_OR_RETURN(std::unique_ptr<Fetcher> fetcher, Fetcher::Create(LimitsOf(options), clock));
  return std::make_unique<HttpEngine>(options, std::move(fetcher));
}

}  // namespace rn
