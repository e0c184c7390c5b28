// Jobs and videos as the API writes them, and the names it has for their states.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "coordinator/artifact_urls.h"
#include "coordinator/scheduler.h"
#include "coordinator/store.h"

namespace rn {

// "pending", "running", "paused", "completed", "failed", "canceled".
std::string JobStateName(JobState state);
std::optional<JobState> JobStateFromName(absl::string_view name);
std::vector<std::string> JobStateNames();

// "low", "normal", "high".
std::string JobPriorityName(JobPriority priority);
std::optional<JobPriority> JobPriorityFromName(absl::string_view name);
std::vector<std::string> JobPriorityNames();

// As JobStateName without "paused"; a leased item's video is "running".
std::string VideoStateName(ItemState state);
std::optional<ItemState> VideoStateFromName(absl::string_view name);
std::vector<std::string> VideoStateNames();

// "2026-01-31T23:59:59.123Z": always three digits, since Python before 3.11 reads nothing else.
std::string ApiTime(absl::Time time);

// From 0 to 100, one decimal.
double PercentComplete(const Job& job);

// How long the rest will take at the pace so far; nothing unless it runs and something is done.
std::optional<absl::Duration> Eta(const Job& job, absl::Time now);

// `public_url` is what clients reach us by ("http://host:8080", no slash at the end). `forecast` is
// the scheduler's; without one, the pace so far foretells the end.
// `rate_limited`: the job's tenant asks too often, RateLimiter::Limited. Not said of a job that is
// over: nothing of it waits for that.
nlohmann::ordered_json JobJson(const Job& job,
                               absl::Time now,
                               const std::string& public_url,
                               bool rate_limited = false,
                               const std::optional<Forecast>& forecast = std::nullopt);
nlohmann::ordered_json VideoJson(const Item& item, const ArtifactUrls& urls);

// The whole job's items as CSV (RFC 4180), a header row first.
std::string ReportCsv(const std::vector<Item>& items, const ArtifactUrls& urls);

}  // namespace rn
