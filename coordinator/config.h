// rendernode-coordinator's configuration: one TOML file, in which every limit and timeout has a
// name, a range and a default. An unknown key is an error; all mistakes are reported at once.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/log_format.h"
#include "coordinator/artifact_urls.h"
#include "coordinator/auth.h"
#include "coordinator/backlog.h"
#include "coordinator/bulk_api.h"
#include "coordinator/config_sheets.h"
#include "coordinator/http_server.h"
#include "coordinator/job_events.h"
#include "coordinator/key_ring.h"
#include "coordinator/node_service.h"
#include "coordinator/postgres_options.h"
#include "coordinator/rate_limiter.h"
#include "coordinator/store.h"
#include "coordinator/webhooks.h"

namespace rn {

struct CoordinatorConfig {
  std::string log_level = "info";
  LogFormat log_format = LogFormat::kText;
  std::string metrics_address;                                             // "" = none
  std::filesystem::path state_folder = "/var/lib/rendernode-coordinator";  // coordinator.db
  std::filesystem::path artifacts_folder = "/var/lib/rendernode/artifacts";
  std::filesystem::path sheets_folder = "/var/lib/rendernode-coordinator/sheets";
  std::filesystem::path templates_folder = "/usr/share/rendernode/templates";

  PostgresOptions store;  // url "": SQLite, in state_folder.
  HttpServerOptions http;
  JobEventsOptions events;
  std::string public_url;  // What clients reach us by; "" = http(s)://<address>:<port>.
  // From where the dashboard may show videos and posters, besides ourselves and [s3].
  std::vector<std::string> media_origins;
  std::string asset_url_base;  // What nodes fetch shared files by; "" = <public_url>/assets.
  NodeServiceOptions nodes;    // Where nodes dial in; port 0: any free one.

  std::optional<S3Signing> s3;  // Artifacts in S3 are given out under presigned URLs.

  Authenticator keys = *Authenticator::Create({});
  std::filesystem::path admin_key_file;  // "" = admin.key in state_folder
  int keys_per_tenant_max = 100;
  absl::Duration audit_kept = absl::Hours(24 * 400);
  KeyRingOptions key_ring;
  RateLimit rate_limit;
  WebhookOptions webhooks;
  std::filesystem::path webhook_secrets_key_file;  // SecretBox::Load(); "" = kept as they are
  TemplateUploadLimits templates;
  SheetsConfig sheets;
  Quotas quotas;
  absl::Duration idempotency_kept = absl::Hours(24);

  absl::Duration sync_interval = absl::Seconds(5);  // A Sync is held open so long at most.
  absl::Duration orphan_keep = absl::Hours(24);     // How long nodes keep an unreported result.
  LeaseLimits lease;
  RetryLimits retry;
  BacklogOptions backlog;  // Who gets what next, tenants' shares too.

  std::map<std::string, std::string> values;  // By key, as ConfigReader::values().
};

// NotFound: no such file. InvalidArgument: every mistake, a line each.
absl::StatusOr<CoordinatorConfig> LoadCoordinatorConfig(const std::string& path);

// `name` stands for the file in messages.
absl::StatusOr<CoordinatorConfig> ParseCoordinatorConfig(absl::string_view text,
                                                         const std::string& name);

}  // namespace rn
