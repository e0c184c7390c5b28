#include "coordinator/admin_api.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "coordinator/api_error.h"
#include "coordinator/api_key.h"
#include "coordinator/job_json.h"
#include "coordinator/json_fields.h"
#include "coordinator/query.h"

namespace rn {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kIdCharsMax = 64;
constexpr int kTitleCharsMax = 200;
constexpr std::size_t kScopesMax = 16;
constexpr std::int64_t kLimitMax = 1'000'000'000;
constexpr std::int64_t kRunningMax = 1'000'000;
constexpr double kWeightMin = 0.01, kWeightMax = 1000;  // As scheduler.tenant_weight.
constexpr std::int64_t kExpiresInMaxS = std::int64_t{10} * 366 * 24 * 3600;

Json TimeOrNull(const std::optional<absl::Time>& time) {
  return time.has_value() ? Json(ApiTime(*time)) : Json(nullptr);
}

Json LimitOrNull(const std::optional<std::int64_t>& limit) {
  return limit.has_value() ? Json(*limit) : Json(nullptr);
}

Json LimitsJson(const TenantLimits& limits) {
  return {{"items_open_max", LimitOrNull(limits.items_open_max)},
          {"items_per_day_max", LimitOrNull(limits.items_per_day_max)},
          {"items_running_max", LimitOrNull(limits.items_running_max)},
          {"weight", limits.weight.has_value() ? Json(*limits.weight) : Json(nullptr)}};
}

Json TenantJson(const Tenant& tenant) {
  return {{"id", tenant.id},
          {"title", tenant.title},
          {"state", tenant.state == TenantState::kActive ? "active" : "suspended"},
          {"limits", LimitsJson(tenant.limits)},
          {"created_at", ApiTime(tenant.created_at)},
          {"updated_at", ApiTime(tenant.updated_at)}};
}

Json KeyJson(const StoredKey& key, absl::Time now) {
  const bool expired = key.expires_at.value_or(absl::InfiniteFuture()) <= now;
  return {{"id", key.id},
          {"name", ApiKeyName(key.id)},
          {"tenant", key.tenant.empty() ? Json(nullptr) : Json(key.tenant)},
          {"title", key.title},
          {"scopes", key.scopes},
          {"state",
           key.revoked_at.has_value() ? "revoked"
           : expired                  ? "expired"
                                      : "active"},
          {"created_at", ApiTime(key.created_at)},
          {"expires_at", TimeOrNull(key.expires_at)},
          {"last_used_at", TimeOrNull(key.used_at)},
          {"revoked_at", TimeOrNull(key.revoked_at)}};
}

Json AuditJson(const AuditEntry& entry) {
  return {{"id", entry.id},
          {"at", ApiTime(entry.at)},
          {"who", entry.who},
          {"what", entry.what},
          {"target", entry.target},
          {"detail", Json::parse(entry.detail_json, nullptr, /*allow_exceptions=*/false)},
          {"correlation_id", entry.correlation_id}};
}

// A page of what was asked for with one more than fits.
template <typename T, typename ToJson>
HttpResponse Page(std::vector<T> all,
                  int page_size,
                  absl::string_view list,
                  const ToJson& to_json) {
  const bool more = all.size() > static_cast<std::size_t>(page_size);
  all.resize(std::min<std::size_t>(all.size(), page_size));
  Json data = Json::array();
  for (const T& one : all) {
    data.push_back(to_json(one));
  }
  return JsonAnswer(
      200,
      {{"data", std::move(data)},
       {"next_page_token", more ? Json(PageToken(list, all.back().id)) : Json(nullptr)}});
}

// They end up on operators' terminals.
void ReadTitle(JsonFields& fields, std::string& title) {
  if (fields.String("title", Presence::kOptional, kTitleCharsMax, title) &&
      std::any_of(title.begin(), title.end(), absl::ascii_iscntrl)) {
    fields.Fail("title", "must hold no control characters");
  }
}

// What a request says of limits: a number, or null for "as the configuration has it".
class LimitChanges {
 public:
  static LimitChanges Read(const nlohmann::json* limits, std::vector<FieldError>& errors) {
    LimitChanges changes;
    if (limits != nullptr) {
      JsonFields fields(*limits, "/limits", errors);
      changes.Read(fields, "items_open_max", kLimitMax, &TenantLimits::items_open_max);
      changes.Read(fields, "items_per_day_max", kLimitMax, &TenantLimits::items_per_day_max);
      changes.Read(fields, "items_running_max", kRunningMax, &TenantLimits::items_running_max);
      double weight = 0;
      if (fields.IsNull("weight")) {
        changes.weight_.emplace(std::nullopt);
      } else if (fields.Number("weight", Presence::kOptional, kWeightMin, kWeightMax, weight)) {
        changes.weight_.emplace(weight);
      }
      fields.Finish();
    }
    return changes;
  }

  void ApplyTo(TenantLimits& limits) const {
    for (const Change& change : changes_) {
      limits.*change.limit = change.value;
    }
    limits.weight = weight_.value_or(limits.weight);
  }

  void Describe(Json& detail) const {
    for (const Change& change : changes_) {
      detail["limits"][change.name] = LimitOrNull(change.value);
    }
    if (weight_.has_value()) {
      detail["limits"]["weight"] = weight_->has_value() ? Json(**weight_) : Json(nullptr);
    }
  }

 private:
  using Limit = std::optional<std::int64_t> TenantLimits::*;
  struct Change {
    const char* name;
    Limit limit;
    std::optional<std::int64_t> value;
  };

  void Read(JsonFields& fields, const char* name, std::int64_t max, Limit limit) {
    std::int64_t value = 0;
    if (fields.IsNull(name)) {
      changes_.push_back({name, limit, std::nullopt});
    } else if (fields.Integer(name, Presence::kOptional, 0, max, value)) {
      changes_.push_back({name, limit, value});
    }
  }

  std::vector<Change> changes_;
  std::optional<std::optional<double>> weight_;
};

// Whose key it is to be, and what it may.
void CheckGrant(const StoredKey& key, JsonFields& fields) {
  const bool admin =
      std::find(key.scopes.begin(), key.scopes.end(), ScopeName(Scope::kAdmin)) != key.scopes.end();
  if (key.tenant.empty() && !admin) {
    fields.Fail("tenant", "is required, but for an operator's key, whose scopes hold \"admin\"");
    return;
  }
  if (!key.tenant.empty() && admin) {
    fields.Fail("scopes",
                "\"admin\" is the operators': leave \"tenant\" out, or give the tenant others");
    return;
  }
  for (const std::string& name : key.scopes) {
    const auto scope =
        key.tenant.empty() ? OperatorScopeFromName(Quotable(name)) : ScopeFromName(Quotable(name));
    if (!scope.ok()) {
      fields.Fail("scopes", std::string(scope.status().message()));
    }
  }
}

}  // namespace

const ApiRoute<AdminApi> AdminApi::kRoutes[] = {
    {{"GET", "/api/v1/admin/tenants", Scope::kAdmin}, &AdminApi::ListTenants},
    {{"POST", "/api/v1/admin/tenants", Scope::kAdmin}, &AdminApi::CreateTenant},
    {{"GET", "/api/v1/admin/tenants/{id}", Scope::kAdmin}, &AdminApi::GetTenant},
    {{"PATCH", "/api/v1/admin/tenants/{id}", Scope::kAdmin}, &AdminApi::UpdateTenant},
    {{"GET", "/api/v1/admin/keys", Scope::kAdmin}, &AdminApi::ListKeys},
    {{"POST", "/api/v1/admin/keys", Scope::kAdmin}, &AdminApi::CreateKey},
    {{"POST", "/api/v1/admin/keys/{id}/revoke", Scope::kAdmin}, &AdminApi::RevokeKey},
    {{"GET", "/api/v1/admin/audit", Scope::kAdmin}, &AdminApi::ListAudit},
};

AdminApi::AdminApi(TenantStore& store, Clock& clock, ApiGate& gate, AdminApiOptions options)
    : store_(store), clock_(clock), gate_(gate), options_(std::move(options)) {}

std::vector<ApiOperation> AdminApi::Operations() {
  return OperationsOf(kRoutes);
}

std::optional<HttpResponse> AdminApi::Handle(const HttpRequest& request) {
  return AnswerCall(request, gate_, clock_, kRoutes, *this);
}

HttpResponse AdminApi::ListTenants(const ApiCall& call) {
  std::vector<FieldError> errors;
  QueryReader query(call.request, errors);
  const int page_size = query.PageSize();
  const std::string after = query.PageStart("tenants");
  query.Finish();
  if (!errors.empty()) {
    return ValidationResponse(errors);
  }
  const auto tenants = store_.ListTenants(after, page_size + 1);
  return tenants.ok() ? Page(*tenants, page_size, "tenants", TenantJson)
                      : StatusResponse(tenants.status());
}

HttpResponse AdminApi::CreateTenant(const ApiCall& call) {
  std::vector<FieldError> errors;
  const nlohmann::json body = ParseJsonObject(call.request.body, errors);
  if (!errors.empty()) {
    return ValidationResponse(errors);
  }
  Tenant tenant;
  JsonFields fields(body, "", errors);
  if (fields.String("id", Presence::kRequired, static_cast<int>(kIdCharsMax), tenant.id)) {
    if (const absl::Status valid = CheckTenantName(tenant.id); !valid.ok()) {
      fields.Fail("id", std::string(valid.message()));
    }
  }
  ReadTitle(fields, tenant.title);
  const LimitChanges limits =
      LimitChanges::Read(fields.Object("limits", Presence::kOptional), errors);
  fields.Finish();
  if (!errors.empty()) {
    return ValidationResponse(errors);
  }
  limits.ApplyTo(tenant.limits);
  Json detail = {{"title", tenant.title}};
  limits.Describe(detail);
  if (const absl::Status ready = options_.on_new_tenant(tenant.id); !ready.ok()) {
    SPDLOG_ERROR("tenant not made tenant={} error=\"{}\"", tenant.id, ready.ToString());
    return StatusResponse(ready);
  }
  const auto made = store_.CreateTenant(
      tenant, call.Audit("tenant.create", tenant.id, JsonText(detail)), call.now);
  if (!made.ok()) {
    return StatusResponse(made.status());
  }
  options_.on_change();
  return JsonAnswer(201, TenantJson(*made));
}

HttpResponse AdminApi::GetTenant(const ApiCall& call) {
  const auto tenant = store_.GetTenant(call.id);
  return tenant.ok() ? JsonAnswer(200, TenantJson(*tenant)) : StatusResponse(tenant.status());
}

HttpResponse AdminApi::UpdateTenant(const ApiCall& call) {
  std::vector<FieldError> errors;
  const nlohmann::json body = ParseJsonObject(call.request.body, errors);
  if (!errors.empty()) {
    return ValidationResponse(errors);
  }
  JsonFields fields(body, "", errors);
  std::string title, state;
  ReadTitle(fields, title);
  fields.Name("state", Presence::kOptional, {"active", "suspended"}, state);
  const LimitChanges limits =
      LimitChanges::Read(fields.Object("limits", Presence::kOptional), errors);
  fields.Finish();
  if (!errors.empty()) {
    return ValidationResponse(errors);
  }
  Json detail = Json::object();
  if (!title.empty()) {
    detail["title"] = title;
  }
  limits.Describe(detail);
  const char* what = state.empty()          ? "tenant.update"
                     : state == "suspended" ? "tenant.suspend"
                                            : "tenant.resume";
  const auto change = [&](Tenant& tenant) {
    if (!title.empty()) {
      tenant.title = title;
    }
    if (!state.empty()) {
      tenant.state = state == "active" ? TenantState::kActive : TenantState::kSuspended;
    }
    limits.ApplyTo(tenant.limits);
  };
  const auto changed =
      store_.UpdateTenant(call.id, change, call.Audit(what, call.id, JsonText(detail)), call.now);
  if (!changed.ok()) {
    return StatusResponse(changed.status());
  }
  SPDLOG_INFO("admin action={} tenant={} who=\"{}\" correlation_id={}",
              what,
              call.id,
              call.who.name,
              call.request.correlation_id);
  options_.on_change();
  return JsonAnswer(200, TenantJson(*changed));
}

HttpResponse AdminApi::ListKeys(const ApiCall& call) {
  std::vector<FieldError> errors;
  QueryReader query(call.request, errors);
  const std::string tenant = query.Text("tenant");
  if (const absl::Status valid = CheckTenantName(tenant); !tenant.empty() && !valid.ok()) {
    query.Fail("tenant", std::string(valid.message()));
  }
  const int page_size = query.PageSize();
  const std::string after = query.PageStart("keys");
  query.Finish();
  if (!errors.empty()) {
    return ValidationResponse(errors);
  }
  const auto keys = store_.ListKeys(
      tenant.empty() ? std::nullopt : std::optional<std::string>(tenant), after, page_size + 1);
  if (!keys.ok()) {
    return StatusResponse(keys.status());
  }
  return Page(
      *keys, page_size, "keys", [&](const StoredKey& key) { return KeyJson(key, call.now); });
}

HttpResponse AdminApi::CreateKey(const ApiCall& call) {
  std::vector<FieldError> errors;
  const nlohmann::json body = ParseJsonObject(call.request.body, errors);
  if (!errors.empty()) {
    return ValidationResponse(errors);
  }
  StoredKey key = {.created_at = call.now};
  JsonFields fields(body, "", errors);
  fields.String("tenant", Presence::kOptional, static_cast<int>(kIdCharsMax), key.tenant);
  ReadTitle(fields, key.title);
  if (fields.Strings("scopes", Presence::kRequired, kScopesMax, key.scopes)) {
    CheckGrant(key, fields);
  }
  std::int64_t expires_in_s = 0;
  if (fields.Integer("expires_in_s", Presence::kOptional, 1, kExpiresInMaxS, expires_in_s)) {
    key.expires_at = call.now + absl::Seconds(expires_in_s);
  }
  fields.Finish();
  if (!errors.empty()) {
    return ValidationResponse(errors);
  }
  const NewApiKey made = MakeApiKey();
  key.id = made.id;
  key.secret_hash = HashApiKey(made.text);
  const Json detail = {{"tenant", key.tenant.empty() ? Json(nullptr) : Json(key.tenant)},
                       {"title", key.title},
                       {"scopes", key.scopes},
                       {"expires_at", TimeOrNull(key.expires_at)}};
  const absl::Status added =
      store_.AddKey(key,
                    options_.keys_per_tenant_max,
                    call.Audit("key.create", ApiKeyName(key.id), JsonText(detail)),
                    call.now);
  if (absl::IsResourceExhausted(added)) {
    return ErrorResponse(403, "quota_exceeded", added.message());
  }
  if (absl::IsNotFound(added)) {
    return ValidationResponse({{"/tenant", std::string(added.message())}});
  }
  if (!added.ok()) {
    return StatusResponse(added);
  }
  Json answer = KeyJson(key, call.now);
  answer["key"] = made.text;
  return JsonAnswer(201, answer);
}

HttpResponse AdminApi::RevokeKey(const ApiCall& call) {
  const auto revoked =
      store_.RevokeKey(call.id, call.Audit("key.revoke", ApiKeyName(call.id)), call.now);
  if (!revoked.ok()) {
    return StatusResponse(revoked.status());
  }
  SPDLOG_INFO("admin action=key.revoke key={} tenant={} who=\"{}\" correlation_id={}",
              call.id,
              revoked->tenant,
              call.who.name,
              call.request.correlation_id);
  options_.on_change();
  return JsonAnswer(200, KeyJson(*revoked, call.now));
}

HttpResponse AdminApi::ListAudit(const ApiCall& call) {
  std::vector<FieldError> errors;
  QueryReader query(call.request, errors);
  AuditFilter filter;
  filter.since = query.Time("since");
  const int page_size = query.PageSize();
  filter.before_id = query.PageStart("audit");
  filter.limit = page_size + 1;
  query.Finish();
  if (!errors.empty()) {
    return ValidationResponse(errors);
  }
  const auto entries = store_.ListAudit(filter);
  return entries.ok() ? Page(*entries, page_size, "audit", AuditJson)
                      : StatusResponse(entries.status());
}

}  // namespace rn
