#include "coordinator/google_call.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/pause.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr int kDoublingsMax = 20;

double Random() {
  thread_local std::mt19937_64 generator{std::random_device()()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

bool MayPass(const absl::StatusOr<OutboundAnswer>& answer) {
  if (!answer.ok()) {
    return absl::IsUnavailable(answer.status()) || absl::IsDeadlineExceeded(answer.status());
  }
  return answer->status == 408 || answer->status == 429 || answer->status >= 500;
}

// Seconds or a date (RFC 9110, 10.2.3); zero when it says neither.
absl::Duration RetryAfter(const OutboundAnswer& answer, absl::Time now) {
  const auto header = answer.headers.find("retry-after");
  if (header == answer.headers.end()) {
    return absl::ZeroDuration();
  }
  std::uint32_t seconds = 0;
  absl::Time date;
  if (absl::SimpleAtoi(header->second, &seconds)) {
    return absl::Seconds(seconds);
  }
  const bool dated =
      absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", header->second, &date, /*err=*/nullptr);
  return dated ? std::max(absl::ZeroDuration(), date - now) : absl::ZeroDuration();
}

std::string Said(const absl::StatusOr<OutboundAnswer>& answer) {
  return answer.ok() ? absl::StrCat("answered ", answer->status)
                     : std::string(answer.status().message());
}

}  // namespace

GoogleCaller::GoogleCaller(GoogleCallOptions options, Clock& clock)
    : options_(std::move(options)), clock_(clock) {}

absl::Duration GoogleCaller::DelayAfter(int attempt,
                                        const absl::StatusOr<OutboundAnswer>& answer) const {
  const absl::Duration full =
      std::min(options_.backoff_max,
               options_.backoff_min * (std::int64_t{1} << std::min(attempt - 1, kDoublingsMax)));
  const absl::Duration own = full * (1.0 - Random() / 2);
  return answer.ok() ? std::max(own, RetryAfter(*answer, clock_.Now())) : own;
}

absl::StatusOr<OutboundAnswer> GoogleCaller::Ask(const OutboundRequest& request,
                                                 absl::Duration until) {
  for (int attempt = 1;; ++attempt) {
    const absl::Duration left = until - clock_.SinceBoot();
    if (left <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError(
          absl::StrCat("Google did not answer within ", absl::FormatDuration(options_.timeout)));
    }
    absl::StatusOr<OutboundAnswer> answer =
        CallOut(request,
                {.timeout = std::min(options_.attempt_timeout, left),
                 .ca_file = options_.ca_file,
                 .answer_bytes_max = options_.answer_bytes_max},
                stop_.get_token());
    const absl::Duration delay = DelayAfter(attempt, answer);
    if (!MayPass(answer) || attempt >= options_.attempts_max ||
        delay >= until - clock_.SinceBoot()) {
      return answer.ok() ? std::move(answer) : Annotate(answer.status(), "Google");
    }
    SPDLOG_INFO("google asked again attempt={} in={} cause=\"{}\"",
                attempt,
                absl::FormatDuration(delay),
                Said(answer));
    options_.pause ? options_.pause(delay, stop_.get_token())
                   : Pause(clock_, delay, stop_.get_token());
  }
}

}  // namespace rn
