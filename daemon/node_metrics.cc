#include "daemon/node_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/summary.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>
#include <variant>

#include "absl/strings/ascii.h"

namespace rn {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Histogram;
using prometheus::Registry;
using prometheus::Summary;

// A journal's fsync takes milliseconds, a long render an hour.
const Histogram::BucketBoundaries kStageSeconds = {
    0.001, 0.005, 0.02, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600};
// The daemon's own share of an item's time, over the last minutes.
const Summary::Quantiles kOverheadQuantiles = {{0.5, 0.01}, {0.99, 0.001}};
constexpr std::chrono::minutes kOverheadWindow{10};

std::string Lower(const std::string& name) {
  return absl::AsciiStrToLower(name);
}

// A worker is not trusted.
double Sane(double seconds) {
  return std::isfinite(seconds) ? std::max(0.0, seconds) : 0.0;
}

Family<Counter>& Counters(Registry& registry, const std::string& name, const std::string& help) {
  return prometheus::BuildCounter().Name("rendernode_" + name).Help(help).Register(registry);
}

Family<Histogram>& Histograms(Registry& registry,
                              const std::string& name,
                              const std::string& help) {
  return prometheus::BuildHistogram().Name("rendernode_" + name).Help(help).Register(registry);
}

Summary& Summaries(Registry& registry, const std::string& name, const std::string& help) {
  return prometheus::BuildSummary()
      .Name("rendernode_" + name)
      .Help(help)
      .Register(registry)
      .Add({}, kOverheadQuantiles, kOverheadWindow);
}

}  // namespace

struct NodeMetrics::Instruments {
  const std::shared_ptr<Registry> registry = std::make_shared<Registry>();
  Counter& leases_granted =
      Counters(*registry, "leases_granted_total", "Leases taken from the coordinator.").Add({});
  Family<Counter>& items = Counters(
      *registry, "items_total", "Items ended, by what came of them and the coordinator's verdict.");
  Family<Histogram>& stages =
      Histograms(*registry, "stage_seconds", "Stages of items that ended, well or not.");
  Family<Counter>& retries =
      Counters(*registry, "stage_retries_total", "Stages begun once more for the same lease.");
  Summary& lease_to_worker =
      Summaries(*registry,
                "lease_to_worker_seconds",
                "From a lease's grant until a worker has its item: waiting included.");
  Summary& done_to_committed =
      Summaries(*registry,
                "done_to_committed_seconds",
                "From a render's end until the coordinator's verdict: upload included.");
  Counter& frames =
      Counters(*registry, "frames_rendered_total", "Frames of finished renders.").Add({});
  Counter& media =
      Counters(*registry, "media_seconds_total", "Seconds of video of finished renders.").Add({});
  Counter& worker_cpu =
      Counters(*registry, "worker_cpu_seconds_total", "Processor time of finished renders.")
          .Add({});
  Counter& upload_bytes =
      Counters(*registry, "upload_bytes_total", "Bytes of artifacts uploaded.").Add({});
  Counter& workers_lost =
      Counters(*registry, "workers_lost_total", "Workers that ended with an item unfinished.")
          .Add({});
  Counter& sessions =
      Counters(*registry, "sessions_opened_total", "Sessions with the coordinator.").Add({});
  Family<Counter>& calls_failed = Counters(
      *registry, "coordinator_calls_failed_total", "Calls that the coordinator did not answer.");
};

NodeMetrics::NodeMetrics(Clock& clock)
    : clock_(clock), instruments_(std::make_unique<Instruments>()) {}

NodeMetrics::~NodeMetrics() = default;

std::shared_ptr<Registry> NodeMetrics::registry() const {
  return instruments_->registry;
}

void NodeMetrics::Saw(const Event& event) {
  std::visit([this](const auto& what) { On(what); }, event);
}

void NodeMetrics::Asked(const Command& command) {
  std::visit([this](const auto& what) { On(what); }, command);
}

void NodeMetrics::Begin(const LeaseKey& key, const std::string& stage) {
  Life& life = lives_[key];
  if (life.last_stage == stage) {
    instruments_->retries.Add({{"stage", stage}}).Increment();
  }
  life.last_stage = stage;
  life.running = Running{stage, clock_.SinceBoot()};
}

void NodeMetrics::End(const LeaseKey& key, bool ok) {
  const auto life = lives_.find(key);
  if (life == lives_.end() || !life->second.running.has_value()) {
    return;
  }
  const Running running = *std::exchange(life->second.running, std::nullopt);
  instruments_->stages
      .Add({{"stage", running.stage}, {"outcome", ok ? "ok" : "failed"}}, kStageSeconds)
      .Observe(absl::ToDoubleSeconds(clock_.SinceBoot() - running.since));
}

// ---------------------------------------------------------------- the coordinator

void NodeMetrics::On(const SessionOpened&) {
  instruments_->sessions.Increment();
}

void NodeMetrics::On(const SessionFailed&) {
  instruments_->calls_failed.Add({{"call", "open_session"}}).Increment();
}

void NodeMetrics::On(const SyncFailed& event) {
  if (!absl::IsCancelled(event.status)) {
    instruments_->calls_failed.Add({{"call", "sync"}}).Increment();
  }
}

void NodeMetrics::On(const Commit& command) {
  const LeaseKey key = LeaseKey::Of(command.request.ref());
  Begin(key, "commit");
  lives_[key].outcome = command.request.result().outcome();
}

void NodeMetrics::On(const CommitAnswered& event) {
  End(event.key, /*ok=*/event.verdict != rendernode::CommitItemResponse::RETRY);
  const auto life = lives_.find(event.key);
  if (life == lives_.end() || event.verdict == rendernode::CommitItemResponse::RETRY) {
    return;
  }
  instruments_->items
      .Add({{"outcome", Lower(rendernode::Outcome_Name(life->second.outcome))},
            {"verdict", Lower(rendernode::CommitItemResponse::Verdict_Name(event.verdict))}})
      .Increment();
  if (life->second.done_at > -absl::InfiniteDuration()) {
    instruments_->done_to_committed.Observe(
        absl::ToDoubleSeconds(clock_.SinceBoot() - life->second.done_at));
  }
}

void NodeMetrics::On(const CommitFailed& event) {
  End(event.key, /*ok=*/false);
  instruments_->calls_failed.Add({{"call", "commit"}}).Increment();
}

// ---------------------------------------------------------------- the journal

void NodeMetrics::On(const JournalLeases& command) {
  for (const rendernode::Lease& lease : command.leases) {
    const LeaseKey key = LeaseKey::Of(lease.ref());
    Begin(key, "journal_lease");
    lives_[key].granted_at = clock_.SinceBoot();
    instruments_->leases_granted.Increment();
  }
}

void NodeMetrics::On(const LeasesJournalled& event) {
  for (const LeaseKey& key : event.keys) {
    End(key, event.status.ok());
  }
}

void NodeMetrics::On(const JournalResult& command) {
  Begin(command.key, command.uploaded ? "journal_result" : "journal_output");
}

void NodeMetrics::On(const ResultJournalled& event) {
  End(event.key, event.status.ok());
}

void NodeMetrics::On(const JournalForget& command) {
  for (const LeaseKey& key : command.keys) {
    lives_.erase(key);
  }
}

// ---------------------------------------------------------------- fetch, render, upload

void NodeMetrics::On(const FetchItem& command) {
  Begin(LeaseKey::Of(command.lease.ref()), "fetch");
}

void NodeMetrics::On(const Fetched& event) {
  End(event.key, /*ok=*/true);
}

void NodeMetrics::On(const FetchFailed& event) {
  End(event.key, /*ok=*/false);
}

void NodeMetrics::On(const RenderItem& command) {
  const LeaseKey key = LeaseKey::Of(command.lease.ref());
  Begin(key, "render");
  in_slot_[command.slot] = key;
  if (const Life& life = lives_[key]; life.granted_at > -absl::InfiniteDuration()) {
    instruments_->lease_to_worker.Observe(
        absl::ToDoubleSeconds(clock_.SinceBoot() - life.granted_at));
  }
}

void NodeMetrics::On(const WorkerDone& event) {
  const LeaseKey key{event.done.item_id(), event.done.fence()};
  in_slot_.erase(event.slot);
  const rendernode::ItemResult& result = event.done.result();
  const auto life = lives_.find(key);
  if (life == lives_.end()) {
    return;
  }
  End(key, result.outcome() == rendernode::SUCCEEDED);
  life->second.done_at = clock_.SinceBoot();
  instruments_->frames.Increment(result.usage().frames());
  instruments_->media.Increment(Sane(result.usage().media_s()));
  instruments_->worker_cpu.Increment(Sane(result.usage().cpu_s()));
}

// On our order: its item was taken from it.
void NodeMetrics::On(const KillWorker& command) {
  const auto key = in_slot_.find(command.slot);
  if (key != in_slot_.end()) {
    End(key->second, /*ok=*/false);
    in_slot_.erase(key);
  }
}

void NodeMetrics::On(const WorkerGone& event) {
  const auto key = in_slot_.find(event.slot);
  if (key == in_slot_.end()) {
    return;
  }
  End(key->second, /*ok=*/false);
  instruments_->workers_lost.Increment();
  in_slot_.erase(key);
}

void NodeMetrics::On(const UploadItem& command) {
  Begin(LeaseKey::Of(command.lease.ref()), "upload");
}

void NodeMetrics::On(const Uploaded& event) {
  End(event.key, /*ok=*/true);
  for (const rendernode::Artifact& artifact : event.result.artifacts()) {
    instruments_->upload_bytes.Increment(static_cast<double>(artifact.bytes()));
  }
}

void NodeMetrics::On(const UploadFailed& event) {
  End(event.key, /*ok=*/false);
}

}  // namespace rn
