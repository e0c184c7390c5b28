#include "coordinator/bulk_api.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "base/ulid.h"
#include "coordinator/api_error.h"
#include "coordinator/job_json.h"
#include "coordinator/query.h"
#include "coordinator/sheet_items.h"
#include "coordinator/web_socket_offer.h"

namespace rn {
namespace {

using Json = nlohmann::ordered_json;

constexpr absl::string_view kIdPlaceholder = "{id}";
constexpr std::size_t kJobIdCharsMax = 64;
constexpr std::size_t kIdempotencyKeyCharsMax = 255;
constexpr std::size_t kPreviewRows = 5;
constexpr int kReportPage = 500;

bool PlausibleJobId(absl::string_view id) {
  return !id.empty() && id.size() <= kJobIdCharsMax &&
         std::all_of(
             id.begin(), id.end(), [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

// Whether `path` has the form of `pattern`; `job_id` is then what stands for "{id}".
bool Matches(absl::string_view pattern, absl::string_view path, std::string& job_id) {
  const std::vector<absl::string_view> want = absl::StrSplit(pattern, '/');
  const std::vector<absl::string_view> have = absl::StrSplit(path, '/');
  if (want.size() != have.size()) {
    return false;
  }
  std::string id;
  for (std::size_t i = 0; i < want.size(); ++i) {
    if (want[i] == kIdPlaceholder) {
      id = std::string(have[i]);
    } else if (want[i] != have[i]) {
      return false;
    }
  }
  job_id = std::move(id);
  return true;
}

HttpResponse Dumped(int http_status, const Json& json) {
  return JsonResponse(http_status, json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

absl::Status CheckIdempotencyKey(absl::string_view key) {
  const bool valid = key.size() <= kIdempotencyKeyCharsMax &&
                     std::all_of(key.begin(), key.end(), absl::ascii_isprint);
  return valid ? absl::OkStatus()
               : absl::InvalidArgumentError(absl::StrCat("Idempotency-Key must be at most ",
                                                         kIdempotencyKeyCharsMax,
                                                         " printable ASCII characters"));
}

HttpResponse IdempotencyResponse(const absl::Status& status) {
  return absl::IsFailedPrecondition(status)
             ? ErrorResponse(409,
                             "idempotency_conflict",
                             "this Idempotency-Key was used with another request body")
             : StatusResponse(status);
}

// A sheet that cannot be used is a mistake in the request's body, at `pointer`.
HttpResponse SheetResponse(const absl::Status& status, const std::string& pointer) {
  if (absl::IsInvalidArgument(status)) {
    return ValidationResponse({{pointer, std::string(status.message())}});
  }
  return StatusResponse(status);
}

std::vector<FieldError> CheckColumns(const Sheet& sheet,
                                     const std::string& template_id,
                                     const Catalog& catalog) {
  std::vector<RequestProblem> problems;
  catalog.CheckColumns(template_id, sheet.variables, &problems);
  std::vector<FieldError> errors;
  for (const RequestProblem& problem : problems) {
    errors.push_back(
        {problem.pointer,
         absl::StrCat(problem.message, ". To leave a column out, begin its header with \"#\"")});
  }
  return errors;
}

Json SampleOf(const Sheet& sheet) {
  Json preview = Json::array();
  for (std::size_t i = 0; i < std::min(kPreviewRows, sheet.rows.size()); ++i) {
    preview.push_back(sheet.rows[i].cells);
  }
  return {{"columns", sheet.columns},
          {"variables", sheet.variables},
          {"preview", std::move(preview)},
          {"row_count", sheet.rows.size()}};
}

HttpResponse UpgradeRequired() {
  HttpResponse response = ErrorResponse(
      426, "upgrade_required", "this path takes WebSockets alone, of version 13 (RFC 6455)");
  response.headers.emplace_back("Upgrade", "websocket");
  response.headers.emplace_back("Connection", "upgrade");
  response.headers.emplace_back("Sec-WebSocket-Version", "13");
  return response;
}

Json TokenOrNull(bool more, absl::string_view start) {
  return more ? Json(PageToken(start)) : Json(nullptr);
}

}  // namespace

struct BulkApi::Call {
  const HttpRequest& request;
  const Principal who;
  const std::string job_id;
  const absl::Time now;
};

struct BulkApi::Route {
  const char* method;
  const char* pattern;
  Scope scope;
  HttpResponse (BulkApi::*handle)(const Call&);
};

const BulkApi::Route BulkApi::kRoutes[] = {
    {"POST", "/api/v1/bulk-jobs", Scope::kJobsWrite, &BulkApi::CreateJob},
    {"GET", "/api/v1/bulk-jobs", Scope::kJobsRead, &BulkApi::ListJobs},
    {"GET", "/api/v1/bulk-jobs/{id}", Scope::kJobsRead, &BulkApi::GetJob},
    {"GET", "/api/v1/bulk-jobs/{id}/videos", Scope::kJobsRead, &BulkApi::ListVideos},
    {"GET", "/api/v1/bulk-jobs/{id}/report.csv", Scope::kJobsRead, &BulkApi::CsvReport},
    {"GET", "/api/v1/bulk-jobs/{id}/report.json", Scope::kJobsRead, &BulkApi::JsonReport},
    {"POST", "/api/v1/bulk-jobs/{id}/cancel", Scope::kJobsWrite, &BulkApi::CancelJob},
    {"POST", "/api/v1/bulk-jobs/{id}/pause", Scope::kJobsWrite, &BulkApi::PauseJob},
    {"POST", "/api/v1/bulk-jobs/{id}/resume", Scope::kJobsWrite, &BulkApi::ResumeJob},
    {"POST", "/api/v1/bulk-jobs/{id}/retry-failed", Scope::kJobsWrite, &BulkApi::RetryFailed},
    {"POST", "/api/v1/sheets/connect", Scope::kSheetsConnect, &BulkApi::ConnectSheet},
    {"GET", "/api/v1/ws/bulk-jobs", Scope::kJobsRead, &BulkApi::WatchJob},
};

BulkApi::BulkApi(
    Store& store, const Catalog& catalog, SheetSource& sheets, Clock& clock, BulkApiOptions options)
    : store_(store),
      catalog_(catalog),
      sheets_(sheets),
      clock_(clock),
      options_(std::move(options)),
      urls_(options_.public_url, options_.s3),
      gate_(options_.keys, options_.rate_limit, clock) {}

HttpResponse BulkApi::Handle(const HttpRequest& request) {
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  if (request.path == "/healthz" && method == "GET") {
    return Health();
  }
  std::set<std::string> allowed;
  for (const Route& route : kRoutes) {
    std::string job_id;
    if (Matches(route.pattern, request.path, job_id)) {
      if (method == route.method) {
        return Dispatch(route, request, std::move(job_id));
      }
      allowed.insert(route.method);
    }
  }
  if (allowed.empty()) {
    return ErrorResponse(404, "there is nothing at this path");
  }
  const std::string methods = absl::StrJoin(allowed, ", ");
  HttpResponse response =
      ErrorResponse(405, absl::StrCat("this path takes ", methods, ", not ", request.method));
  response.headers.emplace_back("Allow", methods);
  return response;
}

HttpResponse BulkApi::Dispatch(const Route& route, const HttpRequest& request, std::string job_id) {
  auto admitted = gate_.Admit(request, route.scope);
  if (auto* refused = std::get_if<HttpResponse>(&admitted)) {
    return std::move(*refused);
  }
  if (!job_id.empty() && !PlausibleJobId(job_id)) {
    return ErrorResponse(404, "there is no such job");
  }
  return (this->*route.handle)(
      {request, std::get<Principal>(std::move(admitted)), std::move(job_id), clock_.Now()});
}

HttpResponse BulkApi::Health() {
  const absl::Status store = store_.ListJobs({.limit = 1}).status();
  if (!store.ok()) {
    SPDLOG_ERROR("health check failed store=\"{}\"", store.ToString());
    return ErrorResponse(503, "the store does not answer");
  }
  return Dumped(200, {{"status", "ok"}});
}

HttpResponse BulkApi::CreateJob(const Call& call) {
  auto parsed =
      ParseBulkJobRequest(call.request.body, absl::StrCat("job_", NewUlid(call.now)), catalog_);
  if (const auto* errors = std::get_if<std::vector<FieldError>>(&parsed)) {
    return ValidationResponse(*errors);
  }
  auto& request = std::get<BulkJobRequest>(parsed);
  const Idempotency idempotency = {.key = call.request.Header("idempotency-key").value_or(""),
                                   .body_sha256 = request.body_sha256,
                                   .kept = options_.idempotency_kept};
  if (const absl::Status valid = CheckIdempotencyKey(idempotency.key); !valid.ok()) {
    return StatusResponse(valid);
  }
  // Before the sheet is read: it may have changed or gone since the first time.
  const auto known = idempotency.key.empty()
                         ? std::optional<Job>()
                         : store_.FindByIdempotency(call.who.tenant, idempotency, call.now);
  if (!known.ok()) {
    return IdempotencyResponse(known.status());
  }
  if (known->has_value()) {
    return JobResponse(200, **known);
  }
  return StoreJob(call, std::move(request), idempotency);
}

HttpResponse BulkApi::StoreJob(const Call& call,
                               BulkJobRequest request,
                               const Idempotency& idempotency) {
  if (static_cast<std::int64_t>(request.spec.ByteSizeLong()) > options_.job_spec_bytes_max) {
    return ValidationResponse({{"/template",
                                absl::StrCat("template and settings take ",
                                             request.spec.ByteSizeLong(),
                                             " bytes; the limit is nodes.job_spec_max = ",
                                             options_.job_spec_bytes_max)}});
  }
  const auto sheet = sheets_.Read(request.sheet.sheet_id, request.sheet.range);
  if (absl::IsNotFound(sheet.status())) {
    return ValidationResponse({{"/input_source/sheet_id", std::string(sheet.status().message())}});
  }
  if (!sheet.ok()) {
    return SheetResponse(sheet.status(), "/input_source");
  }
  if (sheet->rows.empty()) {
    return ValidationResponse({{"/input_source/range", "the range holds no rows"}});
  }
  if (const auto errors = CheckColumns(*sheet, request.spec.template_id(), catalog_);
      !errors.empty()) {
    return ValidationResponse(errors);
  }
  std::vector<NewItem> items = ItemsOf(*sheet, request.spec, catalog_);
  const NewJob job = {.id = request.spec.job_id(),
                      .tenant = call.who.tenant,
                      .title = std::move(request.title),
                      .priority = request.priority,
                      .processing_deadline = request.processing_deadline,
                      .request_json = call.request.body,
                      .callback_url = std::move(request.callback_url),
                      .correlation_id = call.request.correlation_id,
                      .spec = std::move(request.spec),
                      .items = std::move(items),
                      .warnings = sheet->warnings};
  const auto created = store_.CreateJob(job, idempotency, call.now);
  if (!created.ok()) {
    return IdempotencyResponse(created.status());
  }
  const bool ours = created->id == job.id;  // Else another request with this key was quicker.
  if (ours) {
    SPDLOG_INFO("job created job={} tenant={} items={} correlation_id={}",
                created->id,
                call.who.tenant,
                created->items_total,
                call.request.correlation_id);
    options_.on_new_work();
  }
  return JobResponse(ours ? 201 : 200, *created);
}

HttpResponse BulkApi::ListJobs(const Call& call) {
  std::vector<FieldError> errors;
  QueryReader query(call.request, errors);
  const std::string state = query.Name("state", JobStateNames());
  const std::string priority = query.Name("priority", JobPriorityNames());
  const int page_size = query.PageSize();
  const std::string before = query.PageStart();
  query.Finish();
  if (!errors.empty()) {
    return ValidationResponse(errors);
  }
  auto jobs = store_.ListJobs({.tenant = call.who.tenant,
                               .state = JobStateFromName(state),
                               .priority = JobPriorityFromName(priority),
                               .before_id = before,
                               .limit = page_size + 1});
  if (!jobs.ok()) {
    return StatusResponse(jobs.status());
  }
  const bool more = jobs->size() > static_cast<std::size_t>(page_size);
  jobs->resize(std::min<std::size_t>(jobs->size(), page_size));
  Json data = Json::array();
  for (const Job& job : *jobs) {
    data.push_back(JobJson(job, call.now, options_.public_url));
  }
  return Dumped(200,
                {{"data", std::move(data)},
                 {"next_page_token", TokenOrNull(more, jobs->empty() ? "" : jobs->back().id)}});
}

HttpResponse BulkApi::GetJob(const Call& call) {
  const auto job = store_.GetJob(call.who.tenant, call.job_id);
  return job.ok() ? JobResponse(200, *job) : StatusResponse(job.status());
}

HttpResponse BulkApi::ListVideos(const Call& call) {
  std::vector<FieldError> errors;
  QueryReader query(call.request, errors);
  const std::string state = query.Name("state", VideoStateNames());
  const int page_size = query.PageSize();
  const std::string after = query.PageStart();
  query.Finish();
  std::uint32_t after_row = 0;
  if (!after.empty() && !absl::SimpleAtoi(after, &after_row)) {
    query.Fail("page_token", "belongs to another list");
  }
  if (!errors.empty()) {
    return ValidationResponse(errors);
  }
  if (const auto job = store_.GetJob(call.who.tenant, call.job_id); !job.ok()) {
    return StatusResponse(job.status());
  }
  auto items = store_.ListItems({.job_id = call.job_id,
                                 .state = VideoStateFromName(state),
                                 .after_row = after_row,
                                 .limit = page_size + 1});
  if (!items.ok()) {
    return StatusResponse(items.status());
  }
  const bool more = items->size() > static_cast<std::size_t>(page_size);
  items->resize(std::min<std::size_t>(items->size(), page_size));
  Json data = Json::array();
  for (const Item& item : *items) {
    data.push_back(VideoJson(item, urls_));
  }
  const std::string last = items->empty() ? "" : absl::StrCat(items->back().row);
  return Dumped(200, {{"data", std::move(data)}, {"next_page_token", TokenOrNull(more, last)}});
}

absl::StatusOr<std::vector<Item>> BulkApi::AllItems(const std::string& job_id) {
  std::vector<Item> all;
  while (true) {
    const std::uint32_t after_row = all.empty() ? 0 : all.back().row;
    ASSIGN_OR_RETURN(
        std::vector<Item> page,
        store_.ListItems({.job_id = job_id, .after_row = after_row, .limit = kReportPage}));
    const bool last = page.size() < kReportPage;
    std::move(page.begin(), page.end(), std::back_inserter(all));
    if (last) {
      return all;
    }
  }
}

HttpResponse BulkApi::CsvReport(const Call& call) {
  const auto job = store_.GetJob(call.who.tenant, call.job_id);
  const auto items = job.ok() ? AllItems(call.job_id) : job.status();
  if (!items.ok()) {
    return StatusResponse(items.status());
  }
  HttpResponse response;
  response.headers = {
      {"Content-Type", "text/csv; charset=utf-8"},
      {"Cache-Control", "no-store"},
      {"Content-Disposition", absl::StrCat("attachment; filename=\"", call.job_id, ".csv\"")}};
  response.body = ReportCsv(*items, urls_);
  return response;
}

HttpResponse BulkApi::JsonReport(const Call& call) {
  const auto job = store_.GetJob(call.who.tenant, call.job_id);
  const auto items = job.ok() ? AllItems(call.job_id) : job.status();
  if (!items.ok()) {
    return StatusResponse(items.status());
  }
  Json videos = Json::array();
  for (const Item& item : *items) {
    videos.push_back(VideoJson(item, urls_));
  }
  return Dumped(
      200, {{"job", JobJson(*job, call.now, options_.public_url)}, {"videos", std::move(videos)}});
}

HttpResponse BulkApi::CancelJob(const Call& call) {
  return Act(call, "cancel", &Store::CancelJob);
}

HttpResponse BulkApi::PauseJob(const Call& call) {
  return Act(call, "pause", &Store::PauseJob);
}

HttpResponse BulkApi::ResumeJob(const Call& call) {
  return Act(call, "resume", &Store::ResumeJob);
}

HttpResponse BulkApi::RetryFailed(const Call& call) {
  return Act(call, "retry-failed", &Store::RetryFailed);
}

HttpResponse BulkApi::Act(const Call& call, const char* what, JobAction action) {
  const auto job = (store_.*action)(call.who.tenant, call.job_id, call.now);
  if (!job.ok()) {
    return StatusResponse(job.status());
  }
  SPDLOG_INFO("job action={} job={} tenant={} state={} correlation_id={}",
              what,
              call.job_id,
              call.who.tenant,
              JobStateName(job->state),
              call.request.correlation_id);
  if (job->state == JobState::kCanceled) {
    options_.on_job_canceled(job->id);
  }
  options_.on_job_changed(job->id);
  options_.on_new_work();
  return JobResponse(200, *job);
}

HttpResponse BulkApi::ConnectSheet(const Call& call) {
  const auto parsed = ParseConnectRequest(call.request.body);
  if (const auto* errors = std::get_if<std::vector<FieldError>>(&parsed)) {
    return ValidationResponse(*errors);
  }
  const auto& wanted = std::get<SheetRef>(parsed);
  const auto sheet = sheets_.Read(wanted.sheet_id, wanted.range);
  if (!sheet.ok()) {
    return SheetResponse(sheet.status(), "/sheet_id");
  }
  return Dumped(200,
                {{"sheet_id", wanted.sheet_id},
                 {"range", wanted.range_text},
                 {"status", "connected"},
                 {"sample", SampleOf(*sheet)},
                 {"warnings", sheet->warnings}});
}

HttpResponse BulkApi::WatchJob(const Call& call) {
  const std::string job_id = call.request.Query("job_id").value_or("");
  if (job_id.empty()) {
    return ValidationResponse({{"?job_id", "is required: the job whose events are wanted"}});
  }
  if (!PlausibleJobId(job_id)) {
    return ErrorResponse(404, "there is no such job");
  }
  if (const auto job = store_.GetJob(call.who.tenant, job_id); !job.ok()) {
    return StatusResponse(job.status());
  }
  if (!call.request.wants_web_socket) {
    return UpgradeRequired();
  }
  auto upgrade = options_.watch_job(call.who.tenant, job_id);
  if (!upgrade.ok()) {
    return StatusResponse(upgrade.status());
  }
  upgrade->subprotocol =
      ReadOffer(call.request.Header("sec-websocket-protocol").value_or("")).subprotocol;
  HttpResponse response;
  response.status = 101;
  response.upgrade = *std::move(upgrade);
  return response;
}

HttpResponse BulkApi::JobResponse(int http_status, const Job& job) const {
  HttpResponse response = Dumped(http_status, JobJson(job, clock_.Now(), options_.public_url));
  if (http_status == 201) {
    response.headers.emplace_back("Location", absl::StrCat("/api/v1/bulk-jobs/", job.id));
  }
  return response;
}

}  // namespace rn
