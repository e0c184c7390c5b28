#include "coordinator/coordinator.h"

#include <prometheus/registry.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metrics_server.h"
#include "base/s3_account.h"
#include "base/status.h"
#include "catalog/catalog.h"
#include "coordinator/admin_api.h"
#include "coordinator/admin_key.h"
#include "coordinator/api_error.h"
#include "coordinator/bulk_api.h"
#include "coordinator/config_reload.h"
#include "coordinator/google_sheets.h"
#include "coordinator/job_events.h"
#include "coordinator/lease_desk.h"
#include "coordinator/node_api.h"
#include "coordinator/node_service.h"
#include "coordinator/postgres_store.h"
#include "coordinator/served_files.h"
#include "coordinator/sheet_folder.h"
#include "coordinator/sqlite_store.h"
#include "coordinator/web_files.h"
#include "coordinator/webhooks.h"

namespace rn {
namespace {

constexpr char kStoreFile[] = "coordinator.db";
constexpr char kSheetsPath[] = "/api/v1/sheets/";
constexpr char kAdminKeyFile[] = "admin.key";
constexpr int kTenantsPage = 500;

// The configuration's keys and the operators' own.
absl::StatusOr<Authenticator> KeysOf(const CoordinatorConfig& config) {
  const std::filesystem::path file =
      config.admin_key_file.empty() ? config.state_folder / kAdminKeyFile : config.admin_key_file;
  ASSIGN_OR_RETURN(const std::string admin_key, LoadOrMakeAdminKey(file));
  return config.keys.WithAdminKey(Sha256(admin_key));
}

// Under which clients reach an address that has no better name.
std::string UrlOf(const HttpServerOptions& http, int port) {
  const char* scheme = http.tls.has_value() ? "https://" : "http://";
  return absl::StrContains(http.address, ':') ? absl::StrCat(scheme, "[", http.address, "]:", port)
                                              : absl::StrCat(scheme, http.address, ":", port);
}

// Of uploads alone; a sheet is no longer than what else is taken otherwise.
bool TakesSheet(absl::string_view method, absl::string_view path) {
  return (method == "PUT" && absl::StartsWith(path, kSheetsPath)) ||
         (method == "POST" && absl::StrCat(path, "/") == kSheetsPath);
}

}  // namespace

// In the order in which things are made; they end in the opposite one.
struct Coordinator::Impl {
  Impl(const CoordinatorConfig& config, Clock& wall)
      : config(config), clock(wall), sheet_folder(config.sheets_folder, config.sheets.folder) {}

  absl::Status OpenStore();
  absl::Status MakeSheetFolders(const Authenticator& keys) const;
  absl::Status MakeTenantsFolders();
  absl::Status OpenSheets(Clock& clock);
  absl::Status StartHttp(Clock& clock);
  absl::Status LoadCatalog();
  void StartEvents();
  absl::Status StartNodes();
  absl::Status StartApi();
  void Hear(const StoreNews& what);
  std::vector<std::string> MediaOrigins() const;
  HttpResponse Handle(const HttpRequest& request);

  CoordinatorConfig config;  // Of the thread that starts, reloads and stops us.
  // Jobs' deadlines, back-offs and leases are compared over days: who sets the wall clock moves
  // none.
  AnchoredClock clock;
  std::string public_url;
  std::unique_ptr<PostgresNews> news;  // Where other coordinators may use the store too.
  std::unique_ptr<Store> store;
  SheetFolder sheet_folder;
  std::unique_ptr<GoogleSheetSource> google_sheets;  // Null: nobody's sheets are there.
  std::optional<RoutedSheetSource> sheets;
  std::optional<SheetUploads> uploads;
  std::optional<Catalog> catalog;
  std::unique_ptr<KeyRing> key_ring;
  std::optional<BulkApi> api;
  std::optional<JobEvents> events;  // Its thread asks the API's gate, once somebody watches a job.
  std::unique_ptr<LeaseDesk> desk;
  std::optional<NodeApi> node_api;
  std::optional<AdminApi> admin_api;
  std::optional<ServedFiles> files;
  std::optional<WebFiles> web;
  std::atomic<bool> ready = false;  // Everything above is there.
  std::unique_ptr<HttpServer> http;
  std::unique_ptr<NodeService> nodes;
  std::unique_ptr<MetricsServer> metrics;
  std::unique_ptr<WebhookSender> webhooks;
};

absl::StatusOr<std::unique_ptr<Coordinator>> Coordinator::Start(const CoordinatorConfig& config,
                                                                Clock& clock) {
  auto impl = std::make_unique<Impl>(config, clock);
  if (!config.webhook_secrets_key_file.empty()) {
    auto box = SecretBox::Load(config.webhook_secrets_key_file);
    RETURN_IF_ERROR(Annotate(box.status(), "webhooks.secrets_key_file"));
    impl->config.webhooks.secret_box = *std::move(box);
  }
  RETURN_IF_ERROR(impl->OpenStore());
  RETURN_IF_ERROR(impl->OpenSheets(clock));
  RETURN_IF_ERROR(impl->StartHttp(clock));
  RETURN_IF_ERROR(impl->LoadCatalog());
  impl->StartEvents();
  RETURN_IF_ERROR(impl->StartNodes());
  ASSIGN_OR_RETURN(impl->webhooks,
                   WebhookSender::Start(
                       *impl->store, impl->clock, clock, impl->config.webhooks, impl->public_url));
  RETURN_IF_ERROR(impl->StartApi());
  return std::unique_ptr<Coordinator>(new Coordinator(std::move(impl)));
}

absl::Status Coordinator::Impl::OpenStore() {
  for (const auto& folder : {config.state_folder, config.artifacts_folder, config.sheets_folder}) {
    RETURN_IF_ERROR(CreateDirectories(folder));
  }
  RETURN_IF_ERROR(MakeSheetFolders(config.keys));
  const StoreLimits limits{
      .retry = config.retry, .lease = config.lease, .audit_kept = config.audit_kept};
  if (config.store.url.empty()) {
    ASSIGN_OR_RETURN(store, OpenSqliteStore(config.state_folder / kStoreFile, limits));
  } else {
    news = std::make_unique<PostgresNews>(config.store);
    ASSIGN_OR_RETURN(store, OpenPostgresStore(config.store, limits, news.get()));
  }
  return MakeTenantsFolders();
}

// One for each tenant. What lies beside them is nobody's, as it was everybody's once.
absl::Status Coordinator::Impl::MakeSheetFolders(const Authenticator& keys) const {
  for (const std::string& tenant : keys.tenants()) {
    RETURN_IF_ERROR(CreateDirectories(config.sheets_folder / tenant));
  }
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(config.sheets_folder, error)) {
    if (entry.path().extension() == ".csv") {
      SPDLOG_WARN("sheet ignored file={} cause=\"it must be in a tenant's folder, {}/<tenant>/\"",
                  entry.path().string(),
                  config.sheets_folder.string());
    }
  }
  return absl::OkStatus();
}

// For those that operators made.
absl::Status Coordinator::Impl::MakeTenantsFolders() {
  std::string after;
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<Tenant> tenants, store->ListTenants(after, kTenantsPage));
    for (const Tenant& tenant : tenants) {
      RETURN_IF_ERROR(CreateDirectories(config.sheets_folder / tenant.id));
    }
    if (tenants.size() < kTenantsPage) {
      return absl::OkStatus();
    }
    after = tenants.back().id;
  }
}

// `clock` is the one that Google compares its own with.
absl::Status Coordinator::Impl::OpenSheets(Clock& clock) {
  if (config.sheets.uses_google()) {
    ASSIGN_OR_RETURN(google_sheets, GoogleSheetSource::Create(config.sheets.google, clock));
  }
  sheets.emplace(sheet_folder, google_sheets.get(), config.sheets.routing);
  uploads.emplace(sheet_folder, config.sheets.routing, clock);
  return absl::OkStatus();
}

// Before the catalog, whose URLs need the port; until `ready` clients are asked to come back.
absl::Status Coordinator::Impl::StartHttp(Clock& clock) {
  HttpServerOptions options = config.http;
  options.large_body_bytes_max = config.sheets.folder.file_bytes_max;
  options.large_bodies_max = config.sheets.uploads_max;
  options.takes_large_body = &TakesSheet;
  ASSIGN_OR_RETURN(
      http,
      HttpServer::Start(
          options, [this](const HttpRequest& request) { return Handle(request); }, clock));
  public_url = config.public_url.empty() ? UrlOf(config.http, http->port()) : config.public_url;
  return absl::OkStatus();
}

absl::Status Coordinator::Impl::LoadCatalog() {
  const std::string assets =
      config.asset_url_base.empty() ? absl::StrCat(public_url, "/assets") : config.asset_url_base;
  ASSIGN_OR_RETURN(Catalog loaded,
                   Catalog::Load({.folder = config.templates_folder, .asset_url_base = assets}));
  catalog.emplace(std::move(loaded));
  return absl::OkStatus();
}

void Coordinator::Impl::StartEvents() {
  JobEventsOptions options = config.events;
  options.rate_limited = [this](const std::string& tenant) { return api->gate().Limited(tenant); };
  options.foretell = [this](const std::string& id) { return desk->Foretell(id); };
  events.emplace(*store, clock, public_url, ArtifactUrls(public_url, config.s3), options);
}

absl::Status Coordinator::Impl::StartNodes() {
  desk = std::make_unique<LeaseDesk>(
      *store,
      clock,
      LeaseDeskOptions{.sync_interval = config.sync_interval,
                       .lease = config.lease,
                       .orphan_keep = config.orphan_keep,
                       .backlog = config.backlog,
                       .on_job_changed = [this](const std::string& id) { events->Changed(id); }});
  ASSIGN_OR_RETURN(nodes, NodeService::Start(*desk, config.nodes));
  if (!config.metrics_address.empty()) {
    ASSIGN_OR_RETURN(
        metrics,
        MetricsServer::Listen(config.metrics_address,
                              {nodes->metrics().registry(), std::make_shared<DeskMetrics>(*desk)}));
  }
  return absl::OkStatus();
}

absl::Status Coordinator::Impl::StartApi() {
  ASSIGN_OR_RETURN(Authenticator keys, KeysOf(config));
  key_ring = std::make_unique<KeyRing>(*store, clock, config.key_ring);
  api.emplace(
      *store,
      *catalog,
      *sheets,
      clock,
      BulkApiOptions{
          .keys = std::move(keys),
          .key_ring = key_ring.get(),
          .rate_limit = config.rate_limit,
          .templates = config.templates,
          .quotas = config.quotas,
          .public_url = public_url,
          .s3 = config.s3,
          .on_new_work = [this] { desk->OnNewWork(); },
          .on_job_canceled = [this](const std::string& id) { desk->OnJobCanceled(id); },
          .on_job_changed = [this](const std::string& id) { events->Changed(id); },
          .watch_job = [this](const std::string& tenant,
                              const std::string& job_id) { return events->Watch(tenant, job_id); },
          .foretell = [this](const std::string& id) { return desk->Foretell(id); },
          .secret_box = config.webhooks.secret_box,
          .sheet_uploads = &*uploads,
          .idempotency_kept = config.idempotency_kept,
          .job_spec_bytes_max = config.nodes.job_spec_bytes_max});
  node_api.emplace(
      *desk,
      *store,
      clock,
      api->gate(),
      NodeApiOptions{
          .silent_after = config.lease.ttl, .public_url = public_url, .version = RN_VERSION});
  admin_api.emplace(*store,
                    clock,
                    api->gate(),
                    AdminApiOptions{.keys_per_tenant_max = config.keys_per_tenant_max,
                                    .on_new_tenant =
                                        [folder = config.sheets_folder](const std::string& tenant) {
                                          return CreateDirectories(folder / tenant);
                                        },
                                    .on_change =
                                        [this] {
                                          key_ring->Recheck();
                                          desk->OnNewWork();  // Of what shares may be new.
                                        }});
  web.emplace(MediaOrigins());
  files.emplace(config.artifacts_folder,
                [this](const std::string& sha256) { return catalog->AssetPath(sha256); });
  ready = true;
  if (news != nullptr) {
    news->Hear([this](const StoreNews& what) { Hear(what); },
               [this] {
                 events->AnyChanged();
                 desk->OnAnything();
               });
  }
  return absl::OkStatus();
}

// What another coordinator changed.
void Coordinator::Impl::Hear(const StoreNews& what) {
  for (const std::string& job_id : what.canceled) {
    desk->OnJobCanceled(job_id);
  }
  if (!what.ready.empty()) {
    desk->OnNewWork();
  }
  for (const std::string& job_id : what.changed) {
    events->Changed(job_id);
  }
}

// Wherever ArtifactUrls may lead.
std::vector<std::string> Coordinator::Impl::MediaOrigins() const {
  std::vector<std::string> origins = config.media_origins;
  origins.push_back(public_url);
  if (config.s3.has_value()) {
    origins.push_back(AddressOf(config.s3->account, "*", "").origin);
  }
  return origins;
}

HttpResponse Coordinator::Impl::Handle(const HttpRequest& request) {
  if (!ready) {
    return StatusResponse(absl::UnavailableError("the coordinator is starting"));
  }
  if (std::optional<HttpResponse> file = files->Handle(request)) {
    return *std::move(file);
  }
  if (std::optional<HttpResponse> page = web->Handle(request)) {
    return *std::move(page);
  }
  if (std::optional<HttpResponse> answer = node_api->Handle(request)) {
    return *std::move(answer);
  }
  if (std::optional<HttpResponse> answer = admin_api->Handle(request)) {
    return *std::move(answer);
  }
  return api->Handle(request);
}

Coordinator::Coordinator(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Coordinator::~Coordinator() {
  Stop();
}

int Coordinator::http_port() const {
  return impl_->http->port();
}

int Coordinator::node_port() const {
  return impl_->nodes->port();
}

void Coordinator::Probe() {
  (void)impl_->store->GetJob(/*tenant=*/"", /*job_id=*/"");
}

// What may fail comes first.
absl::Status Coordinator::Reload(const CoordinatorConfig& next) {
  RETURN_IF_ERROR(CheckReloadable(impl_->config, next));
  RETURN_IF_ERROR(impl_->MakeSheetFolders(next.keys));
  ASSIGN_OR_RETURN(Authenticator keys, KeysOf(next));
  RETURN_IF_ERROR(impl_->nodes->SetTokens(next.nodes.tokens));
  impl_->api->gate().Set(std::move(keys), next.rate_limit);
  impl_->desk->SetShares(next.backlog.scheduler.shares);
  SetLogLevel(next.log_level);
  impl_->config = next;
  return absl::OkStatus();
}

void Coordinator::Stop() {
  if (impl_->news != nullptr) {
    impl_->news->Stop();
  }
  if (impl_->google_sheets != nullptr) {
    impl_->google_sheets->Stop();
  }
  impl_->webhooks->Stop();
  impl_->nodes->Stop();
  impl_->http->Stop();
  if (impl_->events.has_value()) {
    impl_->events->Stop();
  }
}

}  // namespace rn
