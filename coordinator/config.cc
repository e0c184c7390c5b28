#include "coordinator/config.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/address_policy.h"
#include "base/config_reader.h"
#include "base/local_address.h"
#include "base/metrics_server.h"
#include "base/s3_account.h"
#include "base/status.h"

namespace rn {
namespace {

constexpr std::int64_t kQuotaMax = 1'000'000'000;

void ReadPath(ConfigReader& reader, const std::string& key, std::filesystem::path& target) {
  std::string path = target.string();
  reader.Read(key, path);
  if (path.empty() || path.front() != '/') {
    reader.Fail(key, absl::StrCat("\"", path, "\" is not an absolute path"));
  }
  target = path;
}

void ReadCount(ConfigReader& reader, const std::string& key, int& target, int min, int max) {
  std::int64_t value = target;
  reader.Read(key, value, min, max);
  target = static_cast<int>(value);
}

void ReadUrl(ConfigReader& reader, const std::string& key, std::string& target) {
  reader.Read(key, target);
  const bool http = absl::StartsWith(target, "http://") || absl::StartsWith(target, "https://");
  if (!target.empty() && (!http || absl::EndsWith(target, "/"))) {
    reader.Fail(
        key,
        absl::StrCat(
            "\"", target, "\" is not a URL as \"https://host:8443\", without a slash at its end"));
  }
}

// They end up in a header of ours, as one word each.
void ReadOrigins(ConfigReader& reader, const std::string& key, std::vector<std::string>& target) {
  reader.Read(key, target);
  for (const std::string& origin : target) {
    absl::string_view host = origin;
    const bool http =
        absl::ConsumePrefix(&host, "http://") || absl::ConsumePrefix(&host, "https://");
    if (!http || host.empty() || host.find_first_of("/?#@;,'\" ") != absl::string_view::npos ||
        !std::all_of(host.begin(), host.end(), absl::ascii_isgraph)) {
      reader.Fail(key,
                  absl::StrCat("\"", origin, "\" is not an origin as \"https://cdn.example.com\""));
    }
  }
}

void ReadStore(ConfigReader& reader, PostgresOptions& store) {
  reader.Read("store.url", store.url);
  if (const absl::Status status = CheckPostgresUrl(store.url); !store.url.empty() && !status.ok()) {
    reader.Fail("store.url", status.message());
  }
  ReadCount(reader, "store.writers", store.writers, 1, 64);
  ReadCount(reader, "store.readers", store.readers, 1, 64);
  reader.Read("store.connect_timeout", store.connect_timeout, absl::Seconds(2), absl::Minutes(1));
  reader.Read("store.lock_timeout", store.lock_timeout, absl::Milliseconds(100), absl::Minutes(5));
  reader.Read("store.statement_timeout",
              store.statement_timeout,
              absl::Milliseconds(100),
              absl::Minutes(10));
  ReadCount(reader, "store.tries_max", store.tries_max, 1, 100);
  reader.Read(
      "store.reconnect_pause", store.reconnect_pause, absl::Milliseconds(10), absl::Minutes(1));
}

void ReadHttp(ConfigReader& reader, CoordinatorConfig& config) {
  HttpServerOptions& http = config.http;
  reader.Read("http.address", http.address);
  ReadCount(reader, "http.port", http.port, 0, 65535);
  ReadUrl(reader, "http.public_url", config.public_url);
  if (config.public_url.empty() && (http.address == "0.0.0.0" || http.address == "::")) {
    reader.Fail("http.public_url",
                absl::StrCat("must be given: clients cannot reach ", http.address));
  }
  ReadOrigins(reader, "http.media_origins", config.media_origins);
  ReadCount(reader, "http.io_threads", http.io_threads, 1, 64);
  ReadCount(reader, "http.handler_threads", http.handler_threads, 1, 256);
  ReadCount(reader, "http.connections_max", http.connections_max, 1, 100000);
  reader.ReadBytes("http.header_max", http.header_bytes_max, 1 << 10, 1 << 20);
  reader.ReadBytes("http.body_max", http.body_bytes_max, 1 << 10, 64 << 20);
  reader.Read("http.idle_timeout", http.idle_timeout, absl::Seconds(1), absl::Hours(1));
  reader.Read("http.request_timeout", http.request_timeout, absl::Seconds(1), absl::Hours(1));
  reader.Read("http.write_timeout", http.write_timeout, absl::Seconds(1), absl::Hours(1));
  reader.Read("http.drain_timeout", http.drain_timeout, absl::ZeroDuration(), absl::Minutes(10));
}

void ReadOptionalPath(ConfigReader& reader, const std::string& key, std::filesystem::path& target) {
  std::string path;
  reader.Read(key, path);
  if (!path.empty() && path.front() != '/') {
    reader.Fail(key, absl::StrCat("\"", path, "\" is not an absolute path"));
  }
  target = path;
}

void ReadHttpTls(ConfigReader& reader, HttpServerOptions& http) {
  HttpTlsOptions tls;
  ReadOptionalPath(reader, "http.tls.cert_file", tls.cert_file);
  ReadOptionalPath(reader, "http.tls.key_file", tls.key_file);
  reader.Read("http.tls.refresh", tls.refresh, absl::Seconds(1), absl::Hours(24));
  if (tls.cert_file.empty() != tls.key_file.empty()) {
    reader.Fail("http.tls.cert_file", "goes with http.tls.key_file: give both or neither");
  }
  if (!tls.cert_file.empty()) {
    http.tls = std::move(tls);
  }
}

void ReadWebSockets(ConfigReader& reader, CoordinatorConfig& config) {
  WebSocketOptions& sockets = config.http.web_sockets;
  JobEventsOptions& events = config.events;
  ReadCount(reader, "websockets.connections_max", sockets.connections_max, 0, 100000);
  ReadCount(reader, "websockets.per_tenant_max", events.watchers_per_tenant_max, 0, 100000);
  reader.ReadBytes("websockets.message_max", sockets.message_bytes_max, 128, 1 << 20);
  reader.ReadBytes("websockets.unread_max", sockets.queue_bytes_max, 64 << 10, 1 << 30);
  reader.Read(
      "websockets.idle_timeout", sockets.idle_timeout, absl::Milliseconds(100), absl::Hours(1));
  reader.Read("websockets.close_timeout",
              sockets.close_timeout,
              absl::Milliseconds(100),
              absl::Minutes(10));
  reader.Read("websockets.progress_interval",
              events.progress_interval,
              absl::ZeroDuration(),
              absl::Minutes(10));
  reader.Read(
      "websockets.look_interval", events.look_interval, absl::Milliseconds(1), absl::Minutes(1));
  reader.Read(
      "websockets.poll_interval", events.poll_interval, absl::Milliseconds(100), absl::Hours(1));
}

void ReadNodeTls(ConfigReader& reader, NodeServiceOptions& nodes) {
  NodeTlsOptions tls;
  ReadOptionalPath(reader, "nodes.tls.cert_file", tls.cert_file);
  ReadOptionalPath(reader, "nodes.tls.key_file", tls.key_file);
  ReadOptionalPath(reader, "nodes.tls.client_ca_file", tls.client_ca_file);
  reader.Read("nodes.tls.refresh", tls.refresh, absl::Seconds(1), absl::Hours(1));
  reader.Read(
      "nodes.tls.connection_age_max", tls.connection_age_max, absl::Seconds(1), absl::Hours(24));
  if (tls.cert_file.empty() != tls.key_file.empty()) {
    reader.Fail("nodes.tls.cert_file", "goes with nodes.tls.key_file: give both or neither");
  }
  if (tls.cert_file.empty() && !tls.client_ca_file.empty()) {
    reader.Fail("nodes.tls.cert_file", "must be given with nodes.tls.client_ca_file");
  }
  if (!tls.cert_file.empty()) {
    nodes.tls = std::move(tls);
  }
}

// "<node>" = "<sha256 of its token> …"
void ReadNodeTokens(ConfigReader& reader, NodeServiceOptions& nodes) {
  reader.ReadMap("nodes.tokens", nodes.tokens);
  if (const auto tokens = NodeAuthenticator::Create({.tokens = nodes.tokens}); !tokens.ok()) {
    reader.Fail("nodes.tokens", tokens.status().message());
  }
  if (nodes.tls.has_value() && nodes.tls->client_ca_file.empty() && nodes.tokens.empty()) {
    reader.Fail("nodes.tls.client_ca_file",
                "must be given, or [nodes.tokens]: else anybody could be a node");
  }
}

void ReadNodes(ConfigReader& reader, CoordinatorConfig& config) {
  ReadNodeTls(reader, config.nodes);
  ReadNodeTokens(reader, config.nodes);
  const bool tls = config.nodes.tls.has_value();
  reader.Read("nodes.address", config.nodes.address);
  const absl::Status address = tls ? CheckAddress(config.nodes.address, PortZero::kAllowed)
                                   : CheckLocalAddress(config.nodes.address, PortZero::kAllowed);
  if (!address.ok()) {
    reader.Fail("nodes.address",
                absl::StrCat(address.message(), tls ? "" : "; for TLS give nodes.tls.cert_file"));
  }
  ReadUrl(reader, "nodes.asset_url_base", config.asset_url_base);
  reader.ReadBytes("nodes.job_spec_max", config.nodes.job_spec_bytes_max, 1 << 10, 256 << 20);
  LeaseLimits& lease = config.lease;
  reader.Read(
      "nodes.sync_interval", config.sync_interval, absl::Milliseconds(50), absl::Minutes(1));
  reader.Read("nodes.lease_ttl", lease.ttl, absl::Seconds(1), absl::Hours(1));
  reader.Read(
      "nodes.reassign_grace", lease.reassign_grace, absl::Milliseconds(100), absl::Minutes(10));
  reader.Read("nodes.orphan_keep", config.orphan_keep, absl::Minutes(1), absl::Hours(24 * 30));
  if (lease.ttl < 2 * config.sync_interval) {
    reader.Fail("nodes.lease_ttl", "must be at least twice nodes.sync_interval: one may be lost");
  }
}

// Without the table: no artifact is in S3.
void ReadS3(ConfigReader& reader, CoordinatorConfig& config) {
  bool sign = false;
  reader.Read("s3.sign", sign);
  if (!sign) {
    return;
  }
  S3Signing& s3 = config.s3.emplace();
  ReadS3Account(reader, "s3", s3.account);
  reader.Read("s3.url_valid_for", s3.valid_for, absl::Minutes(1), absl::Hours(24 * 7));
}

void ReadRetries(ConfigReader& reader, RetryLimits& retry) {
  ReadCount(reader, "retry.failures_max", retry.failures_max, 1, 100);
  ReadCount(reader, "retry.losses_max", retry.losses_max, 1, 1000);
  ReadCount(reader, "retry.node_failures_max", retry.node_failures_max, 1, 1000);
  reader.Read("retry.backoff_min", retry.backoff_min, absl::Milliseconds(10), absl::Hours(1));
  reader.Read("retry.backoff_max", retry.backoff_max, absl::Milliseconds(10), absl::Hours(24));
  reader.Read("retry.avoid_for", retry.avoid_for, absl::ZeroDuration(), absl::Hours(24));
  if (retry.backoff_min > retry.backoff_max) {
    reader.Fail("retry.backoff_min", "must not be above retry.backoff_max");
  }
}

// An items_running_max of 0 is no limit.
void ReadShare(ConfigReader& reader,
               const std::string& weight_key,
               const std::string& limit_key,
               TenantShare& share) {
  const std::int64_t no_limit = TenantShare().items_running_max;
  reader.Read(weight_key, share.weight, 0.01, 1000);
  std::int64_t limit = share.items_running_max == no_limit ? 0 : share.items_running_max;
  reader.Read(limit_key, limit, 0, 1'000'000);
  share.items_running_max = limit > 0 ? limit : no_limit;
}

void ReadScheduler(ConfigReader& reader, BacklogOptions& backlog) {
  SchedulerOptions& scheduler = backlog.scheduler;
  reader.Read(
      "scheduler.look_interval", backlog.look_interval, absl::Milliseconds(10), absl::Minutes(1));
  reader.Read("scheduler.affinity_items", scheduler.affinity_items, 0, 1000);
  reader.Read("scheduler.starvation_after",
              scheduler.starvation_after,
              absl::Seconds(1),
              absl::Hours(24 * 7));
  reader.Read("scheduler.starving_turn", scheduler.starving_turn, 2, 1000);
  ReadShare(reader,
            "scheduler.tenant_weight",
            "scheduler.tenant_items_running_max",
            scheduler.shares.others);
  // What a tenant's own table leaves out is as for everybody.
  for (const std::string& tenant : reader.TablesIn("scheduler.tenants")) {
    const std::string table = absl::StrCat("scheduler.tenants.", tenant);
    if (const absl::Status valid = CheckTenantName(tenant); !valid.ok()) {
      reader.Fail(table, valid.message());
    }
    ReadShare(reader,
              absl::StrCat(table, ".weight"),
              absl::StrCat(table, ".items_running_max"),
              scheduler.shares.named.emplace(tenant, scheduler.shares.others).first->second);
  }
}

void ReadWebhooks(ConfigReader& reader, CoordinatorConfig& config) {
  WebhookOptions& webhooks = config.webhooks;
  ReadCount(reader, "webhooks.threads", webhooks.threads, 1, 64);
  ReadCount(reader, "webhooks.per_tenant_max", webhooks.per_tenant_max, 1, 64);
  reader.Read("webhooks.timeout", webhooks.timeout, absl::Seconds(1), absl::Minutes(5));
  ReadCount(reader, "webhooks.attempts_max", webhooks.attempts_max, 1, 100);
  reader.Read(
      "webhooks.backoff_min", webhooks.backoff_min, absl::Milliseconds(100), absl::Hours(1));
  reader.Read("webhooks.backoff_max", webhooks.backoff_max, absl::Seconds(1), absl::Hours(24));
  reader.Read(
      "webhooks.poll_interval", webhooks.poll_interval, absl::Milliseconds(50), absl::Minutes(1));
  reader.Read("webhooks.allow_private", webhooks.allow_private);
  ReadOptionalPath(reader, "webhooks.ca_file", webhooks.ca_file);
  ReadOptionalPath(reader, "webhooks.secrets_key_file", config.webhook_secrets_key_file);
  if (webhooks.backoff_min > webhooks.backoff_max) {
    reader.Fail("webhooks.backoff_min", "must not be above webhooks.backoff_max");
  }
  if (const auto policy = AddressPolicy::Create(webhooks.allow_private); !policy.ok()) {
    reader.Fail("webhooks.allow_private", policy.status().message());
  }
}

void ReadQuota(ConfigReader& reader, const std::string& table, TenantQuota& quota) {
  reader.Read(absl::StrCat(table, ".items_open_max"), quota.items_open_max, 0, kQuotaMax);
  reader.Read(absl::StrCat(table, ".items_per_day_max"), quota.items_per_day_max, 0, kQuotaMax);
}

// What a tenant's own table leaves out is as for everybody.
void ReadQuotas(ConfigReader& reader, Quotas& quotas) {
  ReadQuota(reader, "quota", quotas.everybody);
  for (const std::string& tenant : reader.TablesIn("quota.tenants")) {
    const std::string table = absl::StrCat("quota.tenants.", tenant);
    if (const absl::Status valid = CheckTenantName(tenant); !valid.ok()) {
      reader.Fail(table, valid.message());
    }
    ReadQuota(reader, table, quotas.tenants.emplace(tenant, quotas.everybody).first->second);
  }
}

// "<sha256 of the key>" = "<tenant> <scope> <scope>…"
void ReadKeys(ConfigReader& reader, Authenticator& keys) {
  std::map<std::string, std::string> table;
  reader.ReadMap("keys", table);
  std::vector<ApiKey> read;
  for (const auto& [digest, grant] : table) {
    std::vector<std::string> words = absl::StrSplit(grant, ' ', absl::SkipWhitespace());
    ApiKey key{.sha256 = digest};
    if (!words.empty()) {
      key.tenant = words.front();
      key.scopes.assign(words.begin() + 1, words.end());
    }
    read.push_back(std::move(key));
  }
  absl::StatusOr<Authenticator> created = Authenticator::Create(read);
  if (created.ok()) {
    keys = *std::move(created);
  } else {
    reader.Fail("keys", created.status().message());
  }
}

// Of the keys that operators made, and the operators' own.
void ReadAdmin(ConfigReader& reader, CoordinatorConfig& config) {
  ReadOptionalPath(reader, "admin.key_file", config.admin_key_file);
  ReadCount(reader, "admin.keys_per_tenant_max", config.keys_per_tenant_max, 1, 100'000);
  reader.Read("admin.audit_kept", config.audit_kept, absl::Hours(24), absl::Hours(24 * 3660));
  KeyRingOptions& ring = config.key_ring;
  reader.Read("api_keys.recheck", ring.recheck, absl::ZeroDuration(), absl::Hours(1));
  reader.Read("api_keys.verified_for", ring.verified_for, absl::Seconds(1), absl::Hours(24));
  ReadCount(reader, "api_keys.kept_max", ring.keys_max, 1, 1'000'000);
  ReadCount(reader, "api_keys.hashes_max", ring.hashes_max, 1, 64);
}

absl::StatusOr<CoordinatorConfig> ReadAll(ConfigReader reader) {
  CoordinatorConfig config;
  reader.ReadName("log_level",
                  config.log_level,
                  {"trace", "debug", "info", "warning", "error", "critical", "off"});
  std::string format = "text";
  reader.ReadName("log_format", format, {"text", "json"});
  config.log_format = format == "json" ? LogFormat::kJson : LogFormat::kText;
  reader.Read("metrics.address", config.metrics_address);
  if (const absl::Status status = CheckMetricsAddress(config.metrics_address);
      !config.metrics_address.empty() && !status.ok()) {
    reader.Fail("metrics.address", status.message());
  }
  ReadPath(reader, "folders.state", config.state_folder);
  ReadPath(reader, "folders.artifacts", config.artifacts_folder);
  ReadPath(reader, "folders.sheets", config.sheets_folder);
  ReadPath(reader, "folders.templates", config.templates_folder);
  ReadStore(reader, config.store);
  ReadHttp(reader, config);
  ReadHttpTls(reader, config.http);
  ReadWebSockets(reader, config);
  ReadNodes(reader, config);
  ReadRetries(reader, config.retry);
  ReadScheduler(reader, config.backlog);
  ReadS3(reader, config);
  ReadKeys(reader, config.keys);
  ReadAdmin(reader, config);
  ReadQuotas(reader, config.quotas);
  ReadWebhooks(reader, config);
  ReadSheets(reader, config.http.handler_threads, config.sheets);
  reader.ReadBytes("templates.bytes_max", config.templates.bytes_max, 1 << 10, 1 << 20);
  ReadCount(reader, "templates.checks_max", config.templates.checks_max, 1, 64);
  ReadCount(reader, "templates.per_tenant_max", config.templates.quota.templates_max, 0, 100'000);
  ReadCount(reader, "templates.versions_max", config.templates.quota.versions_max, 1, 100'000);
  reader.Read("rate_limit.per_second", config.rate_limit.per_second, 0.1, 100000);
  ReadCount(reader, "rate_limit.burst", config.rate_limit.burst, 1, 1000000);
  reader.Read(
      "rate_limit.flag_for", config.rate_limit.flag_for, absl::ZeroDuration(), absl::Hours(1));
  reader.Read("idempotency.kept", config.idempotency_kept, absl::Minutes(1), absl::Hours(24 * 30));
  RETURN_IF_ERROR(reader.Finish());
  config.values = reader.values();
  return config;
}

}  // namespace

absl::StatusOr<CoordinatorConfig> LoadCoordinatorConfig(const std::string& path) {
  ASSIGN_OR_RETURN(ConfigReader reader, ConfigReader::Load(path));
  return ReadAll(std::move(reader));
}

absl::StatusOr<CoordinatorConfig> ParseCoordinatorConfig(absl::string_view text,
                                                         const std::string& name) {
  ASSIGN_OR_RETURN(ConfigReader reader, ConfigReader::Parse(text, name));
  return ReadAll(std::move(reader));
}

}  // namespace rn
