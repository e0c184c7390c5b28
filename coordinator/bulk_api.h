// The Bulk Operations API: who may ask what, and what the answers say.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "catalog/catalog.h"
#include "coordinator/api_gate.h"
#include "coordinator/api_routes.h"
#include "coordinator/artifact_urls.h"
#include "coordinator/auth.h"
#include "coordinator/http.h"
#include "coordinator/job_request.h"
#include "coordinator/rate_limiter.h"
#include "coordinator/scheduler.h"
#include "coordinator/sheet_source.h"
#include "coordinator/sheet_uploads.h"
#include "coordinator/store.h"
#include "coordinator/webhooks.h"

namespace rn {

struct TemplateUploadLimits {
  std::int64_t bytes_max = 1 << 20;
  int checks_max = 1;  // At once: a large one takes seconds.
  TemplateQuota quota;
};

struct Quotas {
  TenantQuota everybody;
  std::map<std::string, TenantQuota> tenants;  // Instead, for those named.

  const TenantQuota& Of(const std::string& tenant) const {
    const auto own = tenants.find(tenant);
    return own == tenants.end() ? everybody : own->second;
  }
};

struct BulkApiOptions {
  Authenticator keys;
  KeyRing* key_ring = nullptr;  // As ApiGate has it; outlives the API.
  RateLimit rate_limit;
  TemplateUploadLimits templates;
  Quotas quotas;
  // What clients reach us by, "https://host:8443" without a slash at the end: for links to reports
  // and for artifact URLs that are paths.
  std::string public_url;
  std::optional<S3Signing> s3;  // For artifacts there.
  // Called after items became ready to be leased; quick, any thread.
  std::function<void()> on_new_work = [] {};
  // Called after a job was canceled, with its id: nodes may hold items of it. As above.
  std::function<void(const std::string&)> on_job_canceled = [](const std::string&) {};
  // Called after a job changed at a client's request, with its id. As above.
  std::function<void(const std::string&)> on_job_changed = [](const std::string&) {};
  // Makes a connection a watcher of that tenant's job, which exists: JobEvents::Watch.
  std::function<absl::StatusOr<WebSocketUpgrade>(const std::string& tenant,
                                                 const std::string& job_id)>
      watch_job = [](const std::string&, const std::string&) {
        return absl::UnavailableError("there are no live events");
      };
  // When a job will be done, as far as the scheduler knows; quick, any thread.
  std::function<std::optional<Forecast>(const std::string& job_id)> foretell =
      [](const std::string&) { return std::nullopt; };
  std::optional<SecretBox> secret_box;    // As WebhookSecrets has it.
  SheetUploads* sheet_uploads = nullptr;  // Outlives the API; null: none are taken.
  absl::Duration idempotency_kept = absl::Hours(24);
  std::int64_t job_spec_bytes_max = 16 << 20;  // A job with a longer one no node could get.
};

// Routes, all under /api/v1 but the last; api/openapi.json says all of it:
//   POST /bulk-jobs                 201 the job; 200 the same job again for a known Idempotency-Key
//   GET  /bulk-jobs                 ?state= &priority= &page_size= &page_token=
//   GET  /bulk-jobs/{id}
//   GET  /bulk-jobs/{id}/videos     ?state= &page_size= &page_token=
//   GET  /bulk-jobs/{id}/report.csv, report.json
//   POST /bulk-jobs/{id}/cancel, pause, resume, retry-failed
//   POST /sheets/connect
//   GET  /sheets                    those that are files
//   POST /sheets                    201 an upload, under an id of ours
//   GET, PUT, DELETE /sheets/{id}   PUT: 201 a new one, 200 another instead of the old one
//   GET  /ws/bulk-jobs              ?job_id= ; a WebSocket, docs/websocket.md
//   GET  /templates
//   GET  /templates/{id}            ?version=
//   PUT  /templates/{id}            201 a new version; 200 where the newest one is the same
//   GET  /webhook-secret            what the tenant's webhooks are signed with; POST: a new one
//   GET  /openapi.json              without a key: the document
//   GET  /healthz                   without a key; 503 while the store does not answer
// Handle is thread-safe and blocks on the store and the sheet source.
class BulkApi {
 public:
  // The references outlive the API.
  BulkApi(Store& store,
          const Catalog& catalog,
          SheetSource& sheets,
          Clock& clock,
          BulkApiOptions options);

  HttpResponse Handle(const HttpRequest& request);

  // Through which every request goes: what is set there is obeyed from then on.
  ApiGate& gate() { return gate_; }

  static std::vector<ApiOperation> Operations();

 private:
  static const ApiRoute<BulkApi> kRoutes[];

  HttpResponse Health(const ApiCall& call);
  HttpResponse OpenApi(const ApiCall& call);
  HttpResponse CreateJob(const ApiCall& call);
  HttpResponse StoreJob(const ApiCall& call,
                        BulkJobRequest request,
                        const Idempotency& idempotency);
  HttpResponse ListJobs(const ApiCall& call);
  HttpResponse GetJob(const ApiCall& call);
  HttpResponse ListVideos(const ApiCall& call);
  HttpResponse CsvReport(const ApiCall& call);
  HttpResponse JsonReport(const ApiCall& call);
  HttpResponse CancelJob(const ApiCall& call);
  HttpResponse PauseJob(const ApiCall& call);
  HttpResponse ResumeJob(const ApiCall& call);
  HttpResponse RetryFailed(const ApiCall& call);
  HttpResponse ConnectSheet(const ApiCall& call);
  HttpResponse ListSheets(const ApiCall& call);
  HttpResponse PostSheet(const ApiCall& call);
  HttpResponse GetSheet(const ApiCall& call);
  HttpResponse PutSheet(const ApiCall& call);
  HttpResponse DeleteSheet(const ApiCall& call);
  HttpResponse WatchJob(const ApiCall& call);
  HttpResponse ListTemplates(const ApiCall& call);
  HttpResponse GetTemplate(const ApiCall& call);
  HttpResponse PutTemplate(const ApiCall& call);
  HttpResponse GetWebhookSecret(const ApiCall& call);
  HttpResponse ReplaceWebhookSecret(const ApiCall& call);

  absl::StatusOr<UploadedTemplates> FindUploaded(const ApiCall& call);
  // What an operator gave the tenant, and where nothing is said, the configuration.
  absl::StatusOr<TenantQuota> QuotaOf(const std::string& tenant);
  // What became of `what`, which the store was asked to do with a job.
  HttpResponse Done(const ApiCall& call, const char* what, const absl::StatusOr<Job>& job);
  absl::StatusOr<Sheet> ReadSheet(const ApiCall& call, const SheetRef& wanted);
  nlohmann::ordered_json ToJson(const Job& job);
  HttpResponse JobResponse(int http_status, const Job& job);
  absl::StatusOr<std::vector<Item>> AllItems(const std::string& job_id);

  Store& store_;
  const Catalog& catalog_;
  SheetSource& sheets_;
  Clock& clock_;
  const BulkApiOptions options_;
  const ArtifactUrls urls_;
  WebhookSecrets webhook_secrets_;
  ApiGate gate_;
  std::atomic<int> template_checks_ = 0;  // Under way.
};

}  // namespace rn
