#include "coordinator/bulk_api.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <variant>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status.h"
#include "base/ulid.h"
#include "coordinator/api_error.h"
#include "coordinator/job_json.h"
#include "coordinator/json_fields.h"
#include "coordinator/openapi_json.h"
#include "coordinator/query.h"
#include "coordinator/sheet_items.h"
#include "coordinator/web_socket_offer.h"

namespace rn {
namespace {

using Json = nlohmann::ordered_json;

constexpr absl::string_view kJobsList = "jobs";  // In page tokens.
constexpr std::size_t kIdempotencyKeyCharsMax = 255;
constexpr std::size_t kTemplateIdCharsMax = 60;  // Without "tpl_".
constexpr std::int64_t kVersionMax = 1'000'000'000;
constexpr std::size_t kPreviewRows = 5;
constexpr char kSheetRetryAfter[] = "60";  // Google counts by the minute.
constexpr int kReportPage = 500;

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
  HttpResponse response = StatusResponse(status);
  if (absl::IsUnavailable(status)) {  // What is away is not the store.
    response.body = ErrorResponse(503, status.message()).body;
  } else if (absl::IsResourceExhausted(status)) {
    response.headers.emplace_back("Retry-After", kSheetRetryAfter);
  }
  return response;
}

std::vector<FieldError> CheckColumns(const Sheet& sheet, const TemplateOutline& outline) {
  std::vector<RequestProblem> problems;
  Catalog::CheckColumns(outline, sheet.variables, &problems);
  std::vector<FieldError> errors;
  for (const RequestProblem& problem : problems) {
    errors.push_back(
        {problem.pointer,
         absl::StrCat(problem.message, ". To leave a column out, begin its header with \"#\"")});
  }
  return errors;
}

HttpResponse NoUploads() {
  return ErrorResponse(503, "no sheets are taken here");
}

HttpResponse QuotaResponse(const absl::Status& status) {
  return ErrorResponse(403, "quota_exceeded", status.message());
}

bool ValidTemplateId(absl::string_view id) {
  return absl::ConsumePrefix(&id, "tpl_") && !id.empty() && id.size() <= kTemplateIdCharsMax &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_';
         });
}

Json ShippedJson(const std::string& id, const std::string& body) {
  return {{"template_id", id},
          {"origin", "shipped"},
          {"version", nullptr},
          {"sha256", Sha256(body)},
          {"created_at", nullptr}};
}

Json UploadedJson(const StoredTemplate& stored) {
  return {{"template_id", stored.id},
          {"origin", "uploaded"},
          {"version", stored.version},
          {"sha256", stored.sha256},
          {"created_at", ApiTime(stored.created_at)}};
}

// With the whole template, its keys in the order that they were written in.
HttpResponse TemplateResponse(int http_status, Json json, const std::string& body) {
  json["template"] = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  return JsonAnswer(http_status, json);
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

Json TokenOrNull(bool more, absl::string_view list, absl::string_view start) {
  return more ? Json(PageToken(list, start)) : Json(nullptr);
}

}  // namespace

const ApiRoute<BulkApi> BulkApi::kRoutes[] = {
    {{"POST", "/api/v1/bulk-jobs", Scope::kJobsWrite}, &BulkApi::CreateJob},
    {{"GET", "/api/v1/bulk-jobs", Scope::kJobsRead}, &BulkApi::ListJobs},
    {{"GET", "/api/v1/bulk-jobs/{id}", Scope::kJobsRead}, &BulkApi::GetJob},
    {{"GET", "/api/v1/bulk-jobs/{id}/videos", Scope::kJobsRead}, &BulkApi::ListVideos},
    {{"GET", "/api/v1/bulk-jobs/{id}/report.csv", Scope::kJobsRead}, &BulkApi::CsvReport},
    {{"GET", "/api/v1/bulk-jobs/{id}/report.json", Scope::kJobsRead}, &BulkApi::JsonReport},
    {{"POST", "/api/v1/bulk-jobs/{id}/cancel", Scope::kJobsWrite}, &BulkApi::CancelJob},
    {{"POST", "/api/v1/bulk-jobs/{id}/pause", Scope::kJobsWrite}, &BulkApi::PauseJob},
    {{"POST", "/api/v1/bulk-jobs/{id}/resume", Scope::kJobsWrite}, &BulkApi::ResumeJob},
    {{"POST", "/api/v1/bulk-jobs/{id}/retry-failed", Scope::kJobsWrite}, &BulkApi::RetryFailed},
    {{"POST", "/api/v1/sheets/connect", Scope::kSheetsConnect}, &BulkApi::ConnectSheet},
    {{"GET", "/api/v1/sheets", Scope::kSheetsConnect}, &BulkApi::ListSheets},
    {{"POST", "/api/v1/sheets", Scope::kSheetsWrite}, &BulkApi::PostSheet},
    {{"GET", "/api/v1/sheets/{id}", Scope::kSheetsConnect}, &BulkApi::GetSheet},
    {{"PUT", "/api/v1/sheets/{id}", Scope::kSheetsWrite}, &BulkApi::PutSheet},
    {{"DELETE", "/api/v1/sheets/{id}", Scope::kSheetsWrite}, &BulkApi::DeleteSheet},
    {{"GET", "/api/v1/ws/bulk-jobs", Scope::kJobsRead}, &BulkApi::WatchJob},
    {{"GET", "/api/v1/templates", Scope::kJobsRead}, &BulkApi::ListTemplates},
    {{"GET", "/api/v1/templates/{id}", Scope::kJobsRead}, &BulkApi::GetTemplate},
    {{"PUT", "/api/v1/templates/{id}", Scope::kTemplatesWrite}, &BulkApi::PutTemplate},
    {{"GET", "/api/v1/webhook-secret", Scope::kJobsWrite}, &BulkApi::GetWebhookSecret},
    {{"POST", "/api/v1/webhook-secret", Scope::kJobsWrite}, &BulkApi::ReplaceWebhookSecret},
    {{"GET", "/api/v1/openapi.json", std::nullopt}, &BulkApi::OpenApi},
    {{"GET", "/healthz", std::nullopt}, &BulkApi::Health},
};

BulkApi::BulkApi(
    Store& store, const Catalog& catalog, SheetSource& sheets, Clock& clock, BulkApiOptions options)
    : store_(store),
      catalog_(catalog),
      sheets_(sheets),
      clock_(clock),
      options_(std::move(options)),
      urls_(options_.public_url, options_.s3),
      webhook_secrets_(store, options_.secret_box),
      gate_(options_.keys, options_.rate_limit, clock, options_.key_ring) {}

HttpResponse BulkApi::Handle(const HttpRequest& request) {
  std::optional<HttpResponse> answer = AnswerCall(request, gate_, clock_, kRoutes, *this);
  return answer.has_value() ? *std::move(answer)
                            : ErrorResponse(404, "there is nothing at this path");
}

std::vector<ApiOperation> BulkApi::Operations() {
  return OperationsOf(kRoutes);
}

HttpResponse BulkApi::OpenApi(const ApiCall&) {
  return JsonResponse(200, kOpenApiJson);
}

HttpResponse BulkApi::Health(const ApiCall&) {
  const absl::Status store = store_.ListJobs({.limit = 1}).status();
  if (!store.ok()) {
    SPDLOG_ERROR("health check failed store=\"{}\"", store.ToString());
    return ErrorResponse(503, "the store does not answer");
  }
  return JsonAnswer(200, {{"status", "ok"}});
}

HttpResponse BulkApi::CreateJob(const ApiCall& call) {
  const Idempotency idempotency = {.key = call.request.Header("idempotency-key").value_or(""),
                                   .body_sha256 = BodyDigest(call.request.body),
                                   .kept = options_.idempotency_kept};
  if (const absl::Status valid = CheckIdempotencyKey(idempotency.key); !valid.ok()) {
    return StatusResponse(valid);
  }
  // Before the body is checked and the sheet is read: templates, voices and sheets may have changed
  // or gone since the first time.
  const auto known = idempotency.key.empty()
                         ? std::optional<Job>()
                         : store_.FindByIdempotency(call.who.tenant, idempotency, call.now);
  if (!known.ok()) {
    return IdempotencyResponse(known.status());
  }
  if (known->has_value()) {
    return JobResponse(200, **known);
  }
  const absl::StatusOr<UploadedTemplates> uploaded = FindUploaded(call);
  if (!uploaded.ok()) {
    return StatusResponse(uploaded.status());
  }
  auto parsed = ParseBulkJobRequest(
      call.request.body, absl::StrCat("job_", NewUlid(call.now)), catalog_, *uploaded);
  if (const auto* errors = std::get_if<std::vector<FieldError>>(&parsed)) {
    return ValidationResponse(*errors);
  }
  return StoreJob(call, std::get<BulkJobRequest>(std::move(parsed)), idempotency);
}

absl::StatusOr<UploadedTemplates> BulkApi::FindUploaded(const ApiCall& call) {
  const TemplateRef wanted = WantedTemplate(call.request.body);
  UploadedTemplates uploaded;
  if (wanted.id.empty() || catalog_.FindTemplate(wanted.id) != nullptr) {
    return uploaded;
  }
  absl::StatusOr<StoredTemplate> found =
      store_.GetTemplate(call.who.tenant, wanted.id, wanted.version);
  if (found.ok()) {
    ASSIGN_OR_RETURN(TemplateOutline outline, OutlineTemplate(found->body));
    uploaded.wanted = CatalogTemplate{std::move(found->body), std::move(outline)};
    return uploaded;
  }
  if (!absl::IsNotFound(found.status())) {
    return found.status();
  }
  ASSIGN_OR_RETURN(const std::vector<StoredTemplate> all, store_.ListTemplates(call.who.tenant));
  for (const StoredTemplate& one : all) {
    uploaded.ids.push_back(one.id);
  }
  return uploaded;
}

HttpResponse BulkApi::StoreJob(const ApiCall& call,
                               BulkJobRequest request,
                               const Idempotency& idempotency) {
  if (static_cast<std::int64_t>(request.spec.ByteSizeLong()) > options_.job_spec_bytes_max) {
    return ValidationResponse({{"/template",
                                absl::StrCat("template and settings take ",
                                             request.spec.ByteSizeLong(),
                                             " bytes; the limit is nodes.job_spec_max = ",
                                             options_.job_spec_bytes_max)}});
  }
  const auto sheet = ReadSheet(call, request.sheet);
  if (absl::IsNotFound(sheet.status())) {
    return ValidationResponse({{"/input_source/sheet_id", std::string(sheet.status().message())}});
  }
  if (!sheet.ok()) {
    return SheetResponse(sheet.status(), "/input_source");
  }
  if (sheet->rows.empty()) {
    return ValidationResponse({{"/input_source/range", "the range holds no rows"}});
  }
  if (const auto errors = CheckColumns(*sheet, request.outline); !errors.empty()) {
    return ValidationResponse(errors);
  }
  const absl::StatusOr<TenantQuota> quota = QuotaOf(call.who.tenant);
  if (!quota.ok()) {
    return StatusResponse(quota.status());
  }
  std::vector<NewItem> items = ItemsOf(*sheet, request.spec, request.outline);
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
                      .warnings = sheet->warnings,
                      .quota = *quota};
  const auto created = store_.CreateJob(job, idempotency, call.now);
  if (absl::IsResourceExhausted(created.status())) {
    return QuotaResponse(created.status());
  }
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

absl::StatusOr<TenantQuota> BulkApi::QuotaOf(const std::string& tenant) {
  TenantQuota quota = options_.quotas.Of(tenant);
  const absl::StatusOr<Tenant> kept = store_.GetTenant(tenant);
  if (absl::IsNotFound(kept.status())) {
    return quota;
  }
  RETURN_IF_ERROR(kept.status());
  const TenantLimits& limits = kept->limits;
  quota.items_open_max = limits.items_open_max.value_or(quota.items_open_max);
  quota.items_per_day_max = limits.items_per_day_max.value_or(quota.items_per_day_max);
  return quota;
}

absl::StatusOr<Sheet> BulkApi::ReadSheet(const ApiCall& call, const SheetRef& wanted) {
  absl::StatusOr<Sheet> sheet = sheets_.Read(call.who.tenant, wanted.sheet_id, wanted.range);
  // What the client did wrong it is told; of the rest somebody here has to know.
  if (!sheet.ok() && !absl::IsInvalidArgument(sheet.status()) &&
      !absl::IsNotFound(sheet.status())) {
    SPDLOG_WARN("sheet not read tenant={} sheet={} error=\"{}\" correlation_id={}",
                call.who.tenant,
                wanted.sheet_id,
                sheet.status().ToString(),
                call.request.correlation_id);
  }
  return sheet;
}

HttpResponse BulkApi::ListJobs(const ApiCall& call) {
  std::vector<FieldError> errors;
  QueryReader query(call.request, errors);
  const std::string state = query.Name("state", JobStateNames());
  const std::string priority = query.Name("priority", JobPriorityNames());
  const int page_size = query.PageSize();
  const std::string before = query.PageStart(kJobsList);
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
    data.push_back(ToJson(job));
  }
  return JsonAnswer(
      200,
      {{"data", std::move(data)},
       {"next_page_token", TokenOrNull(more, kJobsList, jobs->empty() ? "" : jobs->back().id)}});
}

HttpResponse BulkApi::GetJob(const ApiCall& call) {
  const auto job = store_.GetJob(call.who.tenant, call.id);
  return job.ok() ? JobResponse(200, *job) : StatusResponse(job.status());
}

HttpResponse BulkApi::ListVideos(const ApiCall& call) {
  std::vector<FieldError> errors;
  QueryReader query(call.request, errors);
  const std::string state = query.Name("state", VideoStateNames());
  const int page_size = query.PageSize();
  const std::string after = query.PageStart(call.id);
  query.Finish();
  std::uint32_t after_row = 0;
  if (!after.empty() && !absl::SimpleAtoi(after, &after_row)) {
    query.Fail("page_token", "belongs to another list");
  }
  if (!errors.empty()) {
    return ValidationResponse(errors);
  }
  if (const auto job = store_.GetJob(call.who.tenant, call.id); !job.ok()) {
    return StatusResponse(job.status());
  }
  auto items = store_.ListItems({.job_id = call.id,
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
  return JsonAnswer(
      200, {{"data", std::move(data)}, {"next_page_token", TokenOrNull(more, call.id, last)}});
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

HttpResponse BulkApi::CsvReport(const ApiCall& call) {
  const auto job = store_.GetJob(call.who.tenant, call.id);
  const auto items = job.ok() ? AllItems(call.id) : job.status();
  if (!items.ok()) {
    return StatusResponse(items.status());
  }
  HttpResponse response;
  response.headers = {
      {"Content-Type", "text/csv; charset=utf-8"},
      {"Cache-Control", "no-store"},
      {"Content-Disposition", absl::StrCat("attachment; filename=\"", call.id, ".csv\"")}};
  response.body = ReportCsv(*items, urls_);
  return response;
}

HttpResponse BulkApi::JsonReport(const ApiCall& call) {
  const auto job = store_.GetJob(call.who.tenant, call.id);
  const auto items = job.ok() ? AllItems(call.id) : job.status();
  if (!items.ok()) {
    return StatusResponse(items.status());
  }
  Json videos = Json::array();
  for (const Item& item : *items) {
    videos.push_back(VideoJson(item, urls_));
  }
  return JsonAnswer(200, {{"job", ToJson(*job)}, {"videos", std::move(videos)}});
}

HttpResponse BulkApi::CancelJob(const ApiCall& call) {
  const AuditEntry audit = call.Audit("job.cancel", call.id);
  const bool operates = call.who.has(Scope::kNodesWrite);
  return Done(call,
              "cancel",
              store_.CancelJob(call.who.tenant, call.id, call.now, operates ? &audit : nullptr));
}

HttpResponse BulkApi::PauseJob(const ApiCall& call) {
  return Done(call, "pause", store_.PauseJob(call.who.tenant, call.id, call.now));
}

HttpResponse BulkApi::ResumeJob(const ApiCall& call) {
  return Done(call, "resume", store_.ResumeJob(call.who.tenant, call.id, call.now));
}

HttpResponse BulkApi::RetryFailed(const ApiCall& call) {
  return Done(call, "retry-failed", store_.RetryFailed(call.who.tenant, call.id, call.now));
}

HttpResponse BulkApi::Done(const ApiCall& call, const char* what, const absl::StatusOr<Job>& job) {
  if (!job.ok()) {
    return StatusResponse(job.status());
  }
  SPDLOG_INFO("job action={} job={} tenant={} state={} correlation_id={}",
              what,
              call.id,
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

HttpResponse BulkApi::ConnectSheet(const ApiCall& call) {
  const auto parsed = ParseConnectRequest(call.request.body);
  if (const auto* errors = std::get_if<std::vector<FieldError>>(&parsed)) {
    return ValidationResponse(*errors);
  }
  const auto& wanted = std::get<SheetRef>(parsed);
  const auto sheet = ReadSheet(call, wanted);
  if (!sheet.ok()) {
    return SheetResponse(sheet.status(), "/sheet_id");
  }
  return JsonAnswer(200,
                    {{"sheet_id", wanted.sheet_id},
                     {"range", wanted.range_text},
                     {"status", "connected"},
                     {"sample", SampleOf(*sheet)},
                     {"warnings", sheet->warnings}});
}

HttpResponse BulkApi::ListSheets(const ApiCall& call) {
  return options_.sheet_uploads == nullptr ? NoUploads()
                                           : options_.sheet_uploads->List(call.who.tenant);
}

HttpResponse BulkApi::PostSheet(const ApiCall& call) {
  return options_.sheet_uploads == nullptr
             ? NoUploads()
             : options_.sheet_uploads->Post(call.who.tenant, call.request);
}

HttpResponse BulkApi::GetSheet(const ApiCall& call) {
  return options_.sheet_uploads == nullptr ? NoUploads()
                                           : options_.sheet_uploads->Get(call.who.tenant, call.id);
}

HttpResponse BulkApi::PutSheet(const ApiCall& call) {
  return options_.sheet_uploads == nullptr
             ? NoUploads()
             : options_.sheet_uploads->Put(call.who.tenant, call.id, call.request);
}

HttpResponse BulkApi::DeleteSheet(const ApiCall& call) {
  return options_.sheet_uploads == nullptr
             ? NoUploads()
             : options_.sheet_uploads->Delete(call.who.tenant, call.id, call.request);
}

HttpResponse BulkApi::WatchJob(const ApiCall& call) {
  const std::string job_id = call.request.Query("job_id").value_or("");
  if (job_id.empty()) {
    return ValidationResponse({{"?job_id", "is required: the job whose events are wanted"}});
  }
  if (!IsPlausibleId(job_id)) {
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

HttpResponse BulkApi::ListTemplates(const ApiCall& call) {
  const auto uploaded = store_.ListTemplates(call.who.tenant);
  if (!uploaded.ok()) {
    return StatusResponse(uploaded.status());
  }
  Json data = Json::array();
  for (const std::string& id : catalog_.template_ids()) {
    data.push_back(ShippedJson(id, catalog_.FindTemplate(id)->json));
  }
  for (const StoredTemplate& one : *uploaded) {
    data.push_back(UploadedJson(one));
  }
  return JsonAnswer(200, {{"data", std::move(data)}});
}

HttpResponse BulkApi::GetTemplate(const ApiCall& call) {
  std::vector<FieldError> errors;
  QueryReader query(call.request, errors);
  const std::int64_t version = query.Number("version", /*absent=*/0, 1, kVersionMax);
  query.Finish();
  if (!errors.empty()) {
    return ValidationResponse(errors);
  }
  const CatalogTemplate* shipped = catalog_.FindTemplate(call.id);
  if (shipped != nullptr && version == 0) {
    return TemplateResponse(200, ShippedJson(call.id, shipped->json), shipped->json);
  }
  const auto found = store_.GetTemplate(call.who.tenant, call.id, version);
  return found.ok() ? TemplateResponse(200, UploadedJson(*found), found->body)
                    : StatusResponse(found.status());
}

HttpResponse BulkApi::PutTemplate(const ApiCall& call) {
  if (!ValidTemplateId(call.id)) {
    return ErrorResponse(400,
                         "a template's id is \"tpl_\" and 1 to 60 lower-case letters, digits and "
                         "\"_\"");
  }
  if (catalog_.FindTemplate(call.id) != nullptr) {
    return ErrorResponse(409,
                         absl::StrCat(call.id, " is a template of everybody's; choose another id"));
  }
  const auto bytes = static_cast<std::int64_t>(call.request.body.size());
  if (bytes > options_.templates.bytes_max) {
    return ErrorResponse(
        413,
        absl::StrCat(
            "the template is ", bytes, " bytes long; at most ", options_.templates.bytes_max));
  }
  const int others = template_checks_++;
  const absl::Cleanup done = [this] { --template_checks_; };
  if (others >= options_.templates.checks_max) {
    return TooManyResponse("templates are being checked");
  }
  std::vector<RequestProblem> problems;
  if (!catalog_.ReadTemplate(call.request.body, &problems).has_value()) {
    std::vector<FieldError> errors;
    for (std::size_t i = 0; i < std::min(problems.size(), kFieldErrorsMax); ++i) {
      errors.push_back({std::move(problems[i].pointer), std::move(problems[i].message)});
    }
    return ValidationResponse(errors);
  }
  const auto put = store_.PutTemplate(
      call.who.tenant, call.id, call.request.body, options_.templates.quota, call.now);
  if (absl::IsResourceExhausted(put.status())) {
    return QuotaResponse(put.status());
  }
  if (!put.ok()) {
    return StatusResponse(put.status());
  }
  SPDLOG_INFO("template put template={} version={} new={} tenant={} correlation_id={}",
              put->id,
              put->version,
              put->is_new,
              call.who.tenant,
              call.request.correlation_id);
  return TemplateResponse(put->is_new ? 201 : 200, UploadedJson(*put), put->body);
}

HttpResponse BulkApi::GetWebhookSecret(const ApiCall& call) {
  const auto secret = webhook_secrets_.Of(call.who.tenant);
  return secret.ok() ? JsonAnswer(200, {{"secret", *secret}}) : StatusResponse(secret.status());
}

HttpResponse BulkApi::ReplaceWebhookSecret(const ApiCall& call) {
  const auto secret = webhook_secrets_.Replace(
      call.who.tenant, call.Audit("webhook_secret.replace", call.who.tenant), call.now);
  if (!secret.ok()) {
    return StatusResponse(secret.status());
  }
  SPDLOG_INFO("webhook secret replaced tenant={} correlation_id={}",
              call.who.tenant,
              call.request.correlation_id);
  return JsonAnswer(200, {{"secret", *secret}});
}

Json BulkApi::ToJson(const Job& job) {
  return JobJson(
      job, clock_.Now(), options_.public_url, gate_.Limited(job.tenant), options_.foretell(job.id));
}

HttpResponse BulkApi::JobResponse(int http_status, const Job& job) {
  HttpResponse response = JsonAnswer(http_status, ToJson(job));
  if (http_status == 201) {
    response.headers.emplace_back("Location", absl::StrCat("/api/v1/bulk-jobs/", job.id));
  }
  return response;
}

}  // namespace rn
