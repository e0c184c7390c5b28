#include "coordinator/rate_limiter.h"

#include <algorithm>

namespace rn {

absl::Duration RateLimiter::Take(const std::string& tenant, absl::Duration now) {
  MutexLock lock(mutex_);
  const double full = limit_.burst;
  Bucket& bucket = buckets_.try_emplace(tenant, Bucket{full, now}).first->second;
  const double earned = absl::ToDoubleSeconds(now - bucket.filled_at) * limit_.per_second;
  bucket.tokens = std::min(full, bucket.tokens + std::max(0.0, earned));
  bucket.filled_at = std::max(bucket.filled_at, now);
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return absl::ZeroDuration();
  }
  bucket.refused_at = now;
  return absl::Seconds((1 - bucket.tokens) / limit_.per_second);
}

void RateLimiter::SetLimit(RateLimit limit) {
  MutexLock lock(mutex_);
  limit_ = limit;
}

bool RateLimiter::Limited(const std::string& tenant, absl::Duration now) {
  MutexLock lock(mutex_);
  const auto bucket = buckets_.find(tenant);
  return bucket != buckets_.end() && now - bucket->second.refused_at < limit_.flag_for;
}

}  // namespace rn
