#include "coordinator/node_api.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "coordinator/api_error.h"
#include "coordinator/job_json.h"
#include "coordinator/query.h"

namespace rn {
namespace {

using Json = nlohmann::ordered_json;

double Rounded(double value) {
  return std::round(value * 10) / 10;
}

std::string StateName(const NodeView& node, absl::Duration now, absl::Duration silent_after) {
  if (!node.heard_at.has_value() || now - *node.heard_at > silent_after) {
    return "silent";
  }
  switch (node.said.state()) {
    case rendernode::DRAINING:
      return "draining";
    case rendernode::NOT_READY:
      return "not_ready";
    default:  // proto3 enums are open: what newer nodes may say besides.
      return "ready";
  }
}

Json DeviceJson(const rendernode::EncoderDevice& device) {
  return {{"id", device.uuid()},
          {"name", device.name()},
          {"backend", absl::AsciiStrToLower(rendernode::Backend_Name(device.backend()))},
          {"sessions_in_use", device.sessions_in_use()},
          {"sessions_max",
           device.sessions_probed() > 0 ? Json(device.sessions_probed()) : Json(nullptr)},
          {"quarantined", device.quarantined()}};
}

// The caller's jobs that nodes hold items of, each asked for once.
class OwnJobs {
 public:
  OwnJobs(Store& store, const std::string& tenant) : store_(store), tenant_(tenant) {}

  // The job's title; nothing: another tenant's.
  absl::StatusOr<std::optional<std::string>> Title(const std::string& job_id) {
    const auto known = titles_.find(job_id);
    if (known != titles_.end()) {
      return known->second;
    }
    const absl::StatusOr<Job> job = store_.GetJob(tenant_, job_id);
    if (!job.ok() && !absl::IsNotFound(job.status())) {
      return job.status();
    }
    std::optional<std::string> title;
    if (job.ok()) {
      title = job->title;
    }
    titles_[job_id] = title;
    return title;
  }

 private:
  Store& store_;
  const std::string& tenant_;
  std::map<std::string, std::optional<std::string>> titles_;
};

absl::StatusOr<Json> ItemJson(const rendernode::HeldLease& held, OwnJobs& jobs) {
  const std::string& item_id = held.ref().item_id();
  const std::size_t dash = item_id.rfind('-');
  const std::string job_id = item_id.substr(0, dash);
  std::int64_t row = 0;
  if (dash != std::string::npos) {
    (void)absl::SimpleAtoi(item_id.substr(dash + 1), &row);
  }
  ASSIGN_OR_RETURN(const std::optional<std::string> title, jobs.Title(job_id));
  const bool own = title.has_value();
  return Json{{"item_id", own ? Json(item_id) : Json(nullptr)},
              {"job_id", own ? Json(job_id) : Json(nullptr)},
              {"job_title", own ? Json(*title) : Json(nullptr)},
              {"row", own ? Json(row) : Json(nullptr)},
              {"phase", absl::AsciiStrToLower(rendernode::Phase_Name(held.phase()))},
              {"percent_complete", held.progress_permille() / 10.0},
              {"frames_per_second", Rounded(held.frames_per_second())}};
}

}  // namespace

const ApiRoute<NodeApi> NodeApi::kRoutes[] = {
    {{.method = "GET", .path = "/api/v1/whoami", .any_key = true}, &NodeApi::WhoAmI},
    {{"GET", "/api/v1/nodes", Scope::kNodesRead}, &NodeApi::ListNodes},
    {{.method = "POST",
      .path = "/api/v1/nodes/{id}/drain",
      .scope = Scope::kNodesWrite,
      .id = IdForm::kName},
     &NodeApi::DrainNode},
    {{.method = "POST",
      .path = "/api/v1/nodes/{id}/undrain",
      .scope = Scope::kNodesWrite,
      .id = IdForm::kName},
     &NodeApi::UndrainNode},
};

NodeApi::NodeApi(LeaseDesk& desk, Store& store, Clock& clock, ApiGate& gate, NodeApiOptions options)
    : desk_(desk), store_(store), clock_(clock), gate_(gate), options_(std::move(options)) {}

std::optional<HttpResponse> NodeApi::Handle(const HttpRequest& request) {
  return AnswerCall(request, gate_, clock_, kRoutes, *this);
}

std::vector<ApiOperation> NodeApi::Operations() {
  return OperationsOf(kRoutes);
}

HttpResponse NodeApi::WhoAmI(const ApiCall& call) {
  Json scopes = Json::array();
  for (const Scope scope : call.who.scopes) {
    scopes.push_back(ScopeName(scope));
  }
  return JsonAnswer(200,
                    {{"tenant", call.who.tenant},
                     {"scopes", std::move(scopes)},
                     {"public_url", options_.public_url},
                     {"coordinator_version", options_.version}});
}

HttpResponse NodeApi::ListNodes(const ApiCall& call) {
  std::vector<FieldError> errors;
  QueryReader query(call.request, errors);
  const int page_size = query.PageSize();
  const std::string after = query.PageStart("nodes");
  query.Finish();
  if (!errors.empty()) {
    return ValidationResponse(errors);
  }
  const absl::Duration now = clock_.SinceBoot();
  const absl::Time wall = clock_.Now();
  std::vector<NodeView> nodes = desk_.roster().List(after, page_size + 1);
  const bool more = nodes.size() > static_cast<std::size_t>(page_size);
  nodes.resize(std::min<std::size_t>(nodes.size(), page_size));
  OwnJobs jobs(store_, call.who.tenant);
  Json data = Json::array();
  for (const NodeView& node : nodes) {
    Json items = Json::array();
    for (const rendernode::HeldLease& held : node.said.held()) {
      absl::StatusOr<Json> item = ItemJson(held, jobs);
      if (!item.ok()) {
        return StatusResponse(item.status());
      }
      items.push_back(*std::move(item));
    }
    Json devices = Json::array();
    for (const rendernode::EncoderDevice& device : node.said.devices()) {
      devices.push_back(DeviceJson(device));
    }
    data.push_back(
        {{"id", node.node_id},
         {"state", StateName(node, now, options_.silent_after)},
         {"reason", node.said.reason()},
         {"desired", node.drains ? "drain" : "run"},
         {"version", node.said.version()},
         {"last_seen_at",
          node.heard_at.has_value() ? Json(ApiTime(wall - (now - *node.heard_at))) : Json(nullptr)},
         {"slots", node.said.slots()},
         {"slots_busy", SlotsBusy(node.said)},
         {"frames_per_second", Rounded(FramesPerSecond(node.said))},
         {"devices", std::move(devices)},
         {"items", std::move(items)}});
  }
  const FarmTotals totals = desk_.roster().Totals(now, options_.silent_after);
  return JsonAnswer(
      200,
      {{"data", std::move(data)},
       {"totals",
        {{"nodes", totals.nodes},
         {"ready", totals.ready},
         {"slots", totals.slots},
         {"slots_busy", totals.slots_busy},
         {"frames_per_second", Rounded(totals.frames_per_second)}}},
       {"next_page_token", more ? Json(PageToken("nodes", nodes.back().node_id)) : Json(nullptr)}});
}

HttpResponse NodeApi::DrainNode(const ApiCall& call) {
  return SetDrain(call, /*drain=*/true);
}

HttpResponse NodeApi::UndrainNode(const ApiCall& call) {
  return SetDrain(call, /*drain=*/false);
}

HttpResponse NodeApi::SetDrain(const ApiCall& call, bool drain) {
  const AuditEntry audit = call.Audit(drain ? "node.drain" : "node.undrain", call.id);
  if (const absl::Status status = desk_.DrainNode(call.id, drain, &audit); !status.ok()) {
    return StatusResponse(status);
  }
  SPDLOG_INFO("node action={} node={} tenant={} correlation_id={}",
              drain ? "drain" : "undrain",
              call.id,
              call.who.tenant,
              call.request.correlation_id);
  return JsonAnswer(200, {{"id", call.id}, {"desired", drain ? "drain" : "run"}});
}

}  // namespace rn
