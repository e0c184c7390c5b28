#include "coordinator/api_gate.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "coordinator/api_error.h"
#include "coordinator/api_key.h"
#include "coordinator/web_socket_offer.h"

namespace rn {
namespace {

// A WebSocket's key may come as a subprotocol: browsers let no page set a header.
std::string CredentialsOf(const HttpRequest& request) {
  std::optional<std::string> authorization = request.Header("authorization");
  if (!authorization.has_value() && request.wants_web_socket) {
    authorization = ReadOffer(request.Header("sec-websocket-protocol").value_or("")).authorization;
  }
  return std::move(authorization).value_or("");
}

HttpResponse Refusal(const absl::Status& status) {
  if (absl::IsPermissionDenied(status)) {
    return ErrorResponse(403, "tenant_suspended", status.message());
  }
  HttpResponse response = StatusResponse(status);
  if (absl::IsUnauthenticated(status)) {
    response.headers.emplace_back("WWW-Authenticate", "Bearer");
  }
  return response;
}

HttpResponse TooMany(absl::Duration wait) {
  HttpResponse response = ErrorResponse(429, "too many requests; wait as Retry-After says");
  const double seconds = std::max(1.0, std::ceil(absl::ToDoubleSeconds(wait)));
  response.headers.emplace_back("Retry-After", absl::StrCat(static_cast<std::int64_t>(seconds)));
  return response;
}

}  // namespace

void ApiGate::Set(Authenticator keys, RateLimit limit) {
  limiter_.SetLimit(limit);
  MutexLock lock(mutex_);
  keys_ = std::make_shared<const Authenticator>(std::move(keys));
}

std::shared_ptr<const Authenticator> ApiGate::Keys() {
  MutexLock lock(mutex_);
  return keys_;
}

absl::StatusOr<Principal> ApiGate::Identify(const HttpRequest& request) {
  const std::string credentials = CredentialsOf(request);
  auto who = Keys()->Authenticate(credentials);
  if (ring_ == nullptr) {
    return who;
  }
  if (who.ok()) {
    if (!who->tenant.empty()) {
      RETURN_IF_ERROR(ring_->CheckTenant(who->tenant));
    }
    return who;
  }
  const std::optional<absl::string_view> key = BearerKey(credentials);
  return key.has_value() && ApiKeyId(*key).has_value() ? ring_->Verify(*key) : who;
}

std::variant<Principal, HttpResponse> ApiGate::Admit(const HttpRequest& request,
                                                     std::optional<Scope> scope) {
  auto who = Identify(request);
  if (!who.ok()) {
    return Refusal(who.status());
  }
  const absl::Duration wait = limiter_.Take(who->tenant, clock_.SinceBoot());
  if (wait > absl::ZeroDuration()) {
    return TooMany(wait);
  }
  if (scope.has_value() && !who->has(*scope)) {
    return ErrorResponse(403,
                         absl::StrCat("this API key lacks the scope \"", ScopeName(*scope), "\""));
  }
  return *std::move(who);
}

}  // namespace rn
