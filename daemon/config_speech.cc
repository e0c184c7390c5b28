#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "daemon/config_sections.h"
#include "daemon/speech_desk.h"

namespace rn {
namespace {

void ReadCommandEngine(ConfigReader& reader,
                       const std::string& prefix,
                       SpeechEngineOptions& engine) {
  reader.Read(prefix + "command", engine.command);
  if (engine.command.empty() || engine.command.front().empty() ||
      engine.command.front().front() != '/') {
    reader.Fail(prefix + "command", "must begin with the absolute path of a program");
  }
  if (const absl::Status status = CheckCommand(engine.command); !status.ok()) {
    reader.Fail(prefix + "command", status.message());
  }
  reader.Read(prefix + "environment", engine.environment);
  reader.ReadName(prefix + "output", engine.output, {"wav", "raw"});
  reader.Read(prefix + "sample_rate", engine.sample_rate, 8000, 192000);
}

void ReadHttpEngine(ConfigReader& reader, const std::string& prefix, SpeechEngineOptions& engine) {
  reader.Read(prefix + "url", engine.url);
  if (!absl::StartsWith(engine.url, "http://") && !absl::StartsWith(engine.url, "https://")) {
    reader.Fail(prefix + "url", "must be an http or https URL, up to and with /v1/audio/speech");
  }
  reader.Read(prefix + "model", engine.model);
  if (engine.model.empty()) {
    reader.Fail(prefix + "model", "must name a model of the server");
  }
  std::string file;
  reader.Read(prefix + "api_key_file", file);
  if (!file.empty() && file.front() != '/') {
    reader.Fail(prefix + "api_key_file", absl::StrCat("\"", file, "\" is not an absolute path"));
  }
  engine.api_key_file = file;
}

}  // namespace

void ReadSpeech(ConfigReader& reader, SpeechOptions& speech) {
  reader.ReadBytes("speech.cache_max", speech.cache.bytes_max, kMiB, 1024 * kTiB);
  reader.Read(
      "speech.utterances_timeout", speech.utterances_timeout, absl::Seconds(1), absl::Minutes(10));
  for (const std::string& name : reader.TablesIn("speech.engines")) {
    const std::string table = "speech.engines." + name;
    const std::string prefix = table + ".";
    SpeechEngineOptions engine{.name = name};
    const std::vector<std::string>& own = WorkerEngines();
    if (std::find(own.begin(), own.end(), name) != own.end()) {
      reader.Fail(table, "is the name of an engine that every node has");
    }
    reader.ReadName(prefix + "kind", engine.kind, {"command", "http"});
    if (engine.kind.empty()) {
      reader.Fail(prefix + "kind", "is needed: \"command\" or \"http\"");
    }
    reader.Read(prefix + "version", engine.version);
    reader.Read(prefix + "timeout", engine.timeout, absl::Milliseconds(100), absl::Hours(1));
    reader.Read(prefix + "concurrency", engine.concurrency, 1, 256);
    reader.Read(prefix + "attempts_max", engine.attempts_max, 1, 100);
    ReadBackoff(reader, prefix + "retry", engine.retry);
    reader.ReadBytes(prefix + "sound_max", engine.bytes_max, 1024, kGiB);
    if (engine.kind == "command") ReadCommandEngine(reader, prefix, engine);
    if (engine.kind == "http") ReadHttpEngine(reader, prefix, engine);
    speech.engines.push_back(std::move(engine));
  }
}

}  // namespace rn
