// Whether a request may go on: a known key, not too many of them, the scope.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/clock.h"
#include "base/mutex.h"
#include "coordinator/auth.h"
#include "coordinator/http.h"
#include "coordinator/key_ring.h"
#include "coordinator/rate_limiter.h"

namespace rn {

// Thread-safe.
class ApiGate {
 public:
  // `keys` are the configuration's, `ring` has the store's and knows whose tenant is suspended;
  // null: neither. `clock` and `ring` outlive the gate.
  ApiGate(Authenticator keys, RateLimit limit, Clock& clock, KeyRing* ring = nullptr)
      : limiter_(limit),
        clock_(clock),
        ring_(ring),
        keys_(std::make_shared<const Authenticator>(std::move(keys))) {}

  // For requests from now on.
  void Set(Authenticator keys, RateLimit limit);

  // RateLimiter::Limited.
  bool Limited(const std::string& tenant) { return limiter_.Limited(tenant, clock_.SinceBoot()); }

  // Who asks; or the answer to one who must not: 401, 429, 403 without `scope` or for a tenant that
  // is suspended, and 503 while nobody can tell.
  std::variant<Principal, HttpResponse> Admit(const HttpRequest& request,
                                              std::optional<Scope> scope);

 private:
  std::shared_ptr<const Authenticator> Keys();
  absl::StatusOr<Principal> Identify(const HttpRequest& request);

  RateLimiter limiter_;
  Clock& clock_;         // Outlives us.
  KeyRing* const ring_;  // Outlives us.
  Mutex mutex_;
  std::shared_ptr<const Authenticator> keys_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rn
