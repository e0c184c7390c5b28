#include "coordinator/webhooks.h"

#include <openssl/rand.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/hmac.h"
#include "base/status.h"
#include "coordinator/job_json.h"

namespace rn {
namespace {

constexpr int kGone = 410;  // The receiver wants no more of it.
constexpr int kDoublingsMax = 30;
// Longer than an attempt can take: what is claimed is sent by nobody else meanwhile.
constexpr absl::Duration kClaimSlack = absl::Seconds(30);

double Random() {
  thread_local std::mt19937_64 generator{std::random_device()()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

}  // namespace

std::string NewWebhookSecret() {
  std::array<unsigned char, 32> bytes{};
  CHECK(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
  return absl::StrCat(
      "whsec_",
      absl::BytesToHexString({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
}

std::string WebhookSignature(absl::string_view secret, absl::Time at, absl::string_view body) {
  const std::int64_t seconds = absl::ToUnixSeconds(at);
  const std::string digest = HmacSha256(secret, absl::StrCat(seconds, ".", body));
  return absl::StrCat("t=", seconds, ",v1=", absl::BytesToHexString(digest));
}

absl::StatusOr<std::string> WebhookSecrets::Of(const std::string& tenant) {
  return Opened(tenant, store_.WebhookSecret(tenant, Fresh(tenant), /*replace=*/false));
}

absl::StatusOr<std::string> WebhookSecrets::Replace(const std::string& tenant,
                                                    const AuditEntry& audit,
                                                    absl::Time now) {
  return Opened(tenant, store_.WebhookSecret(tenant, Fresh(tenant), /*replace=*/true, now, &audit));
}

absl::StatusOr<std::string> WebhookSecrets::Opened(const std::string& tenant,
                                                   const absl::StatusOr<std::string>& kept) const {
  RETURN_IF_ERROR(kept.status());
  if (!SecretBox::IsSealed(*kept)) {
    return *kept;
  }
  if (!box_.has_value()) {
    return absl::FailedPreconditionError(
        "the webhook secret is sealed, and webhooks.secrets_key_file is not given");
  }
  return box_->Open(*kept, tenant);
}

std::string WebhookSecrets::Fresh(const std::string& tenant) const {
  const std::string secret = NewWebhookSecret();
  return box_.has_value() ? box_->Seal(secret, tenant) : secret;
}

absl::StatusOr<std::unique_ptr<WebhookSender>> WebhookSender::Start(Store& store,
                                                                    Clock& clock,
                                                                    Clock& wall,
                                                                    const WebhookOptions& options,
                                                                    const std::string& public_url) {
  ASSIGN_OR_RETURN(AddressPolicy policy, AddressPolicy::Create(options.allow_private));
  if (!options.ca_file.empty() && access(options.ca_file.c_str(), R_OK) != 0) {
    return absl::InvalidArgumentError(ErrnoStatus(errno, options.ca_file.string()).message());
  }
  std::unique_ptr<WebhookSender> sender(new WebhookSender(
      store,
      clock,
      wall,
      options,
      {.policy = std::move(policy), .timeout = options.timeout, .ca_file = options.ca_file},
      public_url));
  for (int i = 0; i < options.threads; ++i) {
    sender->threads_.emplace_back([raw = sender.get()] { raw->Loop(raw->stop_.get_token()); });
  }
  return sender;
}

WebhookSender::WebhookSender(Store& store,
                             Clock& clock,
                             Clock& wall,
                             const WebhookOptions& options,
                             OutboundOptions post,
                             std::string public_url)
    : store_(store),
      clock_(clock),
      wall_(wall),
      options_(options),
      secrets_(store, options.secret_box),
      post_(std::move(post)),
      public_url_(std::move(public_url)) {}

WebhookSender::~WebhookSender() {
  Stop();
}

void WebhookSender::Stop() {
  {
    MutexLock lock(mutex_);
    stop_.request_stop();
    stopping_.NotifyAll();
  }
  for (std::thread& thread : threads_) {
    thread.join();
  }
  threads_.clear();
}

void WebhookSender::Loop(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const absl::StatusOr<bool> sent = SendOne();
    if (!sent.ok()) {
      SPDLOG_WARN("webhooks wait error=\"{}\"", sent.status().ToString());
    }
    if (!sent.ok() || !*sent) {
      MutexLock lock(mutex_);
      if (!stop.stop_requested()) {
        stopping_.WaitFor(mutex_, options_.poll_interval);
      }
    }
  }
}

absl::StatusOr<int> WebhookSender::SendDue() {
  for (int sent = 0;; ++sent) {
    ASSIGN_OR_RETURN(const bool more, SendOne());
    if (!more) {
      return sent;
    }
  }
}

absl::StatusOr<bool> WebhookSender::SendOne() {
  ASSIGN_OR_RETURN(const std::optional<WebhookDelivery> delivery, Take());
  if (!delivery.has_value()) {
    return false;
  }
  const absl::Status noted = Attempt(*delivery);
  Ended(delivery->tenant);
  RETURN_IF_ERROR(noted);
  return true;
}

absl::StatusOr<std::optional<WebhookDelivery>> WebhookSender::Take() {
  MutexLock lock(taking_);
  std::set<std::string> held_back;
  for (const auto& [tenant, deliveries] : under_way_) {
    if (deliveries >= options_.per_tenant_max) {
      held_back.insert(tenant);
    }
  }
  ASSIGN_OR_RETURN(std::vector<WebhookDelivery> due,
                   store_.TakeWebhooks(
                       /*limit=*/1, held_back, options_.timeout + kClaimSlack, clock_.Now()));
  if (due.empty()) {
    return std::nullopt;
  }
  ++under_way_[due.front().tenant];
  return std::move(due.front());
}

void WebhookSender::Ended(const std::string& tenant) {
  MutexLock lock(taking_);
  if (const auto ended = under_way_.find(tenant); --ended->second == 0) {
    under_way_.erase(ended);
  }
}

// The store's errors alone are returned.
absl::Status WebhookSender::Attempt(const WebhookDelivery& delivery) {
  const absl::StatusOr<int> answer = Post(delivery);
  if (absl::IsCancelled(answer.status()) || absl::IsInternal(answer.status())) {
    return absl::OkStatus();  // The claim runs out, and another attempt is made.
  }
  const std::string said =
      answer.ok() ? absl::StrCat("the receiver answered ", *answer) : answer.status().ToString();
  if (answer.ok() && *answer / 100 == 2) {
    SPDLOG_INFO("webhook delivered job={} tenant={} attempt={} status={} correlation_id={}",
                delivery.job_id,
                delivery.tenant,
                delivery.attempts,
                *answer,
                delivery.correlation_id);
    return store_.ForgetWebhook(delivery);
  }
  const bool hopeless = (answer.ok() && *answer == kGone) ||
                        absl::IsPermissionDenied(answer.status()) ||
                        absl::IsInvalidArgument(answer.status());
  if (hopeless || delivery.attempts >= options_.attempts_max) {
    SPDLOG_ERROR("webhook given up job={} tenant={} attempts={} error=\"{}\" correlation_id={}",
                 delivery.job_id,
                 delivery.tenant,
                 delivery.attempts,
                 said,
                 delivery.correlation_id);
    return store_.ForgetWebhook(delivery);
  }
  const absl::Duration delay = DelayAfter(delivery.attempts);
  SPDLOG_INFO("webhook tried again job={} tenant={} attempt={} in={} error=\"{}\"",
              delivery.job_id,
              delivery.tenant,
              delivery.attempts,
              absl::FormatDuration(delay),
              said);
  return store_.DelayWebhook(delivery, clock_.Now() + delay);
}

absl::StatusOr<int> WebhookSender::Post(const WebhookDelivery& delivery) {
  // What the store cannot tell now is told another time.
  const auto job = store_.GetJob(delivery.tenant, delivery.job_id);
  const auto secret = secrets_.Of(delivery.tenant);
  if (absl::IsDataLoss(secret.status()) || absl::IsFailedPrecondition(secret.status())) {
    SPDLOG_ERROR("webhook not signed job={} tenant={} error=\"{}\"",
                 delivery.job_id,
                 delivery.tenant,
                 secret.status().ToString());
  }
  if (!job.ok() || !secret.ok()) {
    return absl::InternalError(job.ok() ? secret.status().message() : job.status().message());
  }
  if (!IsTerminal(job->state)) {
    return absl::InternalError("the job was retried meanwhile");  // Its delivery is gone.
  }
  const std::string body = JobJson(*job, clock_.Now(), public_url_)
                               .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const OutboundRequest request = {
      .method = "POST",
      .url = delivery.url,
      .headers = {"Content-Type: application/json",
                  absl::StrCat("X-Rendernode-Delivery: ",
                               delivery.job_id,
                               "-",
                               absl::ToUnixMillis(delivery.ended_at)),
                  absl::StrCat("X-Rendernode-Attempt: ", delivery.attempts),
                  absl::StrCat("X-Rendernode-Signature: ",
                               WebhookSignature(*secret, wall_.Now(), body)),
                  absl::StrCat("X-Correlation-Id: ", delivery.correlation_id)},
      .body = body};
  ASSIGN_OR_RETURN(const OutboundAnswer answer, CallOut(request, post_, stop_.get_token()));
  return answer.status;
}

absl::Duration WebhookSender::DelayAfter(int attempts) const {
  const absl::Duration full =
      std::min(options_.backoff_max,
               options_.backoff_min * (std::int64_t{1} << std::min(attempts - 1, kDoublingsMax)));
  return full * (1.0 - Random() / 2);
}

}  // namespace rn
