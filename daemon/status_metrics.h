// The gauges of a node: its status, as Prometheus reads it.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/admin.pb.h"

namespace rn {

std::vector<prometheus::MetricFamily> MetricsOf(const rendernode::NodeStatus& status);

// Asks `status` whenever somebody looks; nothing is shown while it is an error.
class StatusMetrics final : public prometheus::Collectable {
 public:
  explicit StatusMetrics(std::function<absl::StatusOr<rendernode::NodeStatus>()> status);
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const std::function<absl::StatusOr<rendernode::NodeStatus>()> status_;
};

}  // namespace rn
