// The machines as operators see them, and what they may ask of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "coordinator/api_gate.h"
#include "coordinator/api_routes.h"
#include "coordinator/http.h"
#include "coordinator/lease_desk.h"
#include "coordinator/store.h"

namespace rn {

struct NodeApiOptions {
  // A node that was not heard for so long is "silent": LeaseLimits::ttl.
  absl::Duration silent_after = absl::Seconds(30);
  std::string public_url;  // Where clients reach us, as BulkApiOptions has it.
  std::string version;     // Of the coordinator.
};

// Routes, which api/openapi.json describes:
//   GET  /api/v1/whoami              the key's tenant and scopes, our public_url; any key
//   GET  /api/v1/nodes               ?page_size= &page_token=    nodes:read
//   POST /api/v1/nodes/{id}/drain    no more items; what it renders ends    nodes:write
//   POST /api/v1/nodes/{id}/undrain                                         nodes:write
// A node: `id`, `state` (ready|not_ready|draining|silent), `reason`, `desired` (run|drain),
// `version`, `last_seen_at`, `slots`, `slots_busy`, `frames_per_second`, `devices [{id, name,
// backend, sessions_in_use, sessions_max, quarantined}]`, `items [{item_id, job_id, job_title, row,
// phase, percent_complete, frames_per_second}]`. Machines serve every tenant: of other tenants'
// items all that tells which they are is null.
// Thread-safe; blocks on the store.
class NodeApi {
 public:
  // The references outlive the API.
  NodeApi(LeaseDesk& desk, Store& store, Clock& clock, ApiGate& gate, NodeApiOptions options);

  // Nothing when the path is none of these.
  std::optional<HttpResponse> Handle(const HttpRequest& request);

  static std::vector<ApiOperation> Operations();

 private:
  static const ApiRoute<NodeApi> kRoutes[];

  HttpResponse WhoAmI(const ApiCall& call);
  HttpResponse ListNodes(const ApiCall& call);
  HttpResponse DrainNode(const ApiCall& call);
  HttpResponse UndrainNode(const ApiCall& call);
  HttpResponse SetDrain(const ApiCall& call, bool drain);

  LeaseDesk& desk_;
  Store& store_;
  Clock& clock_;
  ApiGate& gate_;
  const NodeApiOptions options_;
};

}  // namespace rn
