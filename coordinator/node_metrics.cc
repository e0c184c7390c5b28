#include "coordinator/node_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <utility>

#include "absl/strings/ascii.h"

namespace rn {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Histogram;
using prometheus::MetricFamily;
using prometheus::Registry;

// A commit is an fsync; a Sync that waits is held open for seconds.
const Histogram::BucketBoundaries kCallSeconds = {
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60};

std::string Lower(const std::string& name) {
  return absl::AsciiStrToLower(name);
}

MetricFamily Single(const std::string& name,
                    const std::string& help,
                    prometheus::MetricType type,
                    double value) {
  MetricFamily family{.name = "rendernode_coordinator_" + name, .help = help};
  family.type = type;
  prometheus::ClientMetric metric;
  (type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  family.metric.push_back(std::move(metric));
  return family;
}

}  // namespace

struct NodeCallMetrics::Instruments {
  const std::shared_ptr<Registry> registry = std::make_shared<Registry>();
  Family<Histogram>& calls =
      prometheus::BuildHistogram()
          .Name("rendernode_coordinator_node_call_seconds")
          .Help("Calls of nodes, from arrival to answer; a Sync may be held open.")
          .Register(*registry);
  Family<Counter>& refusals = prometheus::BuildCounter()
                                  .Name("rendernode_coordinator_node_calls_failed_total")
                                  .Help("Calls of nodes that were answered with an error.")
                                  .Register(*registry);
  Counter& grants = prometheus::BuildCounter()
                        .Name("rendernode_coordinator_leases_granted_total")
                        .Help("Leases in answers to nodes, repeated ones included.")
                        .Register(*registry)
                        .Add({});
  Family<Counter>& commits = prometheus::BuildCounter()
                                 .Name("rendernode_coordinator_commits_total")
                                 .Help("Results of nodes, by outcome and verdict.")
                                 .Register(*registry);
};

NodeCallMetrics::NodeCallMetrics() : instruments_(std::make_unique<Instruments>()) {}

NodeCallMetrics::~NodeCallMetrics() = default;

void NodeCallMetrics::Called(absl::string_view call,
                             const absl::Status& status,
                             absl::Duration took) {
  const std::string name(call);
  instruments_->calls.Add({{"call", name}}, kCallSeconds).Observe(absl::ToDoubleSeconds(took));
  if (!status.ok() && !absl::IsCancelled(status)) {  // A node cuts a Sync short to send news.
    instruments_->refusals
        .Add({{"call", name}, {"code", Lower(absl::StatusCodeToString(status.code()))}})
        .Increment();
  }
}

void NodeCallMetrics::Granted(std::int64_t leases) {
  instruments_->grants.Increment(static_cast<double>(leases));
}

void NodeCallMetrics::Committed(rendernode::Outcome outcome,
                                rendernode::CommitItemResponse::Verdict verdict) {
  instruments_->commits
      .Add({{"outcome", Lower(rendernode::Outcome_Name(outcome))},
            {"verdict", Lower(rendernode::CommitItemResponse::Verdict_Name(verdict))}})
      .Increment();
}

std::shared_ptr<Registry> NodeCallMetrics::registry() const {
  return instruments_->registry;
}

std::vector<MetricFamily> DeskMetrics::Collect() const {
  using prometheus::MetricType;
  const DeskCounts counts = desk_.counts();
  return {Single("nodes",
                 "With a session, heard of within the last hour.",
                 MetricType::Gauge,
                 static_cast<double>(counts.nodes)),
          Single("syncs_waiting",
                 "Held open until there is work.",
                 MetricType::Gauge,
                 static_cast<double>(counts.waiting_syncs)),
          Single("leases_unconfirmed",
                 "Granted, and no Sync of the node has listed them yet.",
                 MetricType::Gauge,
                 static_cast<double>(counts.unconfirmed)),
          Single("leases_expired_total",
                 "Taken back because their node was not heard of.",
                 MetricType::Counter,
                 static_cast<double>(counts.expired))};
}

}  // namespace rn
