// A token bucket per tenant.
#pragma once

#include <map>
#include <string>

#include "absl/time/time.h"
#include "base/mutex.h"

namespace rn {

struct RateLimit {
  double per_second = 10;
  int burst = 20;                               // Requests at once after a quiet time; at least 1.
  absl::Duration flag_for = absl::Seconds(10);  // See Limited().
};

// Thread-safe. Remembers every tenant it has met: feed it tenants of the configuration, never names
// that a client makes up.
class RateLimiter {
 public:
  explicit RateLimiter(RateLimit limit) : limit_(limit) {}

  // Takes a token; zero when there was one, else how long until there will be. `now` is
  // Clock::SinceBoot() and never goes back.
  absl::Duration Take(const std::string& tenant, absl::Duration now);

  // From now on; who has more tokens than the new burst keeps no more than that.
  void SetLimit(RateLimit limit);

  // Whether a request of the tenant was refused within the last `flag_for`: what clients see as
  // "rate_limited", so that the ones that were not refused slow down too.
  bool Limited(const std::string& tenant, absl::Duration now);

 private:
  struct Bucket {
    double tokens;
    absl::Duration filled_at;
    absl::Duration refused_at = -absl::InfiniteDuration();
  };

  Mutex mutex_;
  RateLimit limit_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Bucket> buckets_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rn
