#include "daemon/speech_desk.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/status.h"
#include "proto/item_error.h"

namespace rn {
namespace {

// Everything that its sound depends on, beside the utterance.
std::string DigestOf(const SpeechEngineOptions& options) {
  return Sha256(absl::StrCat(options.kind,
                             "\n",
                             options.version,
                             "\n",
                             absl::StrJoin(options.command, "\n"),
                             "\n",
                             absl::StrJoin(options.environment, "\n"),
                             "\n",
                             options.output,
                             options.sample_rate,
                             "\n",
                             options.url,
                             "\n",
                             options.model));
}

bool MayPass(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

struct Engine {
  SpeechEngineOptions options;
  std::string digest;
  std::unique_ptr<ExternalEngine> engine;
  std::int64_t busy = 0;  // Guarded by the desk's mutex.
};

}  // namespace

struct SpeechDesk::Impl {
  Impl(Clock& clock, RandomSource random) : clock(clock), random(std::move(random)) {}

  absl::Status Try(Engine& engine,
                   const rendernode::Utterance& utterance,
                   const std::filesystem::path& to,
                   const std::stop_token& stop);
  // Waits for a turn at the engine, or until `stop`.
  void TakeTurn(Engine& engine, const std::stop_token& stop);
  void Pause(absl::Duration length, const std::stop_token& stop);

  Clock& clock;  // Outlives us.
  SpeechOptions options;
  std::map<std::string, Engine> engines;  // Fixed but for `busy`.
  std::unique_ptr<SpeechCache> cache;     // Null without engines.

  Mutex mutex;
  CondVar changed;
  RandomSource random ABSL_GUARDED_BY(mutex);
};

void SpeechDesk::Impl::TakeTurn(Engine& engine, const std::stop_token& stop) {
  MutexLock lock(mutex);
  while (engine.busy >= engine.options.concurrency && !stop.stop_requested()) {
    changed.Wait(mutex);
  }
  ++engine.busy;
}

void SpeechDesk::Impl::Pause(absl::Duration length, const std::stop_token& stop) {
  const absl::Duration until = clock.SinceBoot() + length;
  MutexLock lock(mutex);
  while (!stop.stop_requested()) {
    const absl::Duration left = until - clock.SinceBoot();
    if (left <= absl::ZeroDuration()) return;
    changed.WaitFor(mutex, left);
  }
}

absl::Status SpeechDesk::Impl::Try(Engine& engine,
                                   const rendernode::Utterance& utterance,
                                   const std::filesystem::path& to,
                                   const std::stop_token& stop) {
  Backoff backoff;
  for (std::int64_t attempt = 1;; ++attempt) {
    TakeTurn(engine, stop);
    absl::Status status = stop.stop_requested() ? absl::CancelledError("stopped")
                                                : engine.engine->Speak(utterance, to, stop);
    absl::Duration pause;
    {
      MutexLock lock(mutex);
      --engine.busy;
      changed.NotifyAll();
      pause = backoff.Next(engine.options.retry, random);
    }
    if (stop.stop_requested()) return absl::CancelledError("speech: stopped");
    if (!MayPass(status)) return status;
    if (attempt == engine.options.attempts_max) {
      return absl::Status(status.code(),
                          absl::StrCat(status.message(), " (", attempt, " attempts)"));
    }
    SPDLOG_WARN("speech attempt failed engine={} attempt={} error=\"{}\"",
                engine.options.name,
                attempt,
                status.ToString());
    Pause(pause, stop);
  }
}

const std::vector<std::string>& WorkerEngines() {
  static const auto& names = *new std::vector<std::string>{"espeak-ng", "flite"};
  return names;
}

SpeechDesk::SpeechDesk(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SpeechDesk::~SpeechDesk() = default;

absl::StatusOr<std::unique_ptr<SpeechDesk>> SpeechDesk::Create(SpeechOptions options,
                                                               Clock& clock,
                                                               RandomSource random) {
  auto impl = std::make_unique<Impl>(clock, std::move(random));
  if (!options.engines.empty()) {
    ASSIGN_OR_RETURN(impl->cache, SpeechCache::Create(options.cache));
  }
  for (const SpeechEngineOptions& each : options.engines) {
    Engine& engine = impl->engines[each.name];
    engine.options = each;
    engine.digest = DigestOf(each);
    if (each.kind == "http") {
      ASSIGN_OR_RETURN(engine.engine, MakeHttpEngine(each, clock));
    } else {
      engine.engine = MakeCommandEngine(each, clock);
    }
  }
  impl->options = std::move(options);
  return std::unique_ptr<SpeechDesk>(new SpeechDesk(std::move(impl)));
}

absl::StatusOr<SpeechCache::Pin> SpeechDesk::Speak(const rendernode::Utterance& utterance,
                                                   const std::stop_token& stop) {
  const std::string& name = utterance.voice().engine();
  const std::string who =
      absl::StrCat("voice \"", utterance.voice_name(), "\", speech engine \"", name, "\"");
  const auto found = impl_->engines.find(name);
  if (found == impl_->engines.end()) {
    std::vector<std::string> names = WorkerEngines();
    for (const auto& [known, engine] : impl_->engines) names.push_back(known);
    return WithItemError(
        absl::FailedPreconditionError(
            absl::StrCat(who, ": this node does not have it; it has ", absl::StrJoin(names, ", "))),
        rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
  }
  Engine& engine = found->second;
  // The cache's own trouble is this machine's; the engine's is the item's.
  const auto make = [&](const std::filesystem::path& to) {
    absl::Status status = impl_->Try(engine, utterance, to, stop);
    if (status.ok() || absl::IsCancelled(status)) return status;
    return WithItemError(Annotate(status, who), rendernode::ITEM_ERROR_AUDIO_GENERATION_FAILED);
  };
  const std::stop_callback wake(stop, [this] {
    MutexLock lock(impl_->mutex);
    impl_->changed.NotifyAll();
  });
  return impl_->cache->Get(Sha256(absl::StrCat(engine.digest, utterance.key())), make, stop);
}

}  // namespace rn
