// What a tenant's systems are told of: jobs that are over, and the secret that proves it is us.
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "coordinator/sql_items.h"
#include "coordinator/sql_store.h"

namespace rn {
namespace {

constexpr char kDue[] =
    "SELECT w.job_id, j.tenant, r.callback_url, r.correlation_id, w.ended_ms, w.attempts, w.due_ms "
    "FROM webhook_deliveries w JOIN jobs j ON j.id = w.job_id "
    "JOIN job_requests r ON r.job_id = w.job_id "
    // A list of any length as one argument: tenants' names hold no comma.
    "WHERE w.due_ms <= :now AND REPLACE(:held_back, ',' || j.tenant || ',', '') = :all_held_back "
    "ORDER BY w.due_ms, w.job_id LIMIT :limit";

struct DeliveryRow {
  std::string job_id, tenant, url, correlation_id;
  long long ended_ms = 0, attempts = 0, due_ms = 0;

  auto Columns() {
    return std::tie(job_id, tenant, url, correlation_id, ended_ms, attempts, due_ms);
  }
};

}  // namespace

absl::StatusOr<std::vector<WebhookDelivery>> SqlStore::TakeWebhooks(
    int limit, const std::set<std::string>& held_back, absl::Duration claim, absl::Time now) {
  // With a comma of its own around each name.
  const std::string held = absl::StrCat(",", absl::StrJoin(held_back, ",,"), ",");
  // Most of the time there are none, and whoever writes waits for others who do.
  const auto due = Read([&](SqlConnection& sql) -> absl::StatusOr<std::size_t> {
    return sql.All<DeliveryRow>(kDue, Millis(now), held, held, 1).size();
  });
  if (!due.ok() || *due == 0) {
    return due.ok() ? absl::StatusOr<std::vector<WebhookDelivery>>(std::vector<WebhookDelivery>())
                    : due.status();
  }
  return Write([&](SqlConnection& sql) -> absl::StatusOr<std::vector<WebhookDelivery>> {
    std::vector<WebhookDelivery> taken;
    for (const DeliveryRow& row : sql.All<DeliveryRow>(kDue, Millis(now), held, held, limit)) {
      // Another coordinator may have been quicker.
      const std::int64_t claimed = sql.Run(
          "UPDATE webhook_deliveries SET attempts = attempts + 1, due_ms = :due "
          "WHERE job_id = :job AND ended_ms = :ended AND due_ms = :was",
          Millis(now + claim),
          row.job_id,
          row.ended_ms,
          row.due_ms);
      if (claimed > 0) {
        taken.push_back({.job_id = row.job_id,
                         .tenant = row.tenant,
                         .url = row.url,
                         .correlation_id = row.correlation_id,
                         .ended_at = absl::FromUnixMillis(row.ended_ms),
                         .attempts = static_cast<int>(row.attempts) + 1});
      }
    }
    return taken;
  });
}

absl::Status SqlStore::DelayWebhook(const WebhookDelivery& delivery, absl::Time until) {
  return database_->Write([&](SqlConnection& sql) {
    sql.Run("UPDATE webhook_deliveries SET due_ms = :due WHERE job_id = :job AND ended_ms = :ended",
            Millis(until),
            delivery.job_id,
            Millis(delivery.ended_at));
    return absl::OkStatus();
  });
}

absl::Status SqlStore::ForgetWebhook(const WebhookDelivery& delivery) {
  return database_->Write([&](SqlConnection& sql) {
    sql.Run("DELETE FROM webhook_deliveries WHERE job_id = :job AND ended_ms = :ended",
            delivery.job_id,
            Millis(delivery.ended_at));
    return absl::OkStatus();
  });
}

absl::StatusOr<std::string> SqlStore::WebhookSecret(const std::string& tenant,
                                                    const std::string& fresh,
                                                    bool replace,
                                                    absl::Time now,
                                                    const AuditEntry* audit) {
  return Write([&](SqlConnection& sql) -> absl::StatusOr<std::string> {
    if (replace) {
      sql.Run("DELETE FROM webhook_secrets WHERE tenant = :tenant", tenant);
    }
    sql.Run(
        "INSERT INTO webhook_secrets(tenant, secret) VALUES(:tenant, :secret) "
        "ON CONFLICT(tenant) DO NOTHING",
        tenant,
        fresh);
    if (audit != nullptr) {
      WriteAudit(sql, *audit, now);
    }
    const auto secret = sql.One<std::tuple<std::string>>(
        "SELECT secret FROM webhook_secrets WHERE tenant = :tenant", tenant);
    return std::get<0>(*secret);
  });
}

}  // namespace rn
