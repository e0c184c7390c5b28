// Engines that speak outside the worker, as the configuration names them: a program (Piper …) or a
// server with OpenAI's POST /v1/audio/speech.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "daemon/backoff.h"
#include "proto/worker.pb.h"

namespace rn {

struct SpeechEngineOptions {
  std::string name;
  std::string kind;     // "command" or "http"
  std::string version;  // Change it when the engine speaks differently: what is cached is of one.
  absl::Duration timeout = absl::Seconds(60);  // Of one attempt.
  std::int64_t concurrency = 2;                // Utterances at once.
  std::int64_t attempts_max = 3;               // Of one utterance.
  BackoffLimits retry = {absl::Milliseconds(500), absl::Seconds(10)};
  std::int64_t bytes_max = std::int64_t{64} << 20;  // Of one utterance's sound.

  // A command: text on stdin, sound on stdout. No shell. {voice}, {language}, {rate},
  // {length_scale} (1 / rate), {pitch} and {words_per_minute} in the arguments are the voice's;
  // what is not there cannot be asked for.
  std::vector<std::string> command;
  std::vector<std::string> environment = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8"};  // Exactly these.
  std::string output = "wav";        // or "raw": 16-bit little-endian mono
  std::int64_t sample_rate = 22050;  // of "raw"

  // A server.
  std::string url;  // up to and with /v1/audio/speech
  std::string model;
  std::filesystem::path api_key_file;  // its text is the bearer token; empty: none is sent
};

// InvalidArgument: a placeholder that does not exist, with those that do.
absl::Status CheckCommand(const std::vector<std::string>& command);

// One attempt to say one thing. Thread-safe.
class ExternalEngine {
 public:
  virtual ~ExternalEngine() = default;
  // Blocks. A checked WAV file at `to`, which must not exist, or nothing there.
  //   Unavailable, DeadlineExceeded   may pass: another attempt is worth it
  //   InvalidArgument                 the engine cannot do what the voice asks for
  //   Cancelled                       `stop`; others: the engine's answer is of no use
  virtual absl::Status Speak(const rendernode::Utterance& utterance,
                             const std::filesystem::path& to,
                             const std::stop_token& stop) = 0;
};

// `clock` outlives the engine.
std::unique_ptr<ExternalEngine> MakeCommandEngine(const SpeechEngineOptions& options, Clock& clock);
absl::StatusOr<std::unique_ptr<ExternalEngine>> MakeHttpEngine(const SpeechEngineOptions& options,
                                                               Clock& clock);

}  // namespace rn
