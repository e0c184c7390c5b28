// Tells callback URLs of jobs that are over.
//
//   POST <callback_url>
//   Content-Type: application/json
//   X-Rendernode-Delivery: <job id>-<its end>      the same for every attempt at the same news
//   X-Rendernode-Attempt: 1
//   X-Rendernode-Signature: t=<seconds since 1970>,v1=<hex HMAC-SHA256 of "<t>.<body>">
//   X-Correlation-Id: <of the request that made the job>
//
//   the job, as GET /bulk-jobs/{id} gives it
//
// What is to be sent is the store's, so it survives a restart; a delivery may arrive twice.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "coordinator/outbound_http.h"
#include "coordinator/secret_box.h"
#include "coordinator/store.h"

namespace rn {

struct WebhookOptions {
  int threads = 8;                             // Deliveries at once; 0: none but by SendDue().
  int per_tenant_max = 2;                      // Of them, one tenant's: its receivers may hang.
  absl::Duration timeout = absl::Seconds(10);  // Of one attempt.
  int attempts_max = 15;                       // Then it is given up, and the log says so.
  // Between attempts: the first, doubled each time up to the second, shortened by up to half.
  absl::Duration backoff_min = absl::Seconds(5);
  absl::Duration backoff_max = absl::Hours(1);
  absl::Duration poll_interval = absl::Seconds(1);
  std::vector<std::string> allow_private;  // As fetch.allow_private of the daemon.
  std::filesystem::path ca_file;           // PEM, instead of the system's; "" = those.
  std::optional<SecretBox> secret_box;     // As WebhookSecrets has it.
};

// A new secret, "whsec_" and 64 hex digits.
std::string NewWebhookSecret();

// What tenants' webhooks are signed with, as the store keeps them: sealed, where there is a key.
// Thread-safe.
class WebhookSecrets {
 public:
  // `store` outlives us. Without `box` new secrets are kept as they are.
  WebhookSecrets(Store& store, std::optional<SecretBox> box)
      : store_(store), box_(std::move(box)) {}

  // The tenant's secret, a new one where it has none. One that was kept as it is, is given so.
  // FailedPrecondition: it is sealed, and there is no box. DataLoss: SecretBox::Open.
  absl::StatusOr<std::string> Of(const std::string& tenant);

  // A new one from now on.
  absl::StatusOr<std::string> Replace(const std::string& tenant,
                                      const AuditEntry& audit,
                                      absl::Time now);

 private:
  absl::StatusOr<std::string> Opened(const std::string& tenant,
                                     const absl::StatusOr<std::string>& kept) const;
  std::string Fresh(const std::string& tenant) const;

  Store& store_;  // Outlives us.
  const std::optional<SecretBox> box_;
};

// The value of X-Rendernode-Signature.
std::string WebhookSignature(absl::string_view secret, absl::Time at, absl::string_view body);

class WebhookSender {
 public:
  // InvalidArgument: `allow_private` or `ca_file` names what is none. `public_url` as for JobJson.
  // `clock` is the one that the store's times are of, `wall` the one that receivers compare
  // signatures with. The references outlive us.
  static absl::StatusOr<std::unique_ptr<WebhookSender>> Start(Store& store,
                                                              Clock& clock,
                                                              Clock& wall,
                                                              const WebhookOptions& options,
                                                              const std::string& public_url);
  ~WebhookSender();  // Stops.

  // Makes one attempt at each delivery that is due, on the caller's thread; how many there were.
  absl::StatusOr<int> SendDue();

  // Attempts under way are broken off and made again another time. Idempotent.
  void Stop();

 private:
  WebhookSender(Store& store,
                Clock& clock,
                Clock& wall,
                const WebhookOptions& options,
                OutboundOptions post,
                std::string public_url);

  absl::StatusOr<bool> SendOne();  // False: nothing is due that may be sent now.
  absl::StatusOr<std::optional<WebhookDelivery>> Take();
  void Ended(const std::string& tenant);
  absl::Status Attempt(const WebhookDelivery& delivery);
  absl::StatusOr<int> Post(const WebhookDelivery& delivery);
  absl::Duration DelayAfter(int attempts) const;
  void Loop(const std::stop_token& stop);

  Store& store_;  // Outlives us.
  Clock& clock_;  // Outlives us.
  Clock& wall_;   // Outlives us.
  const WebhookOptions options_;
  WebhookSecrets secrets_;
  const OutboundOptions post_;
  const std::string public_url_;
  std::stop_source stop_;

  Mutex taking_;  // Held while the store is asked: two at once would exceed a tenant's bound.
  std::map<std::string, int> under_way_ ABSL_GUARDED_BY(taking_);  // By tenant.

  Mutex mutex_;
  CondVar stopping_;
  std::vector<std::thread> threads_;
};

}  // namespace rn
