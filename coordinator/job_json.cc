#include "coordinator/job_json.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "proto/item_error.h"

namespace rn {
namespace {

using Json = nlohmann::ordered_json;

constexpr JobState kJobStates[] = {JobState::kPending,
                                   JobState::kRunning,
                                   JobState::kPaused,
                                   JobState::kCompleted,
                                   JobState::kFailed,
                                   JobState::kCanceled};
constexpr ItemState kItemStates[] = {ItemState::kPending,
                                     ItemState::kLeased,
                                     ItemState::kCompleted,
                                     ItemState::kFailed,
                                     ItemState::kCanceled};
constexpr JobPriority kPriorities[] = {JobPriority::kLow, JobPriority::kNormal, JobPriority::kHigh};

template <typename Value, std::size_t kCount>
std::vector<std::string> NamesOf(const Value (&values)[kCount], std::string (*name)(Value)) {
  std::vector<std::string> names;
  for (const Value value : values) {
    names.push_back(name(value));
  }
  return names;
}

template <typename Value, std::size_t kCount>
std::optional<Value> FromName(const Value (&values)[kCount],
                              std::string (*name)(Value),
                              absl::string_view wanted) {
  for (const Value value : values) {
    if (name(value) == wanted) {
      return value;
    }
  }
  return std::nullopt;
}

double Rounded(double value, double steps_per_unit) {
  return std::round(value * steps_per_unit) / steps_per_unit;
}

Json TimeOrNull(const std::optional<absl::Time>& time) {
  return time.has_value() ? Json(ApiTime(*time)) : Json(nullptr);
}

std::optional<absl::Duration> EtaOf(const Job& job,
                                    absl::Time now,
                                    const std::optional<Forecast>& forecast) {
  const bool goes_on = job.state == JobState::kPending || job.state == JobState::kRunning;
  return goes_on && forecast.has_value() ? forecast->left : Eta(job, now);
}

std::string DelayCode(Delay delay) {
  switch (delay) {
    case Delay::kNone:
      return "";
    case Delay::kNoNodes:
      return "no_nodes";
    case Delay::kDeadline:
      return "deadline_too_close";
    case Delay::kTenantLimit:
      return "tenant_limit";
    case Delay::kTenantShare:
      return "tenant_share";
    case Delay::kEarlierJobs:
      return "earlier_jobs";
  }
  return "";
}

std::string DelayMessage(Delay delay) {
  switch (delay) {
    case Delay::kNone:
      return "";
    case Delay::kNoNodes:
      return "no node takes work now";
    case Delay::kDeadline:
      return "the whole farm could not render it in time";
    case Delay::kTenantLimit:
      return "the account's limit of videos at once does not let it end in time";
    case Delay::kTenantShare:
      return "the account's share of the farm does not let it end in time";
    case Delay::kEarlierJobs:
      return "other jobs of the account go first: those of higher priority or earlier deadline";
  }
  return "";
}

// Why the job will not be done by its deadline; null while it will.
Json DeadlineRisk(const Job& job, absl::Time now, const std::optional<Forecast>& forecast) {
  if (!job.deadline_at.has_value() || IsTerminal(job.state)) {
    return nullptr;
  }
  const std::optional<absl::Duration> eta = EtaOf(job, now, forecast);
  if (forecast.has_value() && forecast->delay == Delay::kNoNodes) {
    return {{"code", "no_nodes"}, {"message", DelayMessage(Delay::kNoNodes)}};
  }
  if (!eta.has_value() || now + *eta <= *job.deadline_at) {
    return nullptr;
  }
  const bool explained = forecast.has_value() && forecast->delay != Delay::kNone;
  const std::string why =
      explained ? DelayMessage(forecast->delay) : "it goes too slowly at its pace so far";
  return {{"code", explained ? DelayCode(forecast->delay) : "pace"},
          {"message",
           absl::StrCat(
               "it is expected to end ",
               absl::FormatDuration(absl::Trunc(now + *eta - *job.deadline_at, absl::Seconds(1))),
               " after its deadline: ",
               why)}};
}

// Clients read `last_error.code` of every job that failed or was canceled.
Json LastError(const Job& job) {
  if (job.state == JobState::kCanceled) {
    return {{"code", "canceled"}, {"message", "the job was canceled"}};
  }
  if (!job.last_error.has_value()) {
    return nullptr;
  }
  return {{"code", ItemErrorName(job.last_error->code)}, {"message", job.last_error->message}};
}

Json JobArtifacts(const Job& job, const std::string& public_url) {
  Json artifacts = Json::array();
  if (IsTerminal(job.state)) {
    for (const char* format : {"csv", "json"}) {
      artifacts.push_back(
          {{"type", "report"},
           {"format", format},
           {"url", absl::StrCat(public_url, "/api/v1/bulk-jobs/", job.id, "/report.", format)}});
    }
  }
  return artifacts;
}

std::string TypeName(rendernode::Artifact::Type type) {
  return absl::AsciiStrToLower(rendernode::Artifact::Type_Name(type));
}

Json VideoArtifacts(const Item& item, const ArtifactUrls& urls) {
  Json artifacts = Json::array();
  if (item.state != ItemState::kCompleted || !item.result.has_value()) {
    return artifacts;
  }
  for (const rendernode::Artifact& artifact : item.result->artifacts()) {
    artifacts.push_back({{"type", TypeName(artifact.type())},
                         {"url", urls.Of(item, artifact.url())},
                         {"format", artifact.format()},
                         {"content_type", artifact.content_type()},
                         {"bytes", artifact.bytes()},
                         {"sha256", artifact.sha256()}});
  }
  return artifacts;
}

// A completed video's earlier attempts are nobody's concern any more.
Json VideoErrors(const Item& item) {
  Json errors = Json::array();
  if (item.state != ItemState::kCompleted) {
    for (const ItemError& error : item.errors) {
      errors.push_back(
          {{"error_code", ItemErrorName(error.code)}, {"error_message", error.message}});
    }
  }
  return errors;
}

Json Progress(const Item& item) {
  const bool leased = item.state == ItemState::kLeased;
  const std::uint32_t permille = item.state == ItemState::kCompleted ? 1000
                                 : leased                            ? item.progress_permille
                                                                     : 0;
  const bool phased = leased && item.phase != rendernode::PHASE_UNSPECIFIED;
  return {
      {"phase",
       phased ? Json(absl::AsciiStrToLower(rendernode::Phase_Name(item.phase))) : Json(nullptr)},
      {"permille", permille},
      {"percent_complete", permille / 10.0}};
}

Json UsageOf(const Item& item) {
  if (!item.result.has_value() || !item.result->has_usage()) {
    return nullptr;
  }
  const rendernode::Usage& usage = item.result->usage();
  const double x_realtime = usage.wall_s() > 0 ? usage.media_s() / usage.wall_s() : 0;
  return {{"render_s", Rounded(usage.wall_s(), 1000)},
          {"encoder", usage.encoder()},
          {"media_s", Rounded(usage.media_s(), 1000)},
          {"x_realtime", Rounded(x_realtime, 100)}};
}

std::string CsvCell(absl::string_view text) {
  // A spreadsheet would run these as a formula.
  const bool formula = !text.empty() && absl::StrContains("=+-@\t\r", text.substr(0, 1));
  std::string cell = absl::StrCat(formula ? "'" : "", text);
  if (cell.find_first_of(",\"\r\n") == std::string::npos) {
    return cell;
  }
  return absl::StrCat("\"", absl::StrReplaceAll(cell, {{"\"", "\"\""}}), "\"");
}

std::string UrlOf(const Item& item, rendernode::Artifact::Type type, const ArtifactUrls& urls) {
  if (item.state == ItemState::kCompleted && item.result.has_value()) {
    for (const rendernode::Artifact& artifact : item.result->artifacts()) {
      if (artifact.type() == type) {
        return urls.Of(item, artifact.url());
      }
    }
  }
  return "";
}

}  // namespace

std::string JobStateName(JobState state) {
  switch (state) {
    case JobState::kPending:
      return "pending";
    case JobState::kRunning:
      return "running";
    case JobState::kPaused:
      return "paused";
    case JobState::kCompleted:
      return "completed";
    case JobState::kFailed:
      return "failed";
    case JobState::kCanceled:
      return "canceled";
  }
  return "";
}

std::string JobPriorityName(JobPriority priority) {
  switch (priority) {
    case JobPriority::kLow:
      return "low";
    case JobPriority::kNormal:
      return "normal";
    case JobPriority::kHigh:
      return "high";
  }
  return "";
}

std::string VideoStateName(ItemState state) {
  switch (state) {
    case ItemState::kPending:
      return "pending";
    case ItemState::kLeased:
      return "running";
    case ItemState::kCompleted:
      return "completed";
    case ItemState::kFailed:
      return "failed";
    case ItemState::kCanceled:
      return "canceled";
  }
  return "";
}

std::optional<JobState> JobStateFromName(absl::string_view name) {
  return FromName(kJobStates, &JobStateName, name);
}
std::vector<std::string> JobStateNames() {
  return NamesOf(kJobStates, &JobStateName);
}

std::optional<JobPriority> JobPriorityFromName(absl::string_view name) {
  return FromName(kPriorities, &JobPriorityName, name);
}
std::vector<std::string> JobPriorityNames() {
  return NamesOf(kPriorities, &JobPriorityName);
}

std::optional<ItemState> VideoStateFromName(absl::string_view name) {
  return FromName(kItemStates, &VideoStateName, name);
}
std::vector<std::string> VideoStateNames() {
  return NamesOf(kItemStates, &VideoStateName);
}

std::string ApiTime(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

double PercentComplete(const Job& job) {
  if (job.state == JobState::kCompleted || job.items_total == 0) {
    return job.state == JobState::kCompleted ? 100 : 0;
  }
  const double percent = 100.0 * job.progress_items / static_cast<double>(job.items_total);
  return std::floor(std::clamp(percent, 0.0, 100.0) * 10) / 10;
}

std::optional<absl::Duration> Eta(const Job& job, absl::Time now) {
  const double total = static_cast<double>(job.items_total);
  if (job.state != JobState::kRunning || !job.started_at.has_value() || job.progress_items <= 0) {
    return std::nullopt;
  }
  const double left = std::max(0.0, total - job.progress_items) / job.progress_items;
  return std::max(absl::ZeroDuration(), now - *job.started_at) * left;
}

Json JobJson(const Job& job,
             absl::Time now,
             const std::string& public_url,
             bool rate_limited,
             const std::optional<Forecast>& forecast) {
  const std::optional<absl::Duration> eta = EtaOf(job, now, forecast);
  return {{"id", job.id},
          {"title", job.title},
          {"state", JobStateName(job.state)},
          {"priority", JobPriorityName(job.priority)},
          {"percent_complete", PercentComplete(job)},
          {"items_total", job.items_total},
          {"items_completed", job.items_completed},
          {"items_failed", job.items_failed},
          {"items_canceled", job.items_canceled},
          {"eta_ms", eta.has_value() ? Json(absl::ToInt64Milliseconds(*eta)) : Json(nullptr)},
          {"deadline_risk", DeadlineRisk(job, now, forecast)},
          {"rate_limited", rate_limited && !IsTerminal(job.state)},
          {"created_at", ApiTime(job.created_at)},
          {"updated_at", ApiTime(job.updated_at)},
          {"started_at", TimeOrNull(job.started_at)},
          {"ended_at", TimeOrNull(job.ended_at)},
          {"deadline_at", TimeOrNull(job.deadline_at)},
          {"last_error", LastError(job)},
          {"warnings", job.warnings},
          {"artifacts", JobArtifacts(job, public_url)}};
}

Json VideoJson(const Item& item, const ArtifactUrls& urls) {
  Json warnings = Json::array();
  if (item.result.has_value()) {
    for (const std::string& warning : item.result->warnings()) {
      warnings.push_back(warning);
    }
  }
  return {{"id", item.id},
          {"row", item.row},
          {"state", VideoStateName(item.state)},
          {"progress", Progress(item)},
          {"artifacts", VideoArtifacts(item, urls)},
          {"errors", VideoErrors(item)},
          {"warnings", std::move(warnings)},
          {"usage", UsageOf(item)},
          {"updated_at", ApiTime(item.updated_at)}};
}

std::string ReportCsv(const std::vector<Item>& items, const ArtifactUrls& urls) {
  std::string csv =
      "row,id,state,error_code,error_message,video_url,poster_url,captions_url,preview_url,"
      "media_s,render_s\r\n";
  for (const Item& item : items) {
    const bool failed = item.state == ItemState::kFailed && !item.errors.empty();
    const rendernode::Usage usage =
        item.result.has_value() ? item.result->usage() : rendernode::Usage();
    const std::string cells[] = {
        absl::StrCat(item.row),
        item.id,
        VideoStateName(item.state),
        failed ? ItemErrorName(item.errors.back().code) : "",
        failed ? item.errors.back().message : "",
        UrlOf(item, rendernode::Artifact::VIDEO, urls),
        UrlOf(item, rendernode::Artifact::POSTER, urls),
        UrlOf(item, rendernode::Artifact::CAPTIONS, urls),
        UrlOf(item, rendernode::Artifact::PREVIEW, urls),
        usage.media_s() > 0 ? absl::StrCat(Rounded(usage.media_s(), 1000)) : "",
        usage.wall_s() > 0 ? absl::StrCat(Rounded(usage.wall_s(), 1000)) : ""};
    absl::StrAppend(&csv,
                    absl::StrJoin(cells,
                                  ",",
                                  [](std::string* out, const std::string& cell) {
                                    out->append(CsvCell(cell));
                                  }),
                    "\r\n");
  }
  return csv;
}

}  // namespace rn
