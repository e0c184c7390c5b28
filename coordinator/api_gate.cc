#include "coordinator/api_gate.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "coordinator/api_error.h"
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

HttpResponse Unauthorized(const absl::Status& status) {
  HttpResponse response = StatusResponse(status);
  response.headers.emplace_back("WWW-Authenticate", "Bearer");
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

std::variant<Principal, HttpResponse> ApiGate::Admit(const HttpRequest& request,
                                                     std::optional<Scope> scope) {
  auto who = Keys()->Authenticate(CredentialsOf(request));
  if (!who.ok()) {
    return Unauthorized(who.status());
  }
  const absl::Duration wait = limiter_.Take(who->tenant, clock_.SinceBoot());
  if (wait > absl::ZeroDuration()) {
    return TooMany(wait);
  }
  if (scope.has_value() && who->scopes.count(*scope) == 0) {
    return ErrorResponse(403,
                         absl::StrCat("this API key lacks the scope \"", ScopeName(*scope), "\""));
  }
  return *std::move(who);
}

}  // namespace rn
