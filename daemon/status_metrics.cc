#include "daemon/status_metrics.h"

#include <map>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace rn {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using rendernode::NodeStatus;

class Gauges {
 public:
  void Add(const std::string& name, const std::string& help, double value) {
    Add(name, help, {{"", value}}, "");
  }
  // One for each value of `label`.
  void Add(const std::string& name,
           const std::string& help,
           const std::map<std::string, double>& values,
           const std::string& label) {
    MetricFamily family{.name = "rendernode_" + name, .help = help};
    family.type = prometheus::MetricType::Gauge;
    for (const auto& [value_of_label, value] : values) {
      ClientMetric metric;
      if (!label.empty()) {
        metric.label = {{label, value_of_label}};
      }
      metric.gauge.value = value;
      family.metric.push_back(std::move(metric));
    }
    families_.push_back(std::move(family));
  }
  std::vector<MetricFamily> Take() { return std::move(families_); }

 private:
  std::vector<MetricFamily> families_;
};

std::string Lower(const std::string& name) {
  return absl::AsciiStrToLower(name);
}

// All of them, so that a phase or state that nobody is in reads as zero.
std::map<std::string, double> ByPhase(const NodeStatus& status) {
  std::map<std::string, double> counts;
  for (int phase = rendernode::QUEUED; phase <= rendernode::COMMITTING; ++phase) {
    counts[Lower(Phase_Name(static_cast<rendernode::Phase>(phase)))] = 0;
  }
  for (const auto& item : status.items()) {
    ++counts[Lower(Phase_Name(item.phase()))];
  }
  return counts;
}

std::map<std::string, double> ByState(const NodeStatus& status) {
  std::map<std::string, double> states = {{"ready", 0}, {"not_ready", 0}, {"draining", 0}};
  states[Lower(NodeState_Name(status.state()))] = 1;
  return states;
}

void AddSlots(const NodeStatus& status, Gauges& gauges) {
  std::map<std::string, double> busy, memory, speed;
  std::map<std::string, double> speed_of_item;
  for (const auto& item : status.items()) {
    speed_of_item[item.item_id()] =
        item.phase() == rendernode::RENDERING ? item.frames_per_second() : 0;
  }
  for (const auto& slot : status.slots()) {
    const std::string name = absl::StrCat(slot.slot());
    busy[name] = slot.item_id().empty() ? 0 : 1;
    memory[name] = static_cast<double>(slot.rss_bytes());
    speed[name] = slot.item_id().empty() ? 0 : speed_of_item[slot.item_id()];
  }
  gauges.Add("slot_busy", "1 while the slot's worker has an item.", busy, "slot");
  gauges.Add("worker_resident_bytes", "Memory of the slot's worker.", memory, "slot");
  gauges.Add("frames_per_second", "Speed of the render in the slot, now.", speed, "slot");
}

void AddDevices(const NodeStatus& status, Gauges& gauges) {
  std::map<std::string, double> in_use, probed, quarantined;
  for (const auto& device : status.devices()) {
    in_use[device.uuid()] = device.sessions_in_use();
    probed[device.uuid()] = device.sessions_probed();
    quarantined[device.uuid()] = device.quarantined() ? 1 : 0;
  }
  for (const auto& item : status.items()) {
    if (item.phase() == rendernode::RENDERING && status.devices_size() == 1 &&
        status.devices(0).sessions_in_use() == 0) {
      ++in_use[status.devices(0).uuid()];  // Who does not count its sessions has one an item.
    }
  }
  gauges.Add("encoder_sessions", "Encoder sessions in use.", in_use, "device");
  gauges.Add("encoder_sessions_probed", "That the device has; 0: no limit.", probed, "device");
  gauges.Add(
      "device_quarantined", "1 while nothing is given to the device.", quarantined, "device");
}

}  // namespace

std::vector<MetricFamily> MetricsOf(const NodeStatus& status) {
  Gauges gauges;
  gauges.Add("build_info", "1, by version.", {{status.version(), 1}}, "version");
  gauges.Add("node_state", "1 for the state the node is in.", ByState(status), "state");
  gauges.Add("coordinator_connected", "1 while the last call succeeded.", status.connected());
  gauges.Add("session_open", "1 while there is a session.", status.session_open());
  gauges.Add("leases", "Leases held, by the phase of their items.", ByPhase(status), "phase");
  gauges.Add("results_unreported",
             "Finished results without a verdict of the coordinator.",
             ByPhase(status).at("committing"));
  AddSlots(status, gauges);
  AddDevices(status, gauges);
  gauges.Add("cache_bytes", "Cached assets.", static_cast<double>(status.cache_bytes()));
  gauges.Add("cache_max_bytes", "Its bound.", static_cast<double>(status.cache_max_bytes()));
  gauges.Add("disk_free_bytes",
             "Of the disk of folders.work.",
             static_cast<double>(status.disk_free_bytes()));
  gauges.Add("disk_free_min_bytes",
             "With less no new lease is taken.",
             static_cast<double>(status.disk_free_min_bytes()));
  gauges.Add("events_waiting", "For the control thread.", status.events_waiting());
  gauges.Add("uptime_seconds", "Since the daemon started.", status.uptime_s());
  if (status.certificate_expires_s() != 0) {
    gauges.Add("certificate_expires_timestamp_seconds",
               "When our certificate for the coordinator ends.",
               static_cast<double>(status.certificate_expires_s()));
  }
  return gauges.Take();
}

StatusMetrics::StatusMetrics(std::function<absl::StatusOr<NodeStatus>()> status)
    : status_(std::move(status)) {}

std::vector<MetricFamily> StatusMetrics::Collect() const {
  const absl::StatusOr<NodeStatus> status = status_();
  return status.ok() ? MetricsOf(*status) : std::vector<MetricFamily>();
}

}  // namespace rn
