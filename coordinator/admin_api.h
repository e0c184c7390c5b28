// What operators ask of the coordinator: tenants, their keys and limits, the log of changes.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/clock.h"
#include "coordinator/api_gate.h"
#include "coordinator/api_routes.h"
#include "coordinator/http.h"
#include "coordinator/tenant_store.h"

namespace rn {

struct AdminApiOptions {
  int keys_per_tenant_max = 100;  // That were not revoked; the operators' own are counted as one's.
  // Called before a tenant is made, which it is unless that fails: its folders.
  std::function<absl::Status(const std::string& tenant)> on_new_tenant = [](const std::string&) {
    return absl::OkStatus();
  };
  // Called after tenants or keys were changed; quick, any thread.
  std::function<void()> on_change = [] {};
};

// Routes, all under /api/v1/admin and of scope "admin"; api/openapi.json says all of it:
//   GET   /tenants              ?page_size= &page_token=
//   POST  /tenants              {id, title, limits}
//   GET   /tenants/{id}
//   PATCH /tenants/{id}         {title, state: active|suspended, limits}; what is left out stays
//   GET   /keys                 ?tenant= &page_size= &page_token=
//   POST  /keys                 {tenant, title, scopes, expires_in_s}; the answer alone has the key
//   POST  /keys/{id}/revoke
//   GET   /audit                ?since= &page_size= &page_token=    the newest first
// Whatever changes something is logged in the transaction that changes it. Thread-safe; blocks on
// the store, and on a slow hash to make a key.
class AdminApi {
 public:
  // The references outlive the API.
  AdminApi(TenantStore& store, Clock& clock, ApiGate& gate, AdminApiOptions options);

  // Nothing when the path is none of these.
  std::optional<HttpResponse> Handle(const HttpRequest& request);

  static std::vector<ApiOperation> Operations();

 private:
  static const ApiRoute<AdminApi> kRoutes[];

  HttpResponse ListTenants(const ApiCall& call);
  HttpResponse CreateTenant(const ApiCall& call);
  HttpResponse GetTenant(const ApiCall& call);
  HttpResponse UpdateTenant(const ApiCall& call);
  HttpResponse ListKeys(const ApiCall& call);
  HttpResponse CreateKey(const ApiCall& call);
  HttpResponse RevokeKey(const ApiCall& call);
  HttpResponse ListAudit(const ApiCall& call);

  TenantStore& store_;
  Clock& clock_;
  ApiGate& gate_;
  const AdminApiOptions options_;
};

}  // namespace rn
