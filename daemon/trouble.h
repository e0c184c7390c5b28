// What closes the node to new leases: for a back-off after each time that it shows. Then the next
// lease may find out whether it has passed.
#pragma once

#include <string>
#include <utility>

#include "absl/time/time.h"
#include "daemon/backoff.h"

namespace rn {

// Pure; times are since boot.
class Trouble {
 public:
  void Note(std::string message,
            absl::Duration now,
            const BackoffLimits& limits,
            const RandomSource& random) {
    message_ = std::move(message);
    until_ = now + backoff_.Next(limits, random);
  }
  void Clear() {
    message_.clear();
    backoff_.Reset();
    until_ = -absl::InfiniteDuration();
  }

  // "" when the node may take leases.
  std::string Reason(absl::Duration now) const { return now < until_ ? message_ : ""; }
  absl::Duration until() const { return until_; }

 private:
  std::string message_;
  Backoff backoff_;
  absl::Duration until_ = -absl::InfiniteDuration();
};

}  // namespace rn
