// What nodes do to the coordinator, counted and timed. Thread-safe.
#pragma once

#include <prometheus/collectable.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "coordinator/lease_desk.h"
#include "proto/node.pb.h"

namespace prometheus {
class Registry;
}

namespace rn {

class NodeCallMetrics {
 public:
  NodeCallMetrics();
  ~NodeCallMetrics();

  // A call that was answered, however; `took` from its arrival, time held open included.
  void Called(absl::string_view call, const absl::Status& status, absl::Duration took);
  void Granted(std::int64_t leases);
  void Committed(rendernode::Outcome outcome, rendernode::CommitItemResponse::Verdict verdict);

  std::shared_ptr<prometheus::Registry> registry() const;

 private:
  struct Instruments;
  const std::unique_ptr<Instruments> instruments_;
};

// The gauges of a desk, which outlives them.
class DeskMetrics final : public prometheus::Collectable {
 public:
  explicit DeskMetrics(LeaseDesk& desk) : desk_(desk) {}
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  LeaseDesk& desk_;
};

}  // namespace rn
