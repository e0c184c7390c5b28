// Requests to Google's servers, made again while another answer may come.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "coordinator/outbound_http.h"

namespace rn {

struct GoogleCallOptions {
  absl::Duration timeout = absl::Seconds(25);  // Of a sheet, with all attempts and pauses.
  absl::Duration attempt_timeout = absl::Seconds(10);
  int attempts_max = 4;
  // Between attempts: the first, doubled each time up to the second, shortened by up to half. A
  // Retry-After that asks for longer is obeyed, unless it leads beyond `timeout`.
  absl::Duration backoff_min = absl::Milliseconds(500);
  absl::Duration backoff_max = absl::Seconds(8);
  std::int64_t answer_bytes_max = 64 << 20;
  std::filesystem::path ca_file;  // PEM, instead of the system's; "" = those.
  // Instead of waiting on the clock: for tests.
  std::function<void(absl::Duration, const std::stop_token&)> pause;
};

// Thread-safe.
class GoogleCaller {
 public:
  // `clock` outlives us.
  GoogleCaller(GoogleCallOptions options, Clock& clock);

  // Since boot: until when what begins now may take, as Ask wants it.
  absl::Duration Deadline() const { return clock_.SinceBoot() + options_.timeout; }

  // Blocks. What the server said last, whatever it is: after 408, 429 and 5xx it was asked again.
  //   Unavailable       it cannot be reached, or a connection broke
  //   DeadlineExceeded  no answer in time
  //   Cancelled         Stop() was called
  absl::StatusOr<OutboundAnswer> Ask(const OutboundRequest& request, absl::Duration until);

  // Ends what is under way and whatever is asked from then on.
  void Stop() { stop_.request_stop(); }

 private:
  absl::Duration DelayAfter(int attempt, const absl::StatusOr<OutboundAnswer>& answer) const;

  const GoogleCallOptions options_;
  Clock& clock_;  // Outlives us.
  std::stop_source stop_;
};

}  // namespace rn
